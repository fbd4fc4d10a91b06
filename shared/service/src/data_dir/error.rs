//! Why a data directory cannot be used, in words that say what to do.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::exit::Exit;

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// It is not there and cannot be created.
    #[error(
        "the data directory {} cannot be created: create it for this user, \
         or set SYSMAINT_DATA_DIR to a place where it may be",
        path.display()
    )]
    Create {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Its version file holds something that no version of this program wrote.
    #[error(
        "{} does not hold a layout version: this may not be a data directory of sysmaint; \
         set SYSMAINT_DATA_DIR to the right one",
        path.display()
    )]
    Foreign {
        /// The version file.
        path: PathBuf,
    },
    /// Another process uses it.
    #[error("the data directory {} is in use by {}: stop that one first, or set SYSMAINT_DATA_DIR \
         to another directory", path.display(), holder_text(*holder))]
    Held {
        /// The directory.
        path: PathBuf,
        /// The other process's id, as that process sees it.
        holder: Option<u32>,
    },
    /// It cannot be locked at all.
    #[error("the data directory {} cannot be locked: it must lie on a file system with locks", path.display())]
    Lock {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A newer version of this program has written it.
    #[error(
        "the data directory {} has layout {found}, this version knows up to {known}: \
         use the newer version that wrote it, or set SYSMAINT_DATA_DIR to another directory",
        path.display()
    )]
    Newer {
        /// The directory.
        path: PathBuf,
        /// Its layout.
        found: u32,
        /// The newest layout that this program knows.
        known: u32,
    },
    /// There is something else in its place.
    #[error("{} is not a directory: set SYSMAINT_DATA_DIR to one", path.display())]
    NotADirectory {
        /// What is there.
        path: PathBuf,
    },
    /// It belongs to somebody else.
    #[error(
        "the data directory {} may not be written by this user: \
         change its owner with chown, or set SYSMAINT_DATA_DIR to a directory of this user",
        path.display()
    )]
    NotPermitted {
        /// The directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// It lies on a file system that is mounted read-only.
    #[error(
        "the data directory {} is on a read-only file system: mount it for writing, \
         or set SYSMAINT_DATA_DIR to a directory that can be written",
        path.display()
    )]
    ReadOnly {
        /// The directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Its version file cannot be read or written.
    #[error("{} cannot be read or written", path.display())]
    Version {
        /// The version file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Writing to it fails for another reason.
    #[error("the data directory {} cannot be written", path.display())]
    Write {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl DataDirError {
    pub(super) fn not_writable(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::NotADirectory => Self::NotADirectory { path },
            io::ErrorKind::PermissionDenied => Self::NotPermitted { path, source },
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { path, source },
            _ => Self::Write { path, source },
        }
    }

    /// The code with which a process that failed on this should end.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Create { .. } => Exit::CannotCreate,
            Self::Foreign { .. } | Self::Newer { .. } | Self::NotADirectory { .. } => Exit::Config,
            Self::Held { .. } => Exit::Unavailable,
            Self::Lock { .. } | Self::Version { .. } | Self::Write { .. } => Exit::Io,
            Self::NotPermitted { .. } | Self::ReadOnly { .. } => Exit::NoPermission,
        }
    }
}

fn holder_text(holder: Option<u32>) -> String {
    holder.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}
