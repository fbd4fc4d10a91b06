//! The key that lets devices in: an nkey account pair, known to the server by its public half.

use std::{fmt, path::Path};

use nkeys::{KeyPair, KeyPairType};
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    CredentialsError,
    credentials::{read_lines, write_new},
};

/// An account seed. Whoever has it can let anybody in as anybody: it stays with the relay.
#[derive(Clone)]
pub struct Issuer {
    seed: SecretString,
    public_key: String,
}

impl Issuer {
    /// Makes a new one.
    pub fn generate() -> Result<Self, CredentialsError> {
        let pair = KeyPair::new_account();
        let seed = pair.seed().map_err(|error| CredentialsError::Generate(error.to_string()))?;
        Ok(Self { seed: seed.into(), public_key: pair.public_key() })
    }

    /// Reads a file of one line.
    pub fn read(path: &Path) -> Result<Self, CredentialsError> {
        let text = read_lines(path)?;
        let seed = text.expose_secret().trim();
        KeyPair::from_seed(seed)
            .ok()
            .filter(|pair| matches!(pair.key_pair_type(), KeyPairType::Account))
            .map(|pair| Self { seed: seed.into(), public_key: pair.public_key() })
            .ok_or_else(|| CredentialsError::NotASeed { path: path.to_owned(), starts_with: "SA" })
    }

    /// Writes it to a new file that only its owner can read.
    pub fn write_new(&self, path: &Path) -> Result<(), CredentialsError> {
        write_new(path, &format!("{}\n", self.seed.expose_secret()).into())
    }

    /// The public key, as the server's configuration names it.
    pub fn public_key(&self) -> &str {
        &self.public_key
    }

    pub(crate) fn sign(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        KeyPair::from_seed(self.seed.expose_secret()).ok()?.sign(bytes).ok()
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Issuer")
            .field("public_key", &self.public_key)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Credentials;

    #[test]
    fn an_issuer_is_no_user_and_a_user_no_issuer() {
        let directory = tempfile::tempdir().unwrap();
        let (issuer, user) = (directory.path().join("issuer.nk"), directory.path().join("user.nk"));
        let made = Issuer::generate().unwrap();
        made.write_new(&issuer).unwrap();
        Credentials::generate().unwrap().write_new(&user).unwrap();
        assert_eq!(Issuer::read(&issuer).unwrap().public_key(), made.public_key());
        assert!(Issuer::read(&user).unwrap_err().to_string().contains("starts with SA"));
        assert!(Credentials::read(&issuer).unwrap_err().to_string().contains("starts with SU"));
        let seed = std::fs::read_to_string(&issuer).unwrap();
        assert!(seed.starts_with("SA") && !format!("{made:?}").contains(seed.trim()));
    }
}
