//! The certificate authority's file: encrypted like every store, made once, the same for every
//! bridge of a deployment.

use std::path::Path;

use rusqlite::OptionalExtension;
use sysmaint_device::authority::{Authority, AuthorityError};
use zeroize::Zeroizing;

use crate::{OpenError, Passphrase, connection::Keyed, lock::Lock, migrate};

/// The authority's file is not to be used.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityFileError {
    /// What is in it is damaged.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The file cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A statement failed.
    #[error("the certificate authority's file failed: {0}")]
    Sql(#[from] rusqlite::Error),
}

/// Reads the authority; makes one the first time.
pub fn load_or_create_authority(
    path: &Path,
    passphrase: &Passphrase,
) -> Result<Authority, AuthorityFileError> {
    let _lock = Lock::acquire(path).map_err(OpenError::from)?;
    let connection = Keyed::derive(path, passphrase)?.writer(&migrate::STORE)?;
    let known: Option<Vec<u8>> =
        connection.query_row("SELECT bytes FROM authority", [], |row| row.get(0)).optional()?;
    if let Some(bytes) = known {
        return Ok(Authority::from_bytes(&Zeroizing::new(bytes))?);
    }
    let authority = Authority::generate(&mut rand::rng())?;
    let bytes = authority.to_bytes()?;
    connection.execute("INSERT INTO authority VALUES (1, ?1)", [bytes.as_slice()])?;
    Ok(authority)
}
