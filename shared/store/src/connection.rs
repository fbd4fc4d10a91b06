//! Opening files.

use std::{
    fs,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Once,
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags, config::DbConfig};
use zeroize::Zeroizing;

use crate::{
    cipher::{self, Passphrase},
    lock::LockError,
    migrate::{self, Schema},
};

/// A store could not be opened. Nothing in it was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The database itself said no.
    #[error("{path} cannot be opened: {source}")]
    Database {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// The file cannot be reached or written.
    #[error("{path} cannot be opened: {source}; check that the directory exists and is writable")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Another process has it.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A newer program wrote it.
    #[error(
        "{path} was written by a newer sysmaint (schema {found}, this program knows {known}); \
         start that version again, or upgrade this one"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: u32,
        /// The newest that this program knows.
        known: u32,
    },
    /// The writer thread could not be started.
    #[error("no thread for {path}: {source}")]
    Thread {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is something else.
    #[error("{path} is not {wanted}; name the right file")]
    OtherKind {
        /// The file.
        path: PathBuf,
        /// What it should be.
        wanted: &'static str,
    },
    /// The passphrase is not the one that the file was made with.
    #[error(
        "wrong passphrase for {path}, or the file is damaged; nothing was changed. \
         Give the passphrase that it was made with in MEGA_PASSPHRASE or MEGA_PASSPHRASE_FILE"
    )]
    Passphrase {
        /// The file.
        path: PathBuf,
    },
}

/// A file and the key to it, for opening several connections.
pub(crate) struct Keyed {
    path: PathBuf,
    pragma: Zeroizing<String>,
}

impl Keyed {
    /// Derives the key, which takes a few tenths of a second on purpose.
    pub(crate) fn derive(path: &Path, passphrase: &Passphrase) -> Result<Self, OpenError> {
        let io = |source| OpenError::Io { path: path.to_owned(), source };
        let salt = cipher::salt(path).map_err(io)?;
        Ok(Self { path: path.to_owned(), pragma: passphrase.pragma(&salt) })
    }

    /// The connection that writes; creates the file and brings it to this version.
    pub(crate) fn writer(&self, schema: &Schema) -> Result<Connection, OpenError> {
        self.create_owner_only()?;
        let mut connection = self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        self.check_kind(&connection, schema)?;
        prepare(&mut connection, schema).map_err(|error| self.error(error))?;
        Ok(connection)
    }

    /// A connection that cannot write.
    pub(crate) fn reader(&self) -> Result<Connection, OpenError> {
        let connection = self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.pragma_update(None, "query_only", true).map_err(|error| self.error(error))?;
        Ok(connection)
    }

    /// A connection to a file that another process may be writing. It changes nothing, not even
    /// by tidying up behind a process that was killed.
    pub(crate) fn observer(&self, schema: &Schema) -> Result<Connection, OpenError> {
        let connection = self.connect(OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        self.check_kind(&connection, schema)?;
        let prepare = || {
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
            connection.pragma_update(None, "query_only", true)
        };
        prepare().map_err(|error| self.error(error))?;
        Ok(connection)
    }

    fn check_kind(&self, connection: &Connection, schema: &Schema) -> Result<(), OpenError> {
        let path = || self.path.clone();
        if !schema.fits(connection).map_err(|error| self.error(error))? {
            return Err(OpenError::OtherKind { path: path(), wanted: schema.what });
        }
        let found = migrate::version(connection).map_err(|error| self.error(error))?;
        let known = schema.version();
        if found > known { Err(OpenError::Newer { path: path(), found, known }) } else { Ok(()) }
    }

    fn connect(&self, access: OpenFlags) -> Result<Connection, OpenError> {
        set_up_sqlcipher();
        let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection =
            Connection::open_with_flags(&self.path, flags).map_err(|error| self.error(error))?;
        let unlock = || {
            // Else a connection with the wrong key would write a killed process's journal back,
            // unread, when it is closed.
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
            // SQLCipher would print every wrong key's failure to stderr.
            connection.execute_batch("PRAGMA cipher_log_level = NONE")?;
            let statement = Zeroizing::new(format!("PRAGMA key = \"{}\"", *self.pragma));
            connection.execute_batch(&statement)?;
            connection.busy_timeout(Duration::from_secs(5))?;
            connection.set_prepared_statement_cache_capacity(128);
            // The first read: it fails here if the key is not the file's.
            connection.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()))?;
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)
        };
        let _set: bool = unlock().map_err(|error| self.error(error))?;
        Ok(connection)
    }

    /// An empty file that only its owner can read. SQLite gives its companions the same mode.
    fn create_owner_only(&self) -> Result<(), OpenError> {
        let io = |source| OpenError::Io { path: self.path.clone(), source };
        let mut options = fs::OpenOptions::new();
        let file = options
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&self.path)
            .map_err(io)?;
        let permissions = file.metadata().map_err(io)?.permissions();
        if permissions.mode() & 0o077 != 0 {
            fs::set_permissions(&self.path, fs::Permissions::from_mode(0o600)).map_err(io)?;
        }
        Ok(())
    }

    fn error(&self, source: rusqlite::Error) -> OpenError {
        let path = self.path.clone();
        match source.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => OpenError::Passphrase { path },
            _ => OpenError::Database { path, source },
        }
    }
}

fn prepare(connection: &mut Connection, schema: &Schema) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // A ratchet that a power cut rolls back would use its keys twice.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    schema.run(connection)
}

/// SQLite takes itself for initialised before SQLCipher is, so that of several threads that open
/// the process's first files at the same time one may be refused its key. One goes first.
fn set_up_sqlcipher() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| drop(Connection::open_in_memory()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_a_newer_version_is_refused_in_words_and_left_alone() {
        let dir = tempfile::TempDir::new().unwrap();
        let passphrase = Passphrase::new("correct horse".to_owned().into());
        let keyed = Keyed::derive(&dir.path().join("newer.db"), &passphrase).unwrap();
        let connection = keyed.writer(&migrate::STORE).unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        drop(connection);
        let error = keyed.writer(&migrate::STORE).unwrap_err();
        assert!(matches!(error, OpenError::Newer { found: 99, .. }), "{error}");
        assert!(error.to_string().contains("newer sysmaint"), "{error}");
        assert_eq!(migrate::version(&keyed.reader().unwrap()).unwrap(), 99);
    }
}
