//! A device's state in SQL: the device crate's store traits.

mod codes;
mod local;
mod peers;
mod prekeys;
mod queues;
mod repair;

pub(crate) use codes::{address, blob16, handle, invalid, kind, timestamp};

use rusqlite::{Connection, OptionalExtension};
use sysmaint_device::{Mechanics, store::StoreError};
use sysmaint_protocol::{Address, ContentId, Handle, TransferId, subject::Mailbox};

use crate::SqlError;

/// One device in a file, inside the caller's transaction.
#[derive(Clone)]
pub struct DeviceStore<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) slot: i64,
    queued: Vec<Queued>,
}

/// An envelope that a step has queued, and how its message used the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// What is said.
    pub content_id: ContentId,
    /// Names the envelope.
    pub transfer_id: TransferId,
    /// Where it goes.
    pub to: Mailbox,
    /// How it was made; nobody keeps it.
    pub mechanics: Option<Mechanics>,
}

impl<'a> DeviceStore<'a> {
    pub(crate) fn find(
        connection: &'a Connection,
        handle: &Handle,
    ) -> Result<Option<Self>, SqlError> {
        let slot = connection
            .prepare_cached("SELECT id FROM slot WHERE handle = ?1")?
            .query_row([handle.as_str()], |row| row.get(0))
            .optional()?;
        Ok(slot.map(|slot| Self::new(connection, slot)))
    }

    pub(crate) fn find_or_make(
        connection: &'a Connection,
        handle: &Handle,
    ) -> Result<Self, SqlError> {
        if let Some(found) = Self::find(connection, handle)? {
            return Ok(found);
        }
        connection.execute("INSERT INTO slot (handle) VALUES (?1)", [handle.as_str()])?;
        Ok(Self::new(connection, connection.last_insert_rowid()))
    }

    const fn new(connection: &'a Connection, slot: i64) -> Self {
        Self { connection, slot, queued: Vec::new() }
    }

    /// What was queued through this, in order.
    pub fn queued(&self) -> &[Queued] {
        &self.queued
    }

    /// The same, with what queued it given up.
    pub fn into_queued(self) -> Vec<Queued> {
        self.queued
    }

    /// Its number among the file's devices.
    pub const fn slot(&self) -> i64 {
        self.slot
    }

    fn execute(&self, sql: &str, params: impl rusqlite::Params) -> Result<usize, StoreError> {
        let run = || self.connection.prepare_cached(sql)?.execute(params);
        run().map_err(failed)
    }

    fn one<T>(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
        read: impl FnOnce(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StoreError> {
        let run = || self.connection.prepare_cached(sql)?.query_row(params, read).optional();
        run().map_err(failed)
    }

    fn all<T>(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
        read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let run = || {
            let mut statement = self.connection.prepare_cached(sql)?;
            let rows = statement.query_map(params, read)?;
            rows.collect::<rusqlite::Result<Vec<T>>>()
        };
        run().map_err(failed)
    }
}

impl std::fmt::Debug for DeviceStore<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("DeviceStore").field("slot", &self.slot).finish_non_exhaustive()
    }
}

fn failed(error: rusqlite::Error) -> StoreError {
    SqlError::from(error).into()
}

/// A peer's two columns.
fn columns(peer: &Address) -> (&[u8], u8) {
    (peer.service_id.as_bytes(), peer.device_id.get())
}
