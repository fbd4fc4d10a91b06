//! The files that seeds are kept in: small, and their owner's alone.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use secrecy::{ExposeSecret as _, SecretString};

use super::CredentialsError;

/// A seed has 58 characters and an inbox prefix 29; nothing longer is read.
const FILE_MAX: u64 = 256;

/// All of a file, up to a bound.
pub(crate) fn read_lines(path: &Path) -> Result<SecretString, CredentialsError> {
    let mut text = String::new();
    fs::File::open(path)
        .and_then(|file| file.take(FILE_MAX).read_to_string(&mut text))
        .map_err(|source| CredentialsError::Read { path: path.to_owned(), source })?;
    Ok(text.into())
}

/// Writes a file that must not be there yet.
pub(crate) fn write_new(path: &Path, text: &SecretString) -> Result<(), CredentialsError> {
    write(path, text).map_err(|source| CredentialsError::Write { path: path.to_owned(), source })
}

/// Puts a file in the place of another.
pub(super) fn replace(path: &Path, text: &SecretString) -> Result<(), CredentialsError> {
    let draft = path.with_extension("new");
    let replaced = match fs::remove_file(&draft) {
        // Left by an attempt that was cut off.
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    };
    replaced
        .and_then(|()| write(&draft, text))
        .and_then(|()| fs::rename(&draft, path))
        .map_err(|source| CredentialsError::Write { path: path.to_owned(), source })
}

fn write(path: &Path, text: &SecretString) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.expose_secret().as_bytes())?;
    file.sync_all()
}
