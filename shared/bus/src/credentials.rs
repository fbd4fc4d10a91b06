//! What a service shows to NATS: an nkey seed of its own.

use std::{
    fmt, fs,
    io::{self, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use nkeys::{KeyPair, KeyPairType};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

const INBOX_CONTEXT: &[u8] = b"sysmaint-inbox-v1";
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Enough for 128 bits.
const INBOX_DIGITS: usize = 22;
/// A seed has 58 characters; nothing longer is read.
const FILE_MAX: u64 = 256;

/// An nkey user seed. It is wiped from memory when dropped and never printed.
#[derive(Clone)]
pub struct Credentials {
    seed: SecretString,
    public_key: String,
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
    #[error("{0} does not hold an nkey user seed: one line that starts with SU")]
    NotASeed(PathBuf),
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
        Ok(Self { seed: seed.into(), public_key: pair.public_key() })
    }

    /// Reads a file of one line.
    pub fn read(path: &Path) -> Result<Self, CredentialsError> {
        let mut text = String::new();
        fs::File::open(path)
            .and_then(|file| file.take(FILE_MAX).read_to_string(&mut text))
            .map_err(|source| CredentialsError::Read { path: path.to_owned(), source })?;
        let text = SecretString::from(text);
        Self::from_seed(text.expose_secret().trim())
            .ok_or_else(|| CredentialsError::NotASeed(path.to_owned()))
    }

    /// Writes them to a new file that only its owner can read.
    pub fn write_new(&self, path: &Path) -> Result<(), CredentialsError> {
        fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .and_then(|mut file| {
                writeln!(file, "{}", self.seed.expose_secret())?;
                file.sync_all()
            })
            .map_err(|source| CredentialsError::Write { path: path.to_owned(), source })
    }

    /// The public key, as the server's configuration names a user.
    pub fn public_key(&self) -> String {
        self.public_key.clone()
    }

    /// Where answers to requests go. Random to everybody else: a handle here would print the
    /// sender beside each publish, and a guessable one would invite others to listen.
    pub fn inbox_prefix(&self) -> String {
        let digest = Sha256::new()
            .chain_update(INBOX_CONTEXT)
            .chain_update([0])
            .chain_update(self.seed.expose_secret().as_bytes())
            .finalize();
        let mut half = [0; 16];
        half.copy_from_slice(&digest[..16]);
        format!("_INBOX.{}", base62(u128::from_be_bytes(half)))
    }

    /// For the connection alone.
    pub(crate) fn seed(&self) -> &SecretString {
        &self.seed
    }

    fn from_seed(seed: &str) -> Option<Self> {
        let pair = KeyPair::from_seed(seed).ok()?;
        matches!(pair.key_pair_type(), KeyPairType::User)
            .then(|| Self { seed: seed.into(), public_key: pair.public_key() })
    }
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
    use std::os::unix::fs::PermissionsExt as _;

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
            assert!(matches!(Credentials::read(&path), Err(CredentialsError::NotASeed(_))));
        }
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
