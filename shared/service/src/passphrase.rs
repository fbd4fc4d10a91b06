//! The passphrase under which the stores of a data directory are encrypted.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rand::{TryRngCore as _, rngs::OsRng};
use secrecy::{ExposeSecret as _, SecretString, zeroize::Zeroizing};

use crate::{
    config::read_secret_file,
    data_dir::{DataDir, owner_only_write},
};

/// The data directory's own passphrase file.
pub const FILE_NAME: &str = "passphrase";

/// Bytes of randomness in a generated passphrase.
const GENERATED: usize = 32;

/// A passphrase, and how the process came by it.
#[derive(Debug)]
pub struct Passphrase {
    /// The passphrase, verbatim.
    pub secret: SecretString,
    /// How the process came by it.
    pub origin: Origin,
}

/// How the process came by the passphrase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// From `MEGA_PASSPHRASE` or the file that `MEGA_PASSPHRASE_FILE` names.
    Environment,
    /// From the data directory's own file.
    File(PathBuf),
    /// Made just now and written to the data directory's own file. The caller says so.
    Generated(PathBuf),
}

/// Why there is no passphrase.
#[derive(Debug, thiserror::Error)]
pub enum PassphraseError {
    /// The directory holds stores, so a new passphrase could open none of them.
    #[error(
        "the stores in {} are encrypted under a passphrase that is not given: \
         set MEGA_PASSPHRASE or MEGA_PASSPHRASE_FILE, or put the file {FILE_NAME} back",
        path.display()
    )]
    Lost {
        /// The data directory.
        path: PathBuf,
    },
    /// The operating system gives no randomness.
    #[error("a passphrase cannot be generated: the operating system gives no randomness")]
    NoRandomness,
    /// The passphrase file, or the directory it lies in, cannot be read.
    #[error("{} cannot be used: {reason}", path.display())]
    Unreadable {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The generated passphrase cannot be stored.
    #[error("{} cannot be written", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Passphrase {
    /// The given passphrase; else the one in the directory's own file; else, while the directory
    /// holds no store yet, a generated one that is stored there.
    ///
    /// A generated passphrase that lies beside the stores protects a copy of the stores alone,
    /// not a copy of the whole directory.
    pub fn resolve(given: Option<SecretString>, data: &DataDir) -> Result<Self, PassphraseError> {
        let path = data.join(FILE_NAME);
        let stored = stored(&path)?;
        match (given, stored) {
            (Some(secret), stored) => {
                warn_if_different(&secret, stored.as_ref());
                Ok(Self { secret, origin: Origin::Environment })
            }
            (None, Some(secret)) => Ok(Self { secret, origin: Origin::File(path) }),
            (None, None) if holds_stores(data.path())? => {
                Err(PassphraseError::Lost { path: data.path().to_owned() })
            }
            (None, None) => {
                let secret = generate()?;
                owner_only_write(&path, format!("{}\n", secret.expose_secret()).as_bytes())
                    .map_err(|source| PassphraseError::Write { path: path.clone(), source })?;
                Ok(Self { secret, origin: Origin::Generated(path) })
            }
        }
    }
}

fn stored(path: &Path) -> Result<Option<SecretString>, PassphraseError> {
    let unreadable = |reason| PassphraseError::Unreadable { path: path.to_owned(), reason };
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error.to_string())),
    };
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        tracing::warn!(path = %path.display(), mode = format!("{mode:o}"),
            "others may read the passphrase; chmod 600 closes it");
    }
    read_secret_file(path).map(Some).map_err(unreadable)
}

fn warn_if_different(given: &SecretString, stored: Option<&SecretString>) {
    if stored.is_some_and(|stored| stored.expose_secret() != given.expose_secret()) {
        tracing::warn!("the given passphrase is not the one in the data directory; it is used");
    }
}

/// Whether the directory holds a database.
fn holds_stores(path: &Path) -> Result<bool, PassphraseError> {
    let unreadable = |error: io::Error| PassphraseError::Unreadable {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "db") {
            return Ok(true);
        }
    }
    Ok(false)
}

fn generate() -> Result<SecretString, PassphraseError> {
    // Not a parameter: a weak source here would be a weakness that nobody sees.
    let mut bytes = Zeroizing::new([0; GENERATED]);
    OsRng.try_fill_bytes(&mut *bytes).map_err(|_| PassphraseError::NoRandomness)?;
    Ok(SecretString::from(URL_SAFE_NO_PAD.encode(*bytes)))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn data() -> (TempDir, DataDir) {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::open(dir.path().join("data")).unwrap();
        (dir, data)
    }

    #[test]
    fn a_first_start_generates_one_and_the_next_start_finds_it() {
        let (_dir, data) = data();
        let path = data.join("passphrase");
        let first = Passphrase::resolve(None, &data).unwrap();
        assert_eq!(first.origin, Origin::Generated(path.clone()));
        assert_eq!(first.secret.expose_secret().len(), 43);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

        let next = Passphrase::resolve(None, &data).unwrap();
        assert_eq!(next.origin, Origin::File(path));
        assert_eq!(next.secret.expose_secret(), first.secret.expose_secret());
    }

    #[test]
    fn two_directories_get_two_passphrases() {
        let ((_a, a), (_b, b)) = (data(), data());
        let (a, b) = (Passphrase::resolve(None, &a), Passphrase::resolve(None, &b));
        assert_ne!(a.unwrap().secret.expose_secret(), b.unwrap().secret.expose_secret());
    }

    #[test]
    fn a_given_one_stands_over_the_stored_one_and_is_not_written() {
        let (_dir, data) = data();
        let passphrase = Passphrase::resolve(Some(SecretString::from("alpha")), &data).unwrap();
        assert_eq!(passphrase.origin, Origin::Environment);
        assert!(!data.join("passphrase").exists());

        fs::write(data.join("passphrase"), "beta\n").unwrap();
        let passphrase = Passphrase::resolve(Some(SecretString::from("alpha")), &data).unwrap();
        assert_eq!(passphrase.secret.expose_secret(), "alpha");
        let passphrase = Passphrase::resolve(None, &data).unwrap();
        assert_eq!(passphrase.secret.expose_secret(), "beta");
    }

    #[test]
    fn none_is_generated_beside_stores_that_need_another() {
        let (_dir, data) = data();
        fs::write(data.join("agent.db"), "").unwrap();
        let error = Passphrase::resolve(None, &data).unwrap_err();
        assert!(matches!(error, PassphraseError::Lost { .. }), "{error}");
        assert!(!data.join("passphrase").exists());
        Passphrase::resolve(Some(SecretString::from("alpha")), &data).unwrap();
    }

    #[test]
    fn an_empty_file_is_refused_rather_than_replaced() {
        let (_dir, data) = data();
        fs::write(data.join("passphrase"), "").unwrap();
        let error = Passphrase::resolve(None, &data).unwrap_err();
        assert!(error.to_string().ends_with("cannot be used: it is empty"), "{error}");
    }

    #[test]
    fn debug_does_not_show_it() {
        let (_dir, data) = data();
        let passphrase = Passphrase::resolve(Some(SecretString::from("hunter2")), &data).unwrap();
        assert!(!format!("{passphrase:?}").contains("hunter2"));
    }
}
