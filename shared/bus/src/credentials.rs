//! What a service shows to NATS: an nkey seed of its own.

mod seed_file;

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use nkeys::{KeyPair, KeyPairType};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use sysmaint_protocol::{InboxPrefix, InvalidInbox, InvalidUserKey, NatsLogin, NatsUserKey};

pub(crate) use seed_file::{read_lines, write_new};

const INBOX_CONTEXT: &[u8] = b"sysmaint-inbox-v1";
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Enough for 128 bits.
const INBOX_DIGITS: usize = 22;

/// An nkey user seed. It is wiped from memory when dropped and never printed.
///
/// A file holds the seed in its first line. A second line, which a rotation writes, names the
/// inbox prefix: that one is not to change under a service that is running.
#[derive(Clone)]
pub struct Credentials {
    seed: SecretString,
    public_key: String,
    inbox_prefix: String,
    path: Option<PathBuf>,
}

/// Credentials could not be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// The file cannot be read.
    #[error("cannot read the nkey in {path}: {source}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It holds something else.
    #[error("{path} does not hold an nkey seed: one line that starts with {starts_with}")]
    NotASeed {
        /// Which file.
        path: PathBuf,
        /// What it should hold.
        starts_with: &'static str,
    },
    /// The file cannot be written; one that is there is never overwritten.
    #[error("cannot write the nkey to {path}: {source}")]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No seed could be made.
    #[error("cannot make an nkey: {0}")]
    Generate(String),
}

impl Credentials {
    /// Makes new ones.
    pub fn generate() -> Result<Self, CredentialsError> {
        let pair = KeyPair::new_user();
        let seed = pair.seed().map_err(|error| CredentialsError::Generate(error.to_string()))?;
        let inbox_prefix = inbox_prefix(&seed);
        Ok(Self { seed: seed.into(), public_key: pair.public_key(), inbox_prefix, path: None })
    }

    /// Reads a file. A connection that is made with them reads it again whenever it logs in, and
    /// so follows a rotation.
    pub fn read(path: &Path) -> Result<Self, CredentialsError> {
        let text = read_lines(path)?;
        Self::parse(text.expose_secret())
            .map(|read| Self { path: Some(path.to_owned()), ..read })
            .ok_or_else(|| CredentialsError::NotASeed { path: path.to_owned(), starts_with: "SU" })
    }

    /// Writes them to a new file that only its owner can read.
    pub fn write_new(&self, path: &Path) -> Result<(), CredentialsError> {
        write_new(path, &self.text())
    }

    /// A new key for the same service, whose answers go on coming to the same place.
    pub fn rotated(&self) -> Result<Self, CredentialsError> {
        Ok(Self { inbox_prefix: self.inbox_prefix.clone(), ..Self::generate()? })
    }

    /// Puts them in the place of what a file holds: whole or not at all.
    pub fn replace(&self, path: &Path) -> Result<(), CredentialsError> {
        seed_file::replace(path, &self.text())
    }

    /// The public key, as the server's configuration names a user.
    pub fn public_key(&self) -> String {
        self.public_key.clone()
    }

    /// Where answers to requests go. Random to everybody else: a handle here would print the
    /// sender beside each publish, and a guessable one would invite others to listen.
    pub fn inbox_prefix(&self) -> String {
        self.inbox_prefix.clone()
    }

    /// What a device that registers at run time says of them.
    pub fn login(&self) -> Result<NatsLogin, CredentialsError> {
        let failed = |error: &dyn fmt::Display| CredentialsError::Generate(error.to_string());
        Ok(NatsLogin {
            user: NatsUserKey::try_from(self.public_key())
                .map_err(|error: InvalidUserKey| failed(&error))?,
            inbox: InboxPrefix::try_from(self.inbox_prefix())
                .map_err(|error: InvalidInbox| failed(&error))?,
        })
    }

    /// Answers a server's challenge with the key that the file holds now, or, if it cannot be
    /// read any more, with the one that it held.
    pub(crate) fn sign(&self, nonce: &[u8]) -> Result<(String, Vec<u8>), CredentialsError> {
        let now = self.path.as_deref().and_then(|path| Self::read(path).ok());
        let now = now.as_ref().unwrap_or(self);
        let failed = |error: nkeys::error::Error| CredentialsError::Generate(error.to_string());
        let pair = KeyPair::from_seed(now.seed.expose_secret()).map_err(failed)?;
        Ok((now.public_key.clone(), pair.sign(nonce).map_err(failed)?))
    }

    fn text(&self) -> SecretString {
        let seed = self.seed.expose_secret();
        if self.inbox_prefix == inbox_prefix(seed) {
            format!("{seed}\n").into()
        } else {
            format!("{seed}\n{}\n", self.inbox_prefix).into()
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.trim().lines().map(str::trim);
        let seed = lines.next()?;
        let named = lines.next().map(|line| InboxPrefix::try_from(line.to_owned()));
        let inbox_prefix = match named {
            Some(prefix) => prefix.ok()?.into(),
            None => inbox_prefix(seed),
        };
        let pair = KeyPair::from_seed(seed).ok()?;
        let whole = lines.next().is_none() && matches!(pair.key_pair_type(), KeyPairType::User);
        whole.then(|| Self {
            seed: seed.into(),
            public_key: pair.public_key(),
            inbox_prefix,
            path: None,
        })
    }
}

/// Whether this is a public nkey whose checksum holds.
pub fn is_genuine(key: &NatsUserKey) -> bool {
    KeyPair::from_public_key(key.as_str())
        .is_ok_and(|pair| matches!(pair.key_pair_type(), KeyPairType::User))
}

/// The prefix of a seed that was never rotated.
fn inbox_prefix(seed: &str) -> String {
    let digest = Sha256::new()
        .chain_update(INBOX_CONTEXT)
        .chain_update([0])
        .chain_update(seed.as_bytes())
        .finalize();
    let mut half = [0; 16];
    half.copy_from_slice(&digest[..16]);
    format!("_INBOX.{}", base62(u128::from_be_bytes(half)))
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Credentials")
            .field("public_key", &self.public_key)
            .finish_non_exhaustive()
    }
}

fn base62(mut number: u128) -> String {
    let mut digits = [b'0'; INBOX_DIGITS];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[usize::try_from(number % 62).unwrap_or_default()];
        number /= 62;
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    #[test]
    fn what_is_written_is_read_back_by_its_owner_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("agent.nk");
        let made = Credentials::generate().unwrap();
        made.write_new(&path).unwrap();
        let read = Credentials::read(&path).unwrap();
        assert_eq!(read.public_key(), made.public_key());
        assert_eq!(read.inbox_prefix(), made.inbox_prefix());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(matches!(made.write_new(&path), Err(CredentialsError::Write { .. })));
    }

    #[test]
    fn other_kinds_of_keys_and_garbage_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("wrong.nk");
        let account = KeyPair::new_account().seed().unwrap();
        for text in ["", "hello\n", &account, "SUA\n"] {
            fs::write(&path, text).unwrap();
            assert!(matches!(Credentials::read(&path), Err(CredentialsError::NotASeed { .. })));
        }
    }

    #[test]
    fn a_rotated_key_is_another_with_the_old_inbox_and_is_used_from_its_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("agent.nk");
        Credentials::generate().unwrap().write_new(&path).unwrap();
        let before = Credentials::read(&path).unwrap();
        assert_eq!(before.sign(b"nonce").unwrap().0, before.public_key());
        let next = before.rotated().unwrap();
        next.replace(&path).unwrap();
        let read = Credentials::read(&path).unwrap();
        assert_eq!(read.public_key(), next.public_key());
        assert_ne!(read.public_key(), before.public_key());
        assert_eq!(read.inbox_prefix(), before.inbox_prefix());
        assert_eq!(before.sign(b"nonce").unwrap().0, next.public_key());
        assert_eq!(read.login().unwrap().inbox.as_str(), before.inbox_prefix());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::remove_file(&path).unwrap();
        assert_eq!(before.sign(b"nonce").unwrap().0, before.public_key());
    }

    #[test]
    fn nothing_of_the_seed_is_printed() {
        let made = Credentials::generate().unwrap();
        let printed = format!("{made:?}");
        assert!(printed.contains(&made.public_key()));
        assert!(!printed.contains(&made.seed.expose_secret()[2..]));
    }

    #[test]
    fn an_inbox_prefix_has_22_digits_and_differs_by_seed() {
        let prefixes: Vec<_> =
            (0..2).map(|_| Credentials::generate().unwrap().inbox_prefix()).collect();
        assert_ne!(prefixes[0], prefixes[1]);
        assert!(prefixes.iter().all(|prefix| prefix.len() == "_INBOX.".len() + 22));
        assert_eq!(base62(61), format!("{}z", "0".repeat(21)));
    }
}
