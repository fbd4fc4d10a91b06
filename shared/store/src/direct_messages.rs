//! What people wrote to each other, by who received it.

use rusqlite::{Connection, params};
use sysmaint_protocol::{ContentId, Handle, Timestamp};

use crate::{
    SqlError,
    device_store::{blob16, handle, timestamp},
};

/// The table of received direct messages.
#[derive(Clone, Copy, Debug)]
pub struct DirectMessages<'a>(pub(crate) &'a Connection);

/// One received message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectMessageRow {
    /// Grows with each message; the same for ever.
    pub cursor: u64,
    /// What was said.
    pub content_id: ContentId,
    /// Who said it.
    pub from: Handle,
    /// In these words.
    pub text: String,
    /// By the sender's clock.
    pub sent_at: Timestamp,
}

impl DirectMessages<'_> {
    /// Adds a message to its owner's; returns its cursor.
    pub fn add(
        &self,
        owner: &Handle,
        content_id: ContentId,
        from: &Handle,
        text: &str,
        sent_at: Timestamp,
    ) -> Result<u64, SqlError> {
        self.0
            .prepare_cached(
                "INSERT INTO direct_message (owner, content_id, sender, text, sent_at)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                owner.as_str(),
                content_id.as_bytes(),
                from.as_str(),
                text,
                sent_at.as_millis()
            ])?;
        Ok(u64::try_from(self.0.last_insert_rowid()).unwrap_or_default())
    }

    /// An owner's messages after a cursor, oldest first.
    pub fn after(
        &self,
        owner: &Handle,
        cursor: u64,
        limit: usize,
    ) -> Result<Vec<DirectMessageRow>, SqlError> {
        let mut statement = self.0.prepare_cached(
            "SELECT cursor, content_id, sender, text, sent_at FROM direct_message
             WHERE owner = ?1 AND cursor > ?2 ORDER BY cursor LIMIT ?3",
        )?;
        let cursor = i64::try_from(cursor).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![owner.as_str(), cursor, limit], |row| {
            Ok(DirectMessageRow {
                cursor: row.get(0)?,
                content_id: ContentId::from_bytes(blob16(row, 1)?),
                from: handle(row, 2)?,
                text: row.get(3)?,
                sent_at: timestamp(row, 4)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
