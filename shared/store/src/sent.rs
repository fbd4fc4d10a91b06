//! What was sealed, and what became of it.

use std::{ops::RangeInclusive, time::Duration};

use rusqlite::{Connection, OptionalExtension, params};
use sysmaint_protocol::{
    Address, ContentId, Kind, Timestamp,
    limits::{EPHEMERAL_UNCONFIRMED, RESENDABLE, TELEMETRY_FIRST_WINDOW},
};

use crate::{SqlError, device_store::address};

/// After this long without a receipt one telemetry envelope may go beyond a full window: nobody
/// may be left to confirm what fills it.
const SILENCE: Duration = Duration::from_hours(1);

/// How long it is still known that an ephemeral envelope was made.
const PAST: Duration = Duration::from_hours(1);

/// The table of sealed messages.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a>(pub(crate) &'a Connection);

/// How far a message has come on its way to all devices of its recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// When the broker confirmed the last of them.
    pub sent_at: Option<Timestamp>,
    /// When the recipient confirmed the first of them.
    pub delivered_at: Option<Timestamp>,
}

impl Sent<'_> {
    /// How far a message has come; `None` if it is not known any more.
    pub fn delivery(&self, slot: i64, content_id: ContentId) -> Result<Option<Delivery>, SqlError> {
        let found = self
            .0
            .prepare_cached(
                "SELECT count(*), count(sent_at), max(sent_at), min(delivered_at) FROM sent
                 WHERE slot = ?1 AND content_id = ?2",
            )?
            .query_row(params![slot, content_id.as_bytes()], |row| {
                let (all, sent): (u64, u64) = (row.get(0)?, row.get(1)?);
                let sent_at: Option<u64> = row.get(2)?;
                let delivered_at: Option<u64> = row.get(3)?;
                Ok((all > 0).then(|| Delivery {
                    sent_at: sent_at.filter(|_| sent == all).map(Timestamp::from_millis),
                    delivered_at: delivered_at.map(Timestamp::from_millis),
                }))
            })
            .optional()?;
        Ok(found.flatten())
    }

    /// How many telemetry envelopes may still go to a peer before it confirms some.
    pub fn telemetry_room(
        &self,
        slot: i64,
        peer: Address,
        now: Timestamp,
    ) -> Result<u32, SqlError> {
        let columns = params![slot, peer.service_id.as_bytes(), peer.device_id.get()];
        let window: Option<u32> = self
            .0
            .prepare_cached(
                "SELECT telemetry_window FROM peer
                 WHERE slot = ?1 AND service_id = ?2 AND device_id = ?3",
            )?
            .query_row(columns, |row| row.get(0))
            .optional()?
            .flatten();
        let kind = u8::from(Kind::Telemetry);
        let (open, unsent, latest): (u32, u32, Option<u64>) = self
            .0
            .prepare_cached(
                "SELECT count(*), count(*) - count(sent_at), max(sent_at) FROM sent
                 WHERE slot = ?1 AND service_id = ?2 AND device_id = ?3
                 AND kind = ?4 AND delivered_at IS NULL",
            )?
            .query_row(
                params![slot, peer.service_id.as_bytes(), peer.device_id.get(), kind],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )?;
        let window = window.unwrap_or(TELEMETRY_FIRST_WINDOW);
        if open != window || unsent > 0 {
            return Ok(window.saturating_sub(open));
        }
        // In the future: the clock was put back since.
        let quiet = latest
            .map(Timestamp::from_millis)
            .is_some_and(|latest| latest <= now.before(SILENCE) || latest > now.after(SILENCE));
        Ok(u32::from(quiet))
    }

    /// Peers that have not confirmed all telemetry that was sealed to them.
    pub fn owing_receipts(&self, slot: i64) -> Result<Vec<Address>, SqlError> {
        let mut statement = self.0.prepare_cached(
            "SELECT DISTINCT service_id, device_id FROM sent
             WHERE slot = ?1 AND kind = ?2 AND delivered_at IS NULL",
        )?;
        let rows =
            statement.query_map(params![slot, u8::from(Kind::Telemetry)], |row| address(row, 0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How many ephemeral envelopes may still be made for a peer before it confirms something.
    pub fn ephemeral_room(&self, slot: i64, peer: Address) -> Result<u32, SqlError> {
        let (service_id, device_id) = (peer.service_id.as_bytes(), peer.device_id.get());
        let open: u32 = self
            .0
            .prepare_cached(
                "SELECT count(*) FROM sent WHERE slot = ?1 AND service_id = ?2
                 AND device_id = ?3 AND kind = ?4 AND delivered_at IS NULL",
            )?
            .query_row(params![slot, service_id, device_id, u8::from(Kind::Delta)], |row| {
                row.get(0)
            })?;
        Ok(EPHEMERAL_UNCONFIRMED.saturating_sub(open))
    }

    /// Notes the own samples that a telemetry message tells of, so that they can be sent again.
    pub fn note_samples(
        &self,
        slot: i64,
        id: ContentId,
        stretches: &[RangeInclusive<u64>],
    ) -> Result<(), SqlError> {
        let mut note = self.0.prepare_cached(
            "INSERT OR REPLACE INTO carried
             SELECT id, ?3, ?4 FROM sent WHERE slot = ?1 AND content_id = ?2",
        )?;
        for stretch in stretches {
            note.execute(params![slot, id.as_bytes(), stretch.start(), stretch.end()])?;
        }
        Ok(())
    }

    /// Forgets what is too old to be resent, but not what still waits in the outbox; what was
    /// ephemeral an hour after it is past.
    pub fn prune(&self, now: Timestamp) -> Result<usize, SqlError> {
        let past = self
            .0
            .prepare_cached("DELETE FROM sent WHERE kind = ?1 AND delivered_at < ?2")?
            .execute(params![u8::from(Kind::Delta), now.before(PAST).as_millis()])?;
        let end = now.before(RESENDABLE).as_millis();
        let old = self
            .0
            .prepare_cached(
                "DELETE FROM sent WHERE sealed_at < ?1
                 AND transfer_id NOT IN (SELECT transfer_id FROM outbox)",
            )?
            .execute([end])?;
        Ok(past + old)
    }
}
