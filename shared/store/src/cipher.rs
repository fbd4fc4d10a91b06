//! From passphrase to key.

use std::{fmt::Write as _, fs::File, io::Read, path::Path};

use rand::Rng;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

/// scrypt's cost, as documented: N = 2¹⁴, r = 8, p = 5.
const LOG_N: u8 = 14;
const R: u32 = 8;
const P: u32 = 5;
const KEY: usize = 32;
/// SQLCipher keeps 16 random bytes at the head of each file; they are scrypt's salt too.
const SALT: usize = 16;

/// What every store of a deployment is encrypted under.
#[derive(Clone, Debug)]
pub struct Passphrase(SecretString);

impl Passphrase {
    /// Takes it as it is, spaces and all.
    pub const fn new(secret: SecretString) -> Self {
        Self(secret)
    }

    /// The `PRAGMA key` value for a file: raw key and salt, in hexadecimal.
    pub(crate) fn pragma(&self, salt: &[u8; SALT]) -> Zeroizing<String> {
        let mut key = Zeroizing::new([0; KEY]);
        // These parameters are constants within scrypt's bounds, and so is the key's length.
        let derived = scrypt::Params::new(LOG_N, R, P).is_ok_and(|params| {
            scrypt::scrypt(self.0.expose_secret().as_bytes(), salt, &params, key.as_mut_slice())
                .is_ok()
        });
        debug_assert!(derived);
        let mut text = Zeroizing::new(String::with_capacity(2 * (KEY + SALT) + 3));
        text.push_str("x'");
        for byte in key.iter().chain(salt) {
            // Writing to a String does not fail.
            let _ = write!(text, "{byte:02x}");
        }
        text.push('\'');
        text
    }
}

/// The salt of a file, or a new one for a file that is still empty.
pub(crate) fn salt(path: &Path) -> std::io::Result<[u8; SALT]> {
    let mut salt = [0; SALT];
    match File::open(path) {
        Ok(mut file) if file.metadata()?.len() > 0 => file.read_exact(&mut salt)?,
        Ok(_) => rand::rng().fill(&mut salt),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => rand::rng().fill(&mut salt),
        Err(error) => return Err(error),
    }
    Ok(salt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_depends_on_passphrase_and_salt_and_debug_shows_neither() {
        let passphrase = Passphrase::new("correct horse".to_owned().into());
        let key = passphrase.pragma(&[1; 16]);
        assert_eq!(key.len(), 2 * 48 + 3);
        assert_eq!(*key, *passphrase.pragma(&[1; 16]));
        assert_ne!(*key, *passphrase.pragma(&[2; 16]));
        assert_ne!(*key, *Passphrase::new("correct horse ".to_owned().into()).pragma(&[1; 16]));
        assert!(!format!("{passphrase:?}").contains("horse"));
    }
}
