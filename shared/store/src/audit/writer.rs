//! The thread that writes the audit: whatever waits goes into one transaction.
//!
//! Nothing is dropped. When a transaction fails (a full disk, most likely), whoever waits for it
//! is told, and the same rows are tried again until they are on the disk.

use std::{thread, time::Duration};

use rusqlite::Connection;
use sysmaint_protocol::{Timestamp, audit::Digest};
use tokio::sync::mpsc;

use super::{
    AuditEvent, AuditHead, AuditRow, AuditWriteError,
    log::{Job, Shared},
};

/// Records in one transaction: many, since each costs a flush of the disk, and few enough that
/// nobody waits long for the end of one.
const BATCH: usize = 1024;
/// Between two attempts while the disk says no.
const RETRY: Duration = Duration::from_millis(250);

/// A record in a batch, once it was taken up.
struct Taken {
    job: Job,
    rows: u64,
}

/// Runs until the last handle is gone and all that waited is written.
pub(super) fn write_all(
    connection: &Connection,
    mut waiting: mpsc::Receiver<Job>,
    shared: &Shared,
) {
    while let Some(first) = waiting.blocking_recv() {
        let mut batch = vec![Taken { job: first, rows: 0 }];
        while batch.len() < BATCH {
            match waiting.try_recv() {
                Ok(job) => batch.push(Taken { job, rows: 0 }),
                Err(_) => break,
            }
        }
        if !write(connection, &mut batch, &waiting, shared) {
            return;
        }
    }
}

/// Writes a batch, however often that takes; false if nobody is left who could wait for it.
fn write(
    connection: &Connection,
    batch: &mut [Taken],
    waiting: &mpsc::Receiver<Job>,
    shared: &Shared,
) -> bool {
    loop {
        let before = *shared.head();
        match commit(connection, batch, before) {
            Ok(head) => {
                *shared.head() = head;
                *shared.trouble() = None;
                for taken in batch {
                    answer(&mut taken.job, &Ok(taken.rows));
                }
                return true;
            }
            Err(error) => {
                if !connection.is_autocommit() {
                    let _ = connection.execute_batch("ROLLBACK");
                }
                let cause = error.to_string();
                *shared.trouble() = Some(cause.clone());
                for taken in batch.iter_mut() {
                    answer(&mut taken.job, &Err(AuditWriteError::Failing(cause.clone())));
                }
                if waiting.is_closed() {
                    return false;
                }
                thread::sleep(RETRY);
            }
        }
    }
}

/// Tells whoever waits, once.
fn answer(job: &mut Job, outcome: &Result<u64, AuditWriteError>) {
    let (Job::Record { done, .. } | Job::Prune { done, .. }) = job;
    if let Some(done) = done.take() {
        // Whoever asked may have stopped waiting; the rows stand all the same.
        let _ = done.send(outcome.clone());
    }
}

fn commit(
    connection: &Connection,
    batch: &mut [Taken],
    head: AuditHead,
) -> rusqlite::Result<AuditHead> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let mut chain = Chain { connection, head };
    for taken in batch {
        taken.rows = match &taken.job {
            Job::Record { events, time, .. } => chain.append_all(events, *time)?,
            Job::Prune { before, at_most, time, .. } => chain.prune(*before, *at_most, *time)?,
        };
    }
    connection.execute_batch("COMMIT")?;
    Ok(chain.head)
}

/// The chain inside a transaction.
struct Chain<'a> {
    connection: &'a Connection,
    head: AuditHead,
}

impl Chain<'_> {
    fn append_all(&mut self, events: &[AuditEvent], time: Timestamp) -> rusqlite::Result<u64> {
        let mut rows = 0;
        for event in events {
            self.append(event, time)?;
            rows += 1;
        }
        Ok(rows)
    }

    fn append(&mut self, event: &AuditEvent, time: Timestamp) -> rusqlite::Result<()> {
        let sequence = self.head.sequence + 1;
        let row = AuditRow::following(&self.head.hash, sequence, time, event);
        self.connection
            .prepare_cached("INSERT INTO row VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute((sequence, time.as_millis(), row.kind, &row.fields, row.hash.as_bytes()))?;
        self.head = AuditHead { sequence, hash: row.hash, ..self.head };
        Ok(())
    }

    /// Removes a piece of the chain's beginning: everything before the first row that is young
    /// enough. A clock that went back in between makes rows stay longer, never go earlier.
    fn prune(&mut self, before: Timestamp, at_most: u64, time: Timestamp) -> rusqlite::Result<u64> {
        let Some((through, hash)) = self.last_old(before, at_most)? else { return Ok(0) };
        self.append(&AuditEvent::Pruned { through, hash, before }, time)?;
        let removed = self.connection.execute("DELETE FROM row WHERE sequence <= ?1", [through])?;
        self.connection.execute(
            "UPDATE chain SET pruned_through = ?1, pruned_hash = ?2",
            (through, hash.as_bytes()),
        )?;
        self.head.first = through + 1;
        Ok(u64::try_from(removed).unwrap_or(u64::MAX))
    }

    fn last_old(&self, before: Timestamp, at_most: u64) -> rusqlite::Result<Option<(u64, Digest)>> {
        let oldest = "SELECT sequence, time, hash FROM row ORDER BY sequence LIMIT ?1";
        let mut statement = self.connection.prepare_cached(oldest)?;
        let mut rows = statement.query([at_most])?;
        let mut last = None;
        while let Some(row) = rows.next()? {
            if row.get::<_, u64>(1)? >= before.as_millis() {
                break;
            }
            last = Some((row.get(0)?, Digest::from_bytes(row.get(2)?)));
        }
        Ok(last)
    }
}
