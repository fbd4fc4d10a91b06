//! What one start of `up` leaves for the next: which server it started, and with what.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::process::Process;

/// Bytes that must be free for a server to be started again.
const ROOM: usize = 4 * 1024 * 1024;

/// `server.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    #[serde(flatten)]
    pub(super) process: Process,
    pub(super) port: u16,
    pub(super) store_dir: PathBuf,
}

/// The server's own directory and what is in it.
#[derive(Clone, Debug)]
pub(super) struct Place {
    directory: PathBuf,
}

impl Place {
    /// Creates it, for its owner alone.
    pub(super) fn create(data_dir: &Path) -> io::Result<Self> {
        let directory = data_dir.join("nats");
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory)?;
        // The server may run elsewhere; its paths must not depend on where.
        Ok(Self { directory: directory.canonicalize()? })
    }

    /// The one that is there, if one is.
    pub(super) fn find(data_dir: &Path) -> Option<Self> {
        Some(Self { directory: data_dir.join("nats").canonicalize().ok()? })
    }

    pub(super) fn conf(&self) -> PathBuf {
        self.directory.join("nats.conf")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.directory.join("nats.log")
    }

    /// What the server prints before it has a log.
    pub(super) fn output(&self) -> PathBuf {
        self.directory.join("output.log")
    }

    pub(super) fn store(&self) -> PathBuf {
        self.directory.join("jetstream")
    }

    fn state(&self) -> PathBuf {
        self.directory.join("server.json")
    }

    /// The server of an earlier start, if it still runs on this store.
    pub(super) fn survivor(&self) -> Option<State> {
        let text = fs::read(self.state()).ok()?;
        let state: State = serde_json::from_slice(&text).ok()?;
        (state.store_dir == self.store() && state.process.is_alive()).then_some(state)
    }

    pub(super) fn remember(&self, state: &State) -> io::Result<()> {
        Self::write(&self.state(), &serde_json::to_string(state)?)
    }

    pub(super) fn forget(&self) {
        if let Err(error) = fs::remove_file(self.state()) {
            tracing::debug!(%error, "no state of a server to remove");
        }
    }

    /// Whether there is room for more than a few messages.
    pub(super) fn check_room(&self) -> io::Result<()> {
        let path = self.directory.join("room");
        let written = fs::write(&path, vec![0; ROOM]);
        fs::remove_file(&path)?;
        written
    }

    /// Writes a file for its owner alone, whole or not at all.
    pub(super) fn write(path: &Path, text: &str) -> io::Result<()> {
        let draft = path.with_extension("new");
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&draft)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, path)
    }
}
