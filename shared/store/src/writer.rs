//! The writer thread: it owns the one connection that writes.
//!
//! Whatever waits when it looks is done in one transaction, a savepoint a step, and answered when
//! the transaction is on the disk. A step that fails or panics is rolled back alone.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::{
    SqlError,
    cipher::Passphrase,
    connection::{Keyed, OpenError},
    lock::Lock,
    migrate,
    view::{Tx, View},
    writer_thread::WriterThread,
};

/// Steps that may wait; beyond that, callers do.
const QUEUE: usize = 1024;
/// Steps in one transaction, so that nobody waits long for its end.
const BATCH: usize = 64;

/// One service's file. Cheap to clone; the file is closed when the last clone is dropped, which
/// waits for what the writer has begun.
#[derive(Clone)]
pub struct Store {
    writer: Arc<Writer>,
    reader: Arc<Mutex<Connection>>,
    path: Arc<PathBuf>,
}

/// Told to end by its queue, which is dropped first.
struct Writer {
    jobs: mpsc::Sender<Box<dyn Job>>,
    _thread: WriterThread,
}

/// A step was not taken, and left no trace.
#[derive(Debug, thiserror::Error)]
pub enum WriteError<E> {
    /// The store is closed.
    #[error("the store is closed")]
    Closed,
    /// The transaction could not be committed; a full disk, for example.
    #[error("the transaction could not be committed: {0}")]
    Commit(String),
    /// The step panicked.
    #[error("the step panicked")]
    Panicked,
    /// The step failed by itself.
    #[error(transparent)]
    Step(E),
}

impl Store {
    /// Opens a file, or makes it. Derives the key, so it takes a few tenths of a second.
    pub fn open(path: &Path, passphrase: &Passphrase) -> Result<Self, OpenError> {
        let lock = Lock::acquire(path)?;
        let keyed = Keyed::derive(path, passphrase)?;
        let connection = keyed.writer(&migrate::STORE)?;
        let reader = keyed.reader()?;
        let (jobs, waiting) = mpsc::channel(QUEUE);
        let work = move |connection: &Connection| write_all(connection, waiting);
        let thread = WriterThread::start("store-writer", path, lock, connection, work)?;
        let writer = Arc::new(Writer { jobs, _thread: thread });
        let (reader, path) = (Arc::new(Mutex::new(reader)), Arc::new(path.to_owned()));
        Ok(Self { writer, reader, path })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes a step inside a transaction; returns when it is on the disk, or rolled back.
    pub async fn write<T, E>(
        &self,
        step: impl FnOnce(&Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, WriteError<E>>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        let (reply, outcome) = oneshot::channel();
        let job = Box::new(Step { action: Some(step), outcome: None, reply });
        self.writer.jobs.send(job).await.map_err(|_| WriteError::Closed)?;
        outcome.await.map_err(|_| WriteError::Closed)?
    }

    /// Reads, off the async threads.
    pub async fn read<T, E>(
        &self,
        look: impl FnOnce(&View<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, WriteError<E>>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        let store = self.clone();
        let outcome = tokio::task::spawn_blocking(move || store.read_now(look)).await;
        outcome.map_err(|_| WriteError::Panicked)?.map_err(WriteError::Step)
    }

    /// Reads on this thread, which must not be one of the async ones.
    pub fn read_now<T, E>(&self, look: impl FnOnce(&View<'_>) -> Result<T, E>) -> Result<T, E> {
        // A panic while reading leaves a read-only connection as good as before.
        let connection = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        look(&View::new(&connection))
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Store").field("path", &self.path).finish_non_exhaustive()
    }
}

/// A step in the queue, whatever it returns.
trait Job: Send {
    /// Takes the step; false if it must be rolled back.
    fn run(&mut self, tx: &Tx<'_>) -> bool;
    /// Answers, once the transaction is committed or not.
    fn settle(self: Box<Self>, committed: Result<(), &str>);
}

struct Step<F, T, E> {
    action: Option<F>,
    outcome: Option<Result<T, WriteError<E>>>,
    reply: oneshot::Sender<Result<T, WriteError<E>>>,
}

impl<F, T, E> Job for Step<F, T, E>
where
    F: FnOnce(&Tx<'_>) -> Result<T, E> + Send,
    T: Send,
    E: Send,
{
    fn run(&mut self, tx: &Tx<'_>) -> bool {
        let Some(action) = self.action.take() else { return false };
        let outcome = match catch_unwind(AssertUnwindSafe(|| action(tx))) {
            Ok(outcome) => outcome.map_err(WriteError::Step),
            Err(_) => Err(WriteError::Panicked),
        };
        self.outcome.insert(outcome).is_ok()
    }

    fn settle(self: Box<Self>, committed: Result<(), &str>) {
        let outcome = match (committed, self.outcome) {
            (Err(cause), None | Some(Ok(_))) => Err(WriteError::Commit(cause.to_owned())),
            (_, Some(outcome)) => outcome,
            (Ok(()), None) => Err(WriteError::Closed),
        };
        // Whoever asked may have stopped waiting; the step stands all the same.
        let _ = self.reply.send(outcome);
    }
}

fn write_all(connection: &Connection, mut waiting: mpsc::Receiver<Box<dyn Job>>) {
    while let Some(first) = waiting.blocking_recv() {
        let mut batch = vec![first];
        while batch.len() < BATCH {
            match waiting.try_recv() {
                Ok(job) => batch.push(job),
                Err(_) => break,
            }
        }
        let committed = commit(connection, &mut batch).map_err(|error| error.to_string());
        if committed.is_err() && !connection.is_autocommit() {
            let _ = connection.execute_batch("ROLLBACK");
        }
        for job in batch {
            job.settle(committed.as_ref().map_err(String::as_str).copied());
        }
    }
}

fn commit(connection: &Connection, batch: &mut [Box<dyn Job>]) -> Result<(), SqlError> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    for job in batch {
        connection.execute_batch("SAVEPOINT step")?;
        if job.run(&Tx::new(connection)) {
            connection.execute_batch("RELEASE step")?;
        } else {
            connection.execute_batch("ROLLBACK TO step; RELEASE step")?;
        }
    }
    Ok(connection.execute_batch("COMMIT")?)
}
