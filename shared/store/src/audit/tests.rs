//! The audit on real files.

mod kills;
mod retention;
mod speed;
mod tampering;
mod trouble;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use rusqlite::Connection;
use sysmaint_protocol::{Timestamp, audit::Anchor};
use tempfile::TempDir;

use super::{
    AuditEvent, AuditFile, AuditLog, AuditRow, Finding, Outcome, SCHEMA, Verification, digest,
};
use crate::{OpenError, Passphrase, connection::Keyed};

const NOW: Timestamp = Timestamp::from_millis(1_795_426_200_000);
const DAY: Duration = Duration::from_hours(24);

fn passphrase() -> Passphrase {
    Passphrase::new("correct horse battery staple".to_owned().into())
}

fn accepted(number: u64) -> AuditEvent {
    AuditEvent::EnvelopeAccepted { digest: digest(&number.to_be_bytes()) }
}

/// A file in a directory of its own.
struct Scratch {
    dir: TempDir,
}

impl Scratch {
    fn new() -> Self {
        Self { dir: TempDir::new().unwrap() }
    }

    /// With so many rows, and closed.
    async fn with_rows(number: u64) -> Self {
        let scratch = Self::new();
        let log = scratch.open();
        log.write((1..=number).map(accepted).collect(), NOW).await.unwrap();
        scratch
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("relay.db")
    }

    /// Opens it, if need be after the writer of before has closed it.
    fn open(&self) -> AuditLog {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            match AuditLog::open(&self.path(), &passphrase()) {
                Err(OpenError::Lock(_)) if Instant::now() < deadline => std::thread::yield_now(),
                outcome => return outcome.unwrap(),
            }
        }
    }

    /// What somebody with the passphrase could do to it.
    fn tamper(&self, how: &str) {
        let connection = self.connection();
        connection.execute_batch(how).unwrap();
    }

    fn connection(&self) -> Connection {
        Keyed::derive(&self.path(), &passphrase()).unwrap().writer(&SCHEMA).unwrap()
    }

    fn rows(&self) -> Vec<AuditRow> {
        let mut rows = Vec::new();
        let file = AuditFile::open(&self.path(), &passphrase()).unwrap();
        file.rows(|row| rows.push(row.unwrap())).unwrap();
        rows
    }

    fn verify(&self, anchors: Option<Vec<Anchor>>) -> Outcome {
        let file = AuditFile::open(&self.path(), &passphrase()).unwrap();
        let mut verification = Verification::new(file.chain(), anchors);
        if file.rows(|row| verification.row(row)).is_err() {
            verification.unreadable();
        }
        verification.finish()
    }

    fn findings(&self) -> Vec<Finding> {
        self.verify(None).findings
    }

    /// As the bridge would have left it at this row.
    fn anchor_at(&self, sequence: u64) -> Anchor {
        let file = AuditFile::open(&self.path(), &passphrase()).unwrap();
        let bridge = file.chain().bridge;
        let row = self.rows().into_iter().find(|row| row.sequence == sequence).unwrap();
        Anchor { bridge, sequence, hash: row.hash, time: NOW }
    }

    /// Computes the chain anew from a row on, as a careful forger would.
    fn forge_hashes_from(&self, sequence: u64) {
        let connection = self.connection();
        let rows = self.rows();
        let mut previous = rows.iter().find(|row| row.sequence + 1 == sequence).unwrap().hash;
        for row in rows.iter().filter(|row| row.sequence >= sequence) {
            previous = row.hash_as(&previous, row.sequence);
            let update = "UPDATE row SET hash = ?1 WHERE sequence = ?2";
            connection.execute(update, (previous.as_bytes(), row.sequence)).unwrap();
        }
    }
}

#[tokio::test]
async fn what_was_recorded_is_read_back_and_carries_on_after_reopening() {
    let scratch = Scratch::with_rows(3).await;
    let log = scratch.open();
    assert_eq!((log.head().first, log.head().sequence, log.head().rows()), (1, 3, 3));
    log.write(vec![AuditEvent::BridgeStopped], NOW).await.unwrap();
    let events: Vec<_> = scratch.rows().iter().map(|row| row.event().unwrap()).collect();
    assert_eq!(events, [accepted(1), accepted(2), accepted(3), AuditEvent::BridgeStopped]);
    let outcome = scratch.verify(None);
    assert!(outcome.is_sound(), "{outcome:?}");
    assert_eq!((outcome.rows, outcome.last, outcome.anchors), (4, 4, None));
    assert_eq!(outcome.bridge, log.bridge());
}

#[tokio::test]
async fn a_look_needs_no_lock_and_sees_one_moment() {
    let scratch = Scratch::new();
    let log = scratch.open();
    log.write(vec![accepted(1)], NOW).await.unwrap();
    let file = AuditFile::open(&scratch.path(), &passphrase()).unwrap();
    log.write(vec![accepted(2)], NOW).await.unwrap();
    assert_eq!(file.count().unwrap(), 1);
    let mut seen = 0;
    file.rows(|_| seen += 1).unwrap();
    assert_eq!((seen, scratch.rows().len()), (1, 2));
    let mut last = Vec::new();
    let again = AuditFile::open(&scratch.path(), &passphrase()).unwrap();
    again.last_rows(1, |row| last.push(row.unwrap().sequence)).unwrap();
    assert_eq!(last, [2]);
}

#[tokio::test]
async fn two_bridges_have_chains_of_their_own() {
    let (one, other) = (Scratch::with_rows(2).await, Scratch::with_rows(2).await);
    assert_ne!(one.verify(None).bridge, other.verify(None).bridge);
    let hashes =
        |scratch: &Scratch| -> Vec<_> { scratch.rows().into_iter().map(|row| row.hash).collect() };
    assert!(hashes(&one).iter().all(|hash| !hashes(&other).contains(hash)));
}
