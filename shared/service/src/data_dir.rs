//! The directory in which a process keeps what it must not lose: one holder, its owner only.

mod error;
mod owner_only;

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

pub use error::DataDirError;
pub use owner_only::owner_only_write;

/// The version of the directory's layout that this program writes and reads.
const LAYOUT: u32 = 1;

/// Names the layout, as a decimal number.
const VERSION_FILE: &str = "VERSION";

/// Locked while a process holds the directory; its content is that process's id.
const LOCK_FILE: &str = "lock";

/// Bytes of the two files above that are looked at; both hold one number.
const NUMBER_MAX: u64 = 64;

/// A data directory that this process holds until the value is dropped.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    /// The lock lasts as long as this file is open, also through a crash. Absent where several
    /// processes share the directory and lock its files one by one.
    _lock: Option<File>,
}

impl DataDir {
    /// Opens the directory, creating it for its owner alone if it is not there. Refuses one that
    /// cannot be written, that another process holds, or that a newer version has written.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, DataDirError> {
        let path = path.into();
        create(&path)?;
        // Before the lock: a directory that cannot be written would fail there less plainly.
        owner_only::probe(&path).map_err(|error| DataDirError::not_writable(&path, error))?;
        let lock = lock(&path)?;
        check_layout(&path)?;
        warn_if_readable_by_others(&path);
        Ok(Self { path, _lock: Some(lock) })
    }

    /// The same for services that run as processes of their own in one directory: each locks its
    /// own files there.
    pub fn open_shared(path: impl Into<PathBuf>) -> Result<Self, DataDirError> {
        let path = path.into();
        create(&path)?;
        owner_only::probe(&path).map_err(|error| DataDirError::not_writable(&path, error))?;
        check_layout(&path)?;
        warn_if_readable_by_others(&path);
        Ok(Self { path, _lock: None })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where a file of it is.
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }
}

fn create(path: &Path) -> Result<(), DataDirError> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(DataDirError::NotADirectory { path: path.to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|source| DataDirError::Create { path: path.to_owned(), source }),
        Err(error) => Err(DataDirError::not_writable(path, error)),
    }
}

fn lock(path: &Path) -> Result<File, DataDirError> {
    let failed = |source| DataDirError::Lock { path: path.to_owned(), source };
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path.join(LOCK_FILE))
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(DataDirError::Held { path: path.to_owned(), holder: holder(&mut file) });
        }
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    let pid = format!("{}\n", std::process::id());
    file.set_len(0).and_then(|()| file.write_all(pid.as_bytes())).map_err(failed)?;
    Ok(file)
}

/// The id that the holder left in the lock file. It may be writing it at this moment.
fn holder(file: &mut File) -> Option<u32> {
    file.rewind().ok()?;
    number(file).ok()?
}

fn check_layout(path: &Path) -> Result<(), DataDirError> {
    let file = path.join(VERSION_FILE);
    let failed = |source| DataDirError::Version { path: file.clone(), source };
    let found = match File::open(&file) {
        Ok(mut open) => number(&mut open).map_err(failed)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return owner_only_write(&file, format!("{LAYOUT}\n").as_bytes()).map_err(failed);
        }
        Err(error) => return Err(failed(error)),
    };
    match found {
        Some(LAYOUT) => Ok(()),
        Some(found) if found > LAYOUT => {
            Err(DataDirError::Newer { path: path.to_owned(), found, known: LAYOUT })
        }
        _ => Err(DataDirError::Foreign { path: file }),
    }
}

fn number(file: &mut File) -> io::Result<Option<u32>> {
    let mut bytes = Vec::new();
    file.take(NUMBER_MAX).read_to_end(&mut bytes)?;
    Ok(std::str::from_utf8(&bytes).ok().and_then(|text| text.trim().parse().ok()))
}

/// Only a warning: the files inside are closed to others themselves, and a volume's owner may
/// have reasons for the directory's mode.
fn warn_if_readable_by_others(path: &Path) {
    let Ok(metadata) = fs::metadata(path) else { return };
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        tracing::warn!(path = %path.display(), mode = format!("{mode:o}"),
            "others may look into the data directory; chmod 700 closes it");
    }
}

#[cfg(test)]
mod tests;
