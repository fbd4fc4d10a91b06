//! Requests to resend: made, awaited, received and answered.

use std::{ops::RangeInclusive, time::Duration};

use rusqlite::{Row, params};
use sysmaint_device::{
    Sealed,
    store::{DeadReason, NewRetry, RepairStore, RetryDue, SentMessage, StoreError},
};
use sysmaint_protocol::{
    Address, ContentId, Kind, Timestamp, TransferId,
    limits::{MAILBOX_MESSAGES, RESENDS_WAITING, RETRIES_PER_HOUR, TELEMETRY_WINDOW},
};

use super::{DeviceStore, address, blob16, columns, handle, kind, timestamp};
use crate::OwnSamples;

/// Digests that are remembered: all that a mailbox holds, four times.
const SETTLED: i64 = 4 * MAILBOX_MESSAGES;
/// Messages of one sender that may be asked for at a time: as many as a mailbox holds.
const WAITING: i64 = MAILBOX_MESSAGES;
const HOUR: Duration = Duration::from_hours(1);

const RETRY: &str = "SELECT service_id, device_id, transfer_id, reason, request, stored_at, asked
                     FROM retry WHERE slot = ?1";

impl DeviceStore<'_> {
    /// Requests to a peer, or of a peer, within the last hour.
    fn asked_lately(
        &self,
        peer: Address,
        outgoing: bool,
        now: Timestamp,
    ) -> Result<u32, StoreError> {
        let (service_id, device_id) = columns(&peer);
        let sql = "SELECT count(*) FROM retry_asked WHERE slot = ?1 AND service_id = ?2
                   AND device_id = ?3 AND outgoing = ?4 AND asked_at > ?5 AND asked_at <= ?6";
        let (from, to) = (now.before(HOUR).as_millis(), now.as_millis());
        let columns = params![self.slot, service_id, device_id, outgoing, from, to];
        Ok(self.one(sql, columns, |row| row.get(0))?.unwrap_or(0))
    }

    fn note_asked(&self, peer: Address, outgoing: bool, now: Timestamp) -> Result<(), StoreError> {
        let (service_id, device_id) = columns(&peer);
        let sql = "DELETE FROM retry_asked WHERE slot = ?1 AND (asked_at <= ?2 OR asked_at > ?3)";
        let (from, to) = (now.before(HOUR).as_millis(), now.as_millis());
        self.execute(sql, params![self.slot, from, to])?;
        let sql = "INSERT INTO retry_asked (slot, service_id, device_id, outgoing, asked_at)
                   VALUES (?1, ?2, ?3, ?4, ?5)";
        self.execute(sql, params![self.slot, service_id, device_id, outgoing, now.as_millis()])?;
        Ok(())
    }

    /// A peer opens its mailbox in order, so telemetry that is still not confirmed when something
    /// a whole window later is will never be: its samples go out again, and its place is free.
    pub(super) fn release_overtaken(
        &self,
        peer: Address,
        confirmed: ContentId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (service_id, device_id) = columns(&peer);
        let sql = "SELECT content_id FROM sent WHERE slot = ?1 AND service_id = ?2
                   AND device_id = ?3 AND kind = ?4 AND delivered_at IS NULL AND sequence + ?5 <
                       (SELECT max(sequence) FROM sent WHERE slot = ?1 AND content_id = ?6
                        AND service_id = ?2 AND device_id = ?3)";
        let columns = params![
            self.slot,
            service_id,
            device_id,
            u8::from(Kind::Telemetry),
            TELEMETRY_WINDOW,
            confirmed.as_bytes()
        ];
        let overtaken: Vec<[u8; 16]> = self.all(sql, columns, |row| blob16(row, 0))?;
        for content_id in overtaken {
            self.refill(peer, Some(ContentId::from_bytes(content_id)), now)?;
        }
        Ok(())
    }

    fn refill(
        &self,
        peer: Address,
        content_id: Option<ContentId>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (service_id, device_id) = columns(&peer);
        let id = content_id.as_ref().map(|id| id.as_bytes().as_slice());
        let kind = u8::from(Kind::Telemetry);
        let these = "FROM sent WHERE slot = ?1 AND service_id = ?2 AND device_id = ?3
                     AND kind = ?4 AND delivered_at IS NULL AND (?5 IS NULL OR content_id = ?5)";
        let columns = params![self.slot, service_id, device_id, kind, id];
        let sql = format!("SELECT first, last FROM carried WHERE sent IN (SELECT id {these})");
        let stretches = self.all(&sql, columns, |row| Ok(row.get(0)?..=row.get(1)?))?;
        self.owe_samples(peer, stretches)?;
        let sql = format!("DELETE FROM carried WHERE sent IN (SELECT id {these})");
        self.execute(&sql, columns)?;
        // The rows stay for a while, so that a later request for them finds an answer.
        let sql = "UPDATE sent SET delivered_at = ?6
                   WHERE slot = ?1 AND service_id = ?2 AND device_id = ?3 AND kind = ?4
                   AND delivered_at IS NULL AND (?5 IS NULL OR content_id = ?5)";
        let columns = params![self.slot, service_id, device_id, kind, id, now.as_millis()];
        self.execute(sql, columns)?;
        Ok(())
    }

    /// To the reader that a peer is a device of.
    fn owe_samples(
        &self,
        peer: Address,
        stretches: Vec<RangeInclusive<u64>>,
    ) -> Result<(), StoreError> {
        let sql = "SELECT reader.handle FROM reader JOIN contact USING (handle)
                   WHERE slot = ?1 AND service_id = ?2";
        let service_id = peer.service_id.as_bytes();
        let reader = self.one(sql, params![self.slot, service_id], |row| handle(row, 0))?;
        let Some(reader) = reader else { return Ok(()) };
        for stretch in stretches {
            OwnSamples(self.connection).owe(&reader, stretch)?;
        }
        Ok(())
    }

    fn count(&self, column: &str, more: usize) -> Result<(), StoreError> {
        let sql = format!(
            "INSERT INTO repair_count (slot, {column}) VALUES (?1, ?2)
             ON CONFLICT DO UPDATE SET {column} = {column} + excluded.{column}"
        );
        if more > 0 {
            self.execute(&sql, params![self.slot, more])?;
        }
        Ok(())
    }
}

impl RepairStore for DeviceStore<'_> {
    fn was_settled(&self, digest: u64) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM settled WHERE slot = ?1 AND digest = ?2 LIMIT 1";
        let found = self.one(sql, params![self.slot, digest.cast_signed()], |_| Ok(()))?;
        Ok(found.is_some())
    }

    fn note_settled(&mut self, digest: u64) -> Result<(), StoreError> {
        let sql = "INSERT INTO settled (slot, digest) VALUES (?1, ?2)";
        self.execute(sql, params![self.slot, digest.cast_signed()])?;
        let sql = "DELETE FROM settled WHERE id <= (SELECT max(id) FROM settled) - ?1";
        self.execute(sql, [SETTLED])?;
        Ok(())
    }

    fn owe_retry(&mut self, retry: &NewRetry<'_>, now: Timestamp) -> Result<bool, StoreError> {
        let (service_id, device_id) = columns(&retry.peer);
        let sql = "SELECT count(*) FROM retry
                   WHERE slot = ?1 AND service_id = ?2 AND device_id = ?3";
        let columns = params![self.slot, service_id, device_id];
        let waiting: i64 = self.one(sql, columns, |row| row.get(0))?.unwrap_or(0);
        if waiting >= WAITING {
            let sql = "SELECT 1 FROM retry WHERE slot = ?1 AND service_id = ?2
                       AND device_id = ?3 AND transfer_id = ?4";
            let id = retry.transfer_id.as_bytes();
            let columns = params![self.slot, service_id, device_id, id];
            return Ok(self.one(sql, columns, |_| Ok(()))?.is_some());
        }
        let sql = "INSERT OR IGNORE INTO retry (slot, service_id, device_id, transfer_id,
                       repair_key, reason, request, stored_at, asked_at, due_at)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9)";
        self.execute(
            sql,
            params![
                self.slot,
                service_id,
                device_id,
                retry.transfer_id.as_bytes(),
                retry.transfer_id.repair_key(),
                retry.reason.name(),
                retry.request,
                retry.stored_at.as_millis(),
                now.as_millis(),
            ],
        )?;
        Ok(true)
    }

    fn retries_due(&self, now: Timestamp) -> Result<Vec<RetryDue>, StoreError> {
        // Asked for in the future: the clock was put back since.
        let sql = "SELECT DISTINCT service_id, device_id FROM retry
                   WHERE slot = ?1 AND (due_at <= ?2 OR asked_at > ?2)";
        let columns = params![self.slot, now.as_millis()];
        let peers: Vec<Address> = self.all(sql, columns, |row| address(row, 0))?;
        let mut due = Vec::new();
        for peer in peers {
            let asked = self.asked_lately(peer, true, now)?;
            let room = RETRIES_PER_HOUR.saturating_sub(asked);
            let sql = format!(
                "{RETRY} AND service_id = ?2 AND device_id = ?3
                 AND (due_at <= ?4 OR asked_at > ?4) ORDER BY id LIMIT ?5"
            );
            let (service_id, device_id) = super::columns(&peer);
            let columns = params![self.slot, service_id, device_id, now.as_millis(), room];
            due.extend(self.all(&sql, columns, retry)?);
        }
        Ok(due)
    }

    fn note_retry(
        &mut self,
        peer: Address,
        transfer_id: TransferId,
        now: Timestamp,
        again_at: Timestamp,
    ) -> Result<(), StoreError> {
        self.note_asked(peer, true, now)?;
        let (service_id, device_id) = columns(&peer);
        let sql = "UPDATE retry SET asked = asked + 1, due_at = ?5, asked_at = ?6
                   WHERE slot = ?1 AND service_id = ?2 AND device_id = ?3 AND transfer_id = ?4";
        let (id, at, now) = (transfer_id.as_bytes(), again_at.as_millis(), now.as_millis());
        self.execute(sql, params![self.slot, service_id, device_id, id, at, now])?;
        Ok(())
    }

    fn take_retry(
        &mut self,
        peer: Address,
        repair_key: u64,
    ) -> Result<Option<RetryDue>, StoreError> {
        let (service_id, device_id) = columns(&peer);
        let Ok(repair_key) = i64::try_from(repair_key) else { return Ok(None) };
        let sql = format!("{RETRY} AND service_id = ?2 AND device_id = ?3 AND repair_key = ?4");
        let columns = params![self.slot, service_id, device_id, repair_key];
        let found = self.one(&sql, columns, retry)?;
        let sql = "DELETE FROM retry
                   WHERE slot = ?1 AND service_id = ?2 AND device_id = ?3 AND repair_key = ?4";
        self.execute(sql, columns)?;
        Ok(found)
    }

    fn count_repaired(&mut self) -> Result<(), StoreError> {
        self.count("repaired", 1)
    }

    fn queue_request(&mut self, sealed: &Sealed) -> Result<(), StoreError> {
        self.publish_later(sealed, None)
    }

    fn owe_resend(
        &mut self,
        peer: Address,
        repair_key: u64,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let Ok(repair_key) = i64::try_from(repair_key) else { return Ok(false) };
        if self.asked_lately(peer, false, now)? >= RETRIES_PER_HOUR {
            return Ok(false);
        }
        let (service_id, device_id) = columns(&peer);
        let sql = "SELECT count(*) FROM resend
                   WHERE slot = ?1 AND service_id = ?2 AND device_id = ?3";
        let columns = params![self.slot, service_id, device_id];
        let waiting: Option<usize> = self.one(sql, columns, |row| row.get(0))?;
        if waiting.is_some_and(|waiting| waiting >= RESENDS_WAITING) {
            return Ok(false);
        }
        self.note_asked(peer, false, now)?;
        let sql = "INSERT INTO resend (slot, service_id, device_id, repair_key)
                   VALUES (?1, ?2, ?3, ?4)";
        self.execute(sql, params![self.slot, service_id, device_id, repair_key])?;
        Ok(true)
    }

    fn resends_owed(&self) -> Result<Vec<Address>, StoreError> {
        let sql = "SELECT DISTINCT service_id, device_id FROM resend WHERE slot = ?1";
        self.all(sql, [self.slot], |row| address(row, 0))
    }

    fn take_resends(&mut self, peer: Address, limit: usize) -> Result<Vec<u64>, StoreError> {
        let (service_id, device_id) = columns(&peer);
        let sql = "DELETE FROM resend WHERE id IN (
                       SELECT id FROM resend WHERE slot = ?1 AND service_id = ?2
                       AND device_id = ?3 ORDER BY id LIMIT ?4)
                   RETURNING repair_key";
        let taken: Vec<u64> =
            self.all(sql, params![self.slot, service_id, device_id, limit], |row| row.get(0))?;
        self.count("resent", taken.len())?;
        Ok(taken)
    }

    fn sent_message(
        &self,
        peer: Address,
        repair_key: u64,
    ) -> Result<Option<SentMessage>, StoreError> {
        let Ok(repair_key) = i64::try_from(repair_key) else { return Ok(None) };
        let (service_id, device_id) = columns(&peer);
        // Its content may have been sealed again since; SQLite takes the other columns from the
        // row that holds the maximum.
        let sql = "SELECT content_id, kind, in_reply_to, body, sealed_at, count(*),
                       count(delivered_at), max(id)
                   FROM sent WHERE slot = ?1 AND service_id = ?2 AND device_id = ?3
                   AND content_id = (
                       SELECT content_id FROM sent WHERE slot = ?1 AND service_id = ?2
                       AND device_id = ?3 AND repair_key = ?4)
                   GROUP BY content_id";
        self.one(sql, params![self.slot, service_id, device_id, repair_key], |row| {
            Ok(SentMessage {
                content_id: ContentId::from_bytes(blob16(row, 0)?),
                kind: kind(row, 1)?,
                in_reply_to: row.get::<_, Option<[u8; 16]>>(2)?.map(ContentId::from_bytes),
                body: row.get(3)?,
                sealed_at: timestamp(row, 4)?,
                copies: row.get(5)?,
                delivered: row.get::<_, u32>(6)? > 0,
            })
        })
    }

    fn refill_telemetry(
        &mut self,
        peer: Address,
        content_id: Option<ContentId>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if content_id.is_none() {
            // Whoever was put back to an old copy numbers new samples like old ones.
            self.execute("UPDATE own_stream SET stream = randomblob(16)", [])?;
        }
        self.refill(peer, content_id, now)
    }
}

fn retry(row: &Row<'_>) -> rusqlite::Result<RetryDue> {
    let reason: String = row.get(3)?;
    Ok(RetryDue {
        peer: address(row, 0)?,
        transfer_id: TransferId::from_bytes(blob16(row, 2)?),
        reason: DeadReason::curable(&reason).unwrap_or(DeadReason::Undecryptable),
        request: row.get(4)?,
        stored_at: timestamp(row, 5)?,
        asked: row.get(6)?,
    })
}
