//! The thread behind a file: it alone has the connection that writes, and the file's lock.

use std::{
    path::Path,
    thread::{self, JoinHandle},
};

use rusqlite::Connection;

use crate::{connection::OpenError, lock::Lock};

/// Waits for the thread when this is dropped, which must come after whatever tells it to end: a
/// process that ended meanwhile would take the cipher's memory from under it.
pub(crate) struct WriterThread(Option<JoinHandle<()>>);

impl WriterThread {
    /// Starts one that works until it is told to end, and closes the file then.
    pub(crate) fn start(
        name: &str,
        path: &Path,
        lock: Lock,
        connection: Connection,
        work: impl FnOnce(&Connection) + Send + 'static,
    ) -> Result<Self, OpenError> {
        let started = thread::Builder::new().name(name.to_owned()).spawn(move || {
            work(&connection);
            drop(connection);
            drop(lock);
        });
        match started {
            Ok(thread) => Ok(Self(Some(thread))),
            Err(source) => Err(OpenError::Thread { path: path.to_owned(), source }),
        }
    }
}

impl Drop for WriterThread {
    fn drop(&mut self) {
        let Some(thread) = self.0.take() else { return };
        // Its own work may hold the last handle, and it cannot wait for itself.
        if thread.thread().id() != thread::current().id() {
            // It catches the panics of what it is given.
            let _ = thread.join();
        }
    }
}
