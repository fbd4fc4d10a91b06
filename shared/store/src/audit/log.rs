//! The audit that a bridge writes: a queue in front of one thread that owns the file.
//!
//! Whoever must not act unrecorded takes [room](AuditLog::room) first, acts, and then fills it,
//! which neither waits nor fails. Whoever must not answer before the row is on the disk
//! [writes](AuditLog::write) and waits.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rusqlite::{Connection, OptionalExtension as _};
use sysmaint_protocol::{
    Timestamp,
    audit::{BridgeId, Digest},
};
use tokio::sync::{
    mpsc::{self, Permit, error::TrySendError},
    oneshot,
};

use super::{AuditEvent, SCHEMA, file, genesis, writer};
use crate::{OpenError, Passphrase, connection::Keyed, lock::Lock, writer_thread::WriterThread};

/// Records that may wait for the writer; whoever brings more waits.
const QUEUE: usize = 4096;
/// How long anybody waits, for room or for the disk.
const PATIENCE: Duration = Duration::from_secs(5);

/// One bridge's audit, open for writing. Cheap to clone; the file is closed when the last clone
/// is dropped and what waited is written.
#[derive(Clone)]
pub struct AuditLog {
    writer: Arc<Writer>,
    shared: Arc<Shared>,
}

/// Told to end by its queue, which is dropped first.
struct Writer {
    jobs: mpsc::Sender<Job>,
    _thread: WriterThread,
}

/// Room for one record in the queue.
pub struct AuditRoom<'a>(Permit<'a, Job>);

/// Where the chain stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditHead {
    /// The number of the first row that is kept.
    pub first: u64,
    /// The number of the last row on the disk; 0 before the first.
    pub sequence: u64,
    /// Its hash.
    pub hash: Digest,
}

impl AuditHead {
    /// How many rows there are.
    pub const fn rows(&self) -> u64 {
        (self.sequence + 1).saturating_sub(self.first)
    }
}

/// Something could not be recorded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuditWriteError {
    /// Its writer has ended.
    #[error("the audit is closed")]
    Closed,
    /// The disk says no. What waits is kept and tried again until the disk takes it.
    #[error("the audit cannot be written: {0}")]
    Failing(String),
    /// The disk is too slow for what comes in.
    #[error("the audit was not written within {} s", PATIENCE.as_secs())]
    Slow,
}

/// What the writer is asked to do.
pub(super) enum Job {
    Record { events: Vec<AuditEvent>, time: Timestamp, done: Option<Done> },
    Prune { before: Timestamp, at_most: u64, time: Timestamp, done: Option<Done> },
}

/// Answers once it is on the disk, with the number of rows that were added or removed; or, while
/// the writer keeps trying, that it is not.
pub(super) type Done = oneshot::Sender<Result<u64, AuditWriteError>>;

/// What the writer tells.
pub(super) struct Shared {
    pub(super) bridge: BridgeId,
    path: PathBuf,
    head: Mutex<AuditHead>,
    trouble: Mutex<Option<String>>,
    waits: AtomicU64,
}

impl AuditLog {
    /// Opens a bridge's audit, or begins one. Derives the key, so it takes a few tenths of a
    /// second.
    pub fn open(path: &Path, passphrase: &Passphrase) -> Result<Self, OpenError> {
        let lock = Lock::acquire(path)?;
        let connection = Keyed::derive(path, passphrase)?.writer(&SCHEMA)?;
        let failed = |source| OpenError::Database { path: path.to_owned(), source };
        let (bridge, head) = begin(&connection).map_err(failed)?;
        let shared = Arc::new(Shared {
            bridge,
            path: path.to_owned(),
            head: Mutex::new(head),
            trouble: Mutex::new(None),
            waits: AtomicU64::new(0),
        });
        let (jobs, waiting) = mpsc::channel(QUEUE);
        let told = Arc::clone(&shared);
        let work = move |connection: &Connection| writer::write_all(connection, waiting, &told);
        let thread = WriterThread::start("audit-writer", path, lock, connection, work)?;
        Ok(Self { writer: Arc::new(Writer { jobs, _thread: thread }), shared })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// Whose audit it is.
    pub fn bridge(&self) -> BridgeId {
        self.shared.bridge
    }

    /// Where the chain stands on the disk.
    pub fn head(&self) -> AuditHead {
        *self.shared.head()
    }

    /// How many records wait for the writer.
    pub fn depth(&self) -> usize {
        self.writer.jobs.max_capacity() - self.writer.jobs.capacity()
    }

    /// How often somebody had to wait because the queue was full.
    pub fn waits(&self) -> u64 {
        self.shared.waits.load(Ordering::Relaxed)
    }

    /// Why nothing can be written at the moment; absent if all is well.
    pub fn trouble(&self) -> Option<String> {
        self.shared.trouble().clone()
    }

    /// Room for a record. Refused while the disk says no; if the queue is full, this waits.
    pub async fn room(&self) -> Result<AuditRoom<'_>, AuditWriteError> {
        if let Some(cause) = self.trouble() {
            return Err(AuditWriteError::Failing(cause));
        }
        self.patient_room().await
    }

    /// Records what has happened already, so also while the disk says no, as long as there is
    /// room in the queue. Does not wait for the disk.
    pub async fn record(
        &self,
        events: Vec<AuditEvent>,
        time: Timestamp,
    ) -> Result<(), AuditWriteError> {
        self.patient_room().await.map(|room| room.fill(events, time))
    }

    /// Records and waits until all of it is on the disk, in one piece. After an error it may
    /// still come to be written: what waits is kept.
    pub async fn write(
        &self,
        events: Vec<AuditEvent>,
        time: Timestamp,
    ) -> Result<(), AuditWriteError> {
        let (done, written) = oneshot::channel();
        let done = Some(done);
        self.patient_room().await?.0.send(Job::Record { events, time, done });
        settled(written).await.map(|_| ())
    }

    /// Removes at most so many of the oldest rows, as far as they are older than `before`; returns
    /// how many it removed. A row says so, and the chain begins behind the last of them.
    pub async fn prune(
        &self,
        before: Timestamp,
        at_most: u64,
        time: Timestamp,
    ) -> Result<u64, AuditWriteError> {
        let (done, written) = oneshot::channel();
        let done = Some(done);
        self.room().await?.0.send(Job::Prune { before, at_most, time, done });
        settled(written).await
    }

    async fn patient_room(&self) -> Result<AuditRoom<'_>, AuditWriteError> {
        match self.writer.jobs.try_reserve() {
            Ok(permit) => return Ok(AuditRoom(permit)),
            Err(TrySendError::Closed(())) => return Err(AuditWriteError::Closed),
            Err(TrySendError::Full(())) => self.shared.waits.fetch_add(1, Ordering::Relaxed),
        };
        match tokio::time::timeout(PATIENCE, self.writer.jobs.reserve()).await {
            Ok(Ok(permit)) => Ok(AuditRoom(permit)),
            Ok(Err(_)) => Err(AuditWriteError::Closed),
            Err(_) => Err(self.trouble().map_or(AuditWriteError::Slow, AuditWriteError::Failing)),
        }
    }
}

impl AuditRoom<'_> {
    /// Records in the room that was kept. Neither waits nor fails.
    pub fn fill(self, events: Vec<AuditEvent>, time: Timestamp) {
        self.0.send(Job::Record { events, time, done: None });
    }
}

impl Shared {
    pub(super) fn head(&self) -> MutexGuard<'_, AuditHead> {
        // Nothing can panic while it is held.
        self.head.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn trouble(&self) -> MutexGuard<'_, Option<String>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for AuditLog {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("AuditLog").field("path", &self.shared.path).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for AuditRoom<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("AuditRoom").finish_non_exhaustive()
    }
}

async fn settled(
    written: oneshot::Receiver<Result<u64, AuditWriteError>>,
) -> Result<u64, AuditWriteError> {
    match tokio::time::timeout(PATIENCE, written).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err(AuditWriteError::Closed),
        Err(_) => Err(AuditWriteError::Slow),
    }
}

/// Makes a bridge's id the first time, and finds the chain's end.
fn begin(connection: &Connection) -> rusqlite::Result<(BridgeId, AuditHead)> {
    let bridge = BridgeId::from_bytes(rand::random());
    connection.execute(
        "INSERT OR IGNORE INTO chain VALUES (1, ?1, 0, ?2)",
        (bridge.as_bytes(), genesis(&bridge).as_bytes()),
    )?;
    let chain = file::chain(connection)?;
    let last = connection
        .query_row("SELECT sequence, hash FROM row ORDER BY sequence DESC LIMIT 1", [], |row| {
            Ok((row.get(0)?, Digest::from_bytes(row.get(1)?)))
        })
        .optional()?;
    let (sequence, hash) = last.unwrap_or((chain.pruned_through, chain.before_first()));
    Ok((chain.bridge, AuditHead { first: chain.pruned_through + 1, sequence, hash }))
}
