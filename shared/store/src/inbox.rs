//! Messages that were received: kept until they have taken effect.

use std::time::Duration;

use rusqlite::{Connection, Row, params};
use sysmaint_protocol::{Address, ContentId, Handle, Kind, Timestamp};

use crate::{
    SqlError,
    device_store::{address, blob16, handle, kind, timestamp},
};

/// How long a handled message is remembered, to recognise a resend: longer than a mailbox and a
/// send log keep it together.
const REMEMBERED: Duration = Duration::from_hours(60 * 24);

/// The inbox table.
#[derive(Clone, Copy, Debug)]
pub struct Inbox<'a>(pub(crate) &'a Connection);

/// One received message.
#[derive(Clone, PartialEq, Eq)]
pub struct InboxRow {
    /// Its row.
    pub id: i64,
    /// Who sealed it.
    pub sender: Address,
    /// The handle that it claims; not to be believed before the directory confirms it.
    pub sender_handle: Handle,
    /// What is said.
    pub content_id: ContentId,
    /// Its kind.
    pub kind: Kind,
    /// What it answers.
    pub in_reply_to: Option<ContentId>,
    /// The sender's clock.
    pub sent_at: Timestamp,
    /// The broker's clock.
    pub stored_at: Timestamp,
    /// The body.
    pub body: Vec<u8>,
}

impl std::fmt::Debug for InboxRow {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("InboxRow")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl Inbox<'_> {
    /// What has not taken effect yet, after row `after`, oldest first.
    pub fn unhandled(
        &self,
        slot: i64,
        after: i64,
        limit: usize,
    ) -> Result<Vec<InboxRow>, SqlError> {
        // A bound limit would have SQLite plan the statement anew each time.
        let sql = format!(
            "SELECT id, service_id, device_id, content_id, kind, in_reply_to, sent_at, stored_at,
                 body, sender_handle
             FROM inbox WHERE slot = ?1 AND handled_at IS NULL AND id > ?2
             ORDER BY id LIMIT {limit}"
        );
        let mut statement = self.0.prepare_cached(&sql)?;
        let rows = statement.query_map(params![slot, after], row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Marks a message as handled and forgets its body; false if it was handled before.
    ///
    /// Telemetry is forgotten whole: samples are numbered, so a second copy is told by that.
    pub fn handled(&self, id: i64, now: Timestamp) -> Result<bool, SqlError> {
        let forgotten = self
            .0
            .prepare_cached("DELETE FROM inbox WHERE id = ?1 AND kind = ?2")?
            .execute(params![id, u8::from(Kind::Telemetry)])?;
        if forgotten == 1 {
            return Ok(true);
        }
        let changed = self
            .0
            .prepare_cached(
                "UPDATE inbox SET handled_at = ?2, body = NULL
                 WHERE id = ?1 AND handled_at IS NULL",
            )?
            .execute(params![id, now.as_millis()])?;
        Ok(changed == 1)
    }

    /// Forgets a host's telemetry that has not taken effect yet.
    pub fn forget_telemetry(&self, host: &Handle) -> Result<usize, SqlError> {
        Ok(self
            .0
            .prepare_cached(
                "DELETE FROM inbox
                 WHERE handled_at IS NULL AND kind = ?1 AND sender_handle = ?2",
            )?
            .execute(params![u8::from(Kind::Telemetry), host.as_str()])?)
    }

    /// Forgets what was handled long ago.
    pub fn prune(&self, now: Timestamp) -> Result<usize, SqlError> {
        let end = now.before(REMEMBERED).as_millis();
        Ok(self
            .0
            .prepare_cached("DELETE FROM inbox WHERE handled_at IS NOT NULL AND handled_at < ?1")?
            .execute([end])?)
    }
}

fn row(row: &Row<'_>) -> rusqlite::Result<InboxRow> {
    Ok(InboxRow {
        id: row.get(0)?,
        sender: address(row, 1)?,
        sender_handle: handle(row, 9)?,
        content_id: ContentId::from_bytes(blob16(row, 3)?),
        kind: kind(row, 4)?,
        in_reply_to: row.get::<_, Option<[u8; 16]>>(5)?.map(ContentId::from_bytes),
        sent_at: timestamp(row, 6)?,
        stored_at: timestamp(row, 7)?,
        body: row.get(8)?,
    })
}
