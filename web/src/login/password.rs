//! The password: as text until the server begins, as a hash from then on.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use secrecy::{ExposeSecret as _, SecretString};
use sysmaint_service::http_server::is_equal;
use zeroize::Zeroizing;

/// scrypt's cost, as for the stores: N = 2¹⁴, r = 8, p = 5, which takes 16 MiB.
const LOG_N: u8 = 14;
const R: u32 = 8;
const P: u32 = 5;

/// Characters that a password has at least, and bytes that it has at most.
const LEAST: usize = 12;
const MOST: usize = 1024;

/// `WEB_PASSWORD`. Clones share it: once the hash is made, no clone holds the text.
#[derive(Clone)]
pub struct Password(Arc<Mutex<State>>);

enum State {
    Text(SecretString),
    Hash(Arc<PasswordHash>),
}

/// Why a text cannot be the password. Holds nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnfitPassword {
    /// It can be guessed.
    #[error("the password must have at least {LEAST} characters; a few words will do")]
    TooShort,
    /// It is no password.
    #[error("the password must have at most {MOST} bytes")]
    TooLong,
}

impl Password {
    /// Takes it as it is, spaces and all.
    pub fn new(text: SecretString) -> Result<Self, UnfitPassword> {
        if text.expose_secret().chars().count() < LEAST {
            return Err(UnfitPassword::TooShort);
        }
        if text.expose_secret().len() > MOST {
            return Err(UnfitPassword::TooLong);
        }
        Ok(Self(Arc::new(Mutex::new(State::Text(text)))))
    }

    /// The hash, in whose place the text is forgotten. Takes a while the first time.
    pub(super) fn hash(&self) -> Arc<PasswordHash> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let hash = match &*state {
            State::Text(text) => Arc::new(PasswordHash::new(text.expose_secret())),
            State::Hash(hash) => Arc::clone(hash),
        };
        *state = State::Hash(Arc::clone(&hash));
        hash
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Password(…)")
    }
}

/// What a password is recognised by.
pub(super) struct PasswordHash {
    salt: [u8; 16],
    /// `None` where the hash could not be made: nothing is equal to that.
    key: Option<Zeroizing<[u8; 32]>>,
}

impl PasswordHash {
    fn new(text: &str) -> Self {
        let salt = rand::random();
        Self { salt, key: derive(text, &salt) }
    }

    /// Compares hashes, all of their bytes. Takes a while.
    pub(super) fn is_of(&self, text: &str) -> bool {
        let known = self.key.as_ref();
        let presented = derive(text, &self.salt);
        known.zip(presented).is_some_and(|(known, other)| is_equal(&**known, &*other))
    }
}

fn derive(text: &str, salt: &[u8; 16]) -> Option<Zeroizing<[u8; 32]>> {
    let mut key = Zeroizing::new([0; 32]);
    // These parameters are constants within scrypt's bounds, and so is the key's length.
    let params = scrypt::Params::new(LOG_N, R, P).ok()?;
    scrypt::scrypt(text.as_bytes(), salt, &params, key.as_mut_slice()).ok()?;
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_text_is_the_password() {
        let password = Password::new(" correct horse ".into()).unwrap();
        let hash = password.clone().hash();
        assert!(hash.is_of(" correct horse "));
        for other in ["", "correct horse", " correct horse", " Correct horse ", " correct horse  "]
        {
            assert!(!hash.is_of(other), "{other:?}");
        }
        assert!(matches!(&*password.0.lock().unwrap(), State::Hash(_)), "a clone holds the text");
    }

    #[test]
    fn equal_passwords_have_different_hashes() {
        let hash = || Password::new("correct horse".into()).unwrap().hash();
        let (one, other) = (hash(), hash());
        assert!(one.salt != other.salt && one.key != other.key);
    }

    #[test]
    fn a_password_has_twelve_characters_at_least() {
        let fit = |text: &str| Password::new(text.into()).map(|_| ());
        assert_eq!(fit("elevenchars"), Err(UnfitPassword::TooShort));
        assert_eq!(fit("äöüäöü"), Err(UnfitPassword::TooShort));
        assert_eq!(fit("twelve chars"), Ok(()));
        assert_eq!(fit(&"x".repeat(MOST + 1)), Err(UnfitPassword::TooLong));
    }

    #[test]
    fn it_is_not_shown() {
        let shown = format!("{:?}", Password::new("correct horse".into()).unwrap());
        assert!(!shown.contains("horse"), "{shown}");
    }
}
