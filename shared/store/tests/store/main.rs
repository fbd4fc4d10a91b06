//! The store, on real files.

#![expect(clippy::unwrap_used, reason = "tests")]

mod bounds;
mod devices;
mod files;
mod history;
mod rules;
mod tables;
mod transactions;

use std::path::PathBuf;

use sysmaint_protocol::{Handle, Timestamp};
use sysmaint_store::{Passphrase, Store};
use tempfile::TempDir;

const NOW: Timestamp = Timestamp::from_millis(1_795_426_200_000);

fn passphrase() -> Passphrase {
    Passphrase::new("correct horse battery staple".to_owned().into())
}

fn handle(text: &str) -> Handle {
    text.parse().unwrap()
}

/// A store in a directory of its own.
struct Scratch {
    dir: TempDir,
    store: Store,
}

impl Scratch {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let store = Store::open(&dir.path().join("test.db"), &passphrase()).unwrap();
        Self { dir, store }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("test.db")
    }
}
