//! Envelopes on their way out: committed, and then published until the broker confirms.

use std::time::Duration;

use rusqlite::{Connection, params};
use sysmaint_device::Sealed;
use sysmaint_protocol::{
    DeviceId, Envelope, Timestamp, TransferId, limits::EPHEMERAL_UNSENT, subject::Mailbox,
};

use crate::{
    SqlError,
    device_store::{blob16, handle, invalid},
};

/// No envelope waits for longer than this until it is tried again.
pub const PAUSE_MAX: Duration = Duration::from_hours(1);

/// The outbox table.
#[derive(Clone, Copy, Debug)]
pub struct Outbox<'a>(pub(crate) &'a Connection);

/// One envelope to publish.
#[derive(Clone, Debug)]
pub struct OutboxRow {
    /// Its row.
    pub id: i64,
    /// The envelope.
    pub sealed: Sealed,
    /// How often it was tried.
    pub attempts: u32,
    /// Whether it is not worth publishing any more.
    pub expired: bool,
}

impl Outbox<'_> {
    /// What is due, oldest first. What waits for its next attempt holds back everything behind it
    /// for the same mailbox: libsignal keeps the keys of the last few turns of a conversation
    /// only, so that an envelope which is overtaken by too many others cannot be opened any more.
    pub fn due(&self, slot: i64, now: Timestamp, limit: usize) -> Result<Vec<OutboxRow>, SqlError> {
        // A bound limit would have SQLite plan the statement anew each time.
        let sql = format!(
            "SELECT id, handle, device_id, registration_id, transfer_id, envelope, attempts,
                 expires_at IS NOT NULL, coalesce(expires_at NOT BETWEEN ?2 AND ?4, 0)
             FROM outbox WHERE slot = ?1 AND (next_attempt_at <= ?2 OR next_attempt_at > ?3)
             AND NOT EXISTS (
                 SELECT 1 FROM outbox AS earlier
                 WHERE earlier.slot = ?1
                 AND earlier.next_attempt_at > ?2 AND earlier.next_attempt_at <= ?3
                 AND earlier.id < outbox.id AND earlier.handle = outbox.handle
                 AND earlier.device_id = outbox.device_id)
             ORDER BY id LIMIT {limit}"
        );
        let mut statement = self.0.prepare_cached(&sql)?;
        // Beyond any pause that is ever set: the clock was put back since.
        let clock_went_back = now.after(PAUSE_MAX).as_millis();
        // What would expire later than anything does was put there before that, too.
        let expires_by = now.after(EPHEMERAL_UNSENT).as_millis();
        let columns = params![slot, now.as_millis(), clock_went_back, expires_by];
        let rows = statement.query_map(columns, row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Removes one that is not tried, or not tried again.
    pub fn give_up(&self, id: i64) -> Result<(), SqlError> {
        self.0.prepare_cached("DELETE FROM outbox WHERE id = ?1")?.execute([id])?;
        Ok(())
    }

    /// Removes what the broker has confirmed, and notes when.
    pub fn published(&self, slot: i64, ids: &[TransferId], now: Timestamp) -> Result<(), SqlError> {
        for id in ids {
            self.0
                .prepare_cached("DELETE FROM outbox WHERE transfer_id = ?1")?
                .execute([id.as_bytes()])?;
            self.0
                .prepare_cached(
                    "UPDATE sent SET sent_at = ?3
                     WHERE slot = ?1 AND transfer_id = ?2 AND sent_at IS NULL",
                )?
                .execute(params![slot, id.as_bytes(), now.as_millis()])?;
        }
        Ok(())
    }

    /// Tries again after a pause, which is cut at [`PAUSE_MAX`].
    pub fn postpone(&self, id: i64, now: Timestamp, pause: Duration) -> Result<(), SqlError> {
        let until = now.after(pause.min(PAUSE_MAX));
        self.0
            .prepare_cached(
                "UPDATE outbox SET attempts = attempts + 1, next_attempt_at = ?2 WHERE id = ?1",
            )?
            .execute(params![id, until.as_millis()])?;
        Ok(())
    }

    /// How many wait, and when the next of them is due.
    pub fn waiting(&self, slot: i64) -> Result<(u64, Option<Timestamp>), SqlError> {
        let row = self
            .0
            .prepare_cached(
                // The first of each mailbox holds back the others; SQLite takes the other columns
                // from the row that holds the minimum.
                "SELECT coalesce(sum(waiting), 0), min(next_attempt_at) FROM (
                     SELECT count(*) AS waiting, min(id), next_attempt_at
                     FROM outbox WHERE slot = ?1 GROUP BY handle, device_id)",
            )?
            .query_row([slot], |row| Ok((row.get(0)?, row.get::<_, Option<u64>>(1)?)))?;
        Ok((row.0, row.1.map(Timestamp::from_millis)))
    }
}

fn row(row: &rusqlite::Row<'_>) -> rusqlite::Result<OutboxRow> {
    let device_id = DeviceId::try_from(row.get::<_, u8>(2)?).map_err(|error| invalid(2, error))?;
    let envelope = Envelope::parse(row.get(5)?).map_err(|error| invalid(5, error))?;
    let transfer_id = TransferId::from_bytes(blob16(row, 4)?);
    let to = Mailbox::new(handle(row, 1)?, device_id);
    let sealed = Sealed::restored(to, row.get(3)?, transfer_id, envelope);
    let sealed = if row.get(7)? { sealed.ephemeral() } else { sealed };
    Ok(OutboxRow { id: row.get(0)?, sealed, attempts: row.get(6)?, expired: row.get(8)? })
}
