//! What goes out, what came in, and what is owed for it.

use std::time::Duration;

use rusqlite::params;
use sysmaint_device::{
    Sealed,
    store::{DeadLetter, Held, NewInbox, NewOutbox, QueueStore, ReceiptDue, StoreError},
};
use sysmaint_protocol::{
    Address, ContentId, Kind, Timestamp, TransferId,
    limits::{DEAD_LETTERS, EPHEMERAL_UNSENT, HELD_BYTES, HELD_MESSAGES, RECEIPT_DELAY},
    subject::Mailbox,
};

use super::{DeviceStore, Queued, address, blob16, columns, timestamp};

/// Who sent telemetry within this time shares the mailbox.
const LATELY: Duration = Duration::from_hours(24);

impl DeviceStore<'_> {
    /// Puts an envelope into the outbox, until it is too old if that can be.
    pub(super) fn publish_later(
        &self,
        sealed: &Sealed,
        expires_at: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO outbox
                       (slot, handle, device_id, registration_id, transfer_id, envelope, expires_at)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        self.execute(
            sql,
            params![
                self.slot,
                sealed.to().handle.as_str(),
                sealed.to().device_id.get(),
                sealed.registration_id(),
                sealed.transfer_id().as_bytes(),
                sealed.envelope().as_bytes(),
                expires_at.map(Timestamp::as_millis),
            ],
        )?;
        Ok(())
    }

    /// What is ephemeral and was sealed before a confirmed message is past: its recipient opens
    /// its mailbox in order. The rows stay for a while, so that a request for them finds an answer.
    fn pass_ephemeral(
        &self,
        peer: Address,
        confirmed: ContentId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (service_id, device_id) = columns(&peer);
        let sql = "UPDATE sent SET delivered_at = ?6 WHERE slot = ?1 AND service_id = ?2
                   AND device_id = ?3 AND kind = ?4 AND delivered_at IS NULL AND sequence <
                       (SELECT max(sequence) FROM sent WHERE slot = ?1 AND content_id = ?5
                        AND service_id = ?2 AND device_id = ?3)";
        let (kind, id) = (u8::from(Kind::Delta), confirmed.as_bytes());
        let columns = params![self.slot, service_id, device_id, kind, id, now.as_millis()];
        self.execute(sql, columns)?;
        Ok(())
    }
}

impl QueueStore for DeviceStore<'_> {
    fn queue(&mut self, entry: &NewOutbox<'_>) -> Result<(), StoreError> {
        let expires_at = entry.sealed_at.after(EPHEMERAL_UNSENT);
        self.publish_later(entry.sealed, entry.kind.is_ephemeral().then_some(expires_at))?;
        let transfer_id = entry.sealed.transfer_id();
        let (service_id, device_id) = columns(&entry.recipient);
        let sql = "INSERT INTO sent (slot, service_id, device_id, content_id, transfer_id,
                       repair_key, kind, in_reply_to, sequence, body, sealed_at)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
        self.execute(
            sql,
            params![
                self.slot,
                service_id,
                device_id,
                entry.content_id.as_bytes(),
                transfer_id.as_bytes(),
                transfer_id.repair_key(),
                u8::from(entry.kind),
                entry.in_reply_to.as_ref().map(|id| id.as_bytes().as_slice()),
                entry.sequence,
                entry.body,
                entry.sealed_at.as_millis(),
            ],
        )?;
        self.queued.push(Queued {
            content_id: entry.content_id,
            transfer_id,
            to: entry.sealed.to().clone(),
            mechanics: entry.mechanics,
        });
        Ok(())
    }

    fn deliver(&mut self, entry: &NewInbox<'_>) -> Result<bool, StoreError> {
        let (service_id, device_id) = columns(&entry.sender);
        let sql = "INSERT OR IGNORE INTO inbox (slot, service_id, device_id, content_id, kind,
                       in_reply_to, sequence, sent_at, stored_at, body, sender_handle)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
        let added = self.execute(
            sql,
            params![
                self.slot,
                service_id,
                device_id,
                entry.content_id.as_bytes(),
                u8::from(entry.kind),
                entry.in_reply_to.as_ref().map(|id| id.as_bytes().as_slice()),
                i64::try_from(entry.sequence).unwrap_or(i64::MAX),
                entry.sent_at.as_millis(),
                entry.stored_at.as_millis(),
                entry.body,
                entry.sender_handle.as_str(),
            ],
        )?;
        if entry.kind == Kind::Telemetry {
            let sql = "UPDATE peer SET telemetry_at = max(coalesce(telemetry_at, 0), ?4)
                       WHERE slot = ?1 AND service_id = ?2 AND device_id = ?3";
            let stored_at = entry.stored_at.as_millis();
            self.execute(sql, params![self.slot, service_id, device_id, stored_at])?;
        }
        Ok(added == 1)
    }

    fn owe_receipt(
        &mut self,
        peer: Address,
        content_id: ContentId,
        due_at: Timestamp,
    ) -> Result<(), StoreError> {
        let (service_id, device_id) = columns(&peer);
        let sql = "INSERT INTO receipt_owed (slot, service_id, device_id, content_id, due_at)
                   VALUES (?1, ?2, ?3, ?4, ?5)";
        let columns =
            params![self.slot, service_id, device_id, content_id.as_bytes(), due_at.as_millis()];
        self.execute(sql, columns)?;
        Ok(())
    }

    fn receipts_due(&self, now: Timestamp, batch: usize) -> Result<Vec<ReceiptDue>, StoreError> {
        let sql = "SELECT service_id, device_id FROM receipt_owed WHERE slot = ?1
                   GROUP BY service_id, device_id 
                   HAVING min(due_at) <= ?2 OR count(*) >= ?3 OR max(due_at) > ?4";
        // Due later than any receipt ever is: the clock was put back since.
        let clock_went_back = now.after(RECEIPT_DELAY).as_millis();
        self.all(sql, params![self.slot, now.as_millis(), batch, clock_went_back], |row| {
            Ok(ReceiptDue { peer: address(row, 0)? })
        })
    }

    fn take_receipts(&mut self, peer: Address, limit: usize) -> Result<Vec<ContentId>, StoreError> {
        let (service_id, device_id) = columns(&peer);
        let sql = "SELECT id, content_id FROM receipt_owed
                   WHERE slot = ?1 AND service_id = ?2 AND device_id = ?3 ORDER BY id LIMIT ?4";
        let columns = params![self.slot, service_id, device_id, limit];
        let owed: Vec<(i64, [u8; 16])> =
            self.all(sql, columns, |row| Ok((row.get(0)?, blob16(row, 1)?)))?;
        if let Some((last, _)) = owed.last() {
            let sql = "DELETE FROM receipt_owed
                       WHERE slot = ?1 AND service_id = ?2 AND device_id = ?3 AND id <= ?4";
            self.execute(sql, params![self.slot, service_id, device_id, last])?;
        }
        Ok(owed.into_iter().map(|(_, id)| ContentId::from_bytes(id)).collect())
    }

    fn note_delivered(
        &mut self,
        peer: Address,
        content_ids: &[ContentId],
        telemetry_window: u32,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (service_id, device_id) = columns(&peer);
        for content_id in content_ids {
            // Telemetry is done with once it is delivered; the rest is shown and may be resent.
            let refillable = u8::from(Kind::Telemetry);
            let sql = "DELETE FROM sent WHERE slot = ?1 AND content_id = ?2 AND service_id = ?3
                       AND device_id = ?4 AND kind = ?5";
            let id = content_id.as_bytes();
            self.release_overtaken(peer, *content_id, now)?;
            self.pass_ephemeral(peer, *content_id, now)?;
            self.execute(sql, params![self.slot, id, service_id, device_id, refillable])?;
            let sql = "UPDATE sent SET delivered_at = ?5 WHERE slot = ?1 AND content_id = ?2
                       AND service_id = ?3 AND device_id = ?4 AND delivered_at IS NULL";
            self.execute(sql, params![self.slot, id, service_id, device_id, now.as_millis()])?;
        }
        let sql = "UPDATE peer SET telemetry_window = ?4
                   WHERE slot = ?1 AND service_id = ?2 AND device_id = ?3";
        self.execute(sql, params![self.slot, service_id, device_id, telemetry_window])?;
        Ok(())
    }

    fn telemetry_senders(&self) -> Result<u32, StoreError> {
        // By the broker's clock against itself, so that no wrong local clock matters.
        let sql = "SELECT count(*) FROM peer WHERE slot = ?1 AND telemetry_at >=
                       (SELECT max(telemetry_at) FROM peer WHERE slot = ?1) - ?2";
        let lately = u64::try_from(LATELY.as_millis()).unwrap_or(u64::MAX);
        let columns = params![self.slot, lately];
        Ok(self.one(sql, columns, |row| row.get(0))?.unwrap_or(0))
    }

    fn hold(&mut self, held: &Held) -> Result<bool, StoreError> {
        let (service_id, device_id) = columns(&held.sender);
        let sql = "SELECT count(*), coalesce(sum(length(envelope)), 0) FROM held
                   WHERE slot = ?1 AND service_id = ?2 AND device_id = ?3";
        let columns = params![self.slot, service_id, device_id];
        let of_sender = self.one(sql, columns, |row| Ok((row.get(0)?, row.get(1)?)))?;
        let (count, bytes): (usize, usize) = of_sender.unwrap_or_default();
        if count >= HELD_MESSAGES || bytes + held.envelope.len() > HELD_BYTES {
            return Ok(false);
        }
        let sql = "INSERT INTO held
                       (slot, service_id, device_id, envelope, stored_at, transfer_id)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let transfer_id = held.transfer_id.as_ref().map(|id| id.as_bytes().as_slice());
        let (envelope, stored_at) = (&held.envelope, held.stored_at.as_millis());
        let columns = params![self.slot, service_id, device_id, envelope, stored_at, transfer_id];
        self.execute(sql, columns)?;
        Ok(true)
    }

    fn take_held(&mut self, sender: Address) -> Result<Vec<Held>, StoreError> {
        let (service_id, device_id) = columns(&sender);
        let sql = "SELECT envelope, transfer_id, stored_at FROM held
                   WHERE slot = ?1 AND service_id = ?2 AND device_id = ?3 ORDER BY id";
        let columns = params![self.slot, service_id, device_id];
        let held = self.all(sql, columns, |row| {
            let transfer_id = row.get::<_, Option<[u8; 16]>>(1)?.map(TransferId::from_bytes);
            Ok(Held { sender, envelope: row.get(0)?, transfer_id, stored_at: timestamp(row, 2)? })
        })?;
        let sql = "DELETE FROM held WHERE slot = ?1 AND service_id = ?2 AND device_id = ?3";
        self.execute(sql, columns)?;
        Ok(held)
    }

    fn held_senders(&self) -> Result<Vec<Address>, StoreError> {
        let sql = "SELECT DISTINCT service_id, device_id FROM held WHERE slot = ?1";
        self.all(sql, [self.slot], |row| address(row, 0))
    }

    fn withdraw(&mut self, to: &Mailbox, peer: Address) -> Result<(), StoreError> {
        let sql = "DELETE FROM outbox WHERE slot = ?1 AND handle = ?2 AND device_id = ?3";
        self.execute(sql, params![self.slot, to.handle.as_str(), to.device_id.get()])?;
        // What no other device has stays, as what was never delivered.
        let (service_id, device_id) = columns(&peer);
        let sql = "DELETE FROM sent WHERE slot = ?1 AND service_id = ?2 AND device_id = ?3
                   AND delivered_at IS NULL AND EXISTS (
                       SELECT 1 FROM sent AS other
                       WHERE other.slot = ?1 AND other.content_id = sent.content_id
                       AND (other.service_id <> ?2 OR other.device_id <> ?3))";
        self.execute(sql, params![self.slot, service_id, device_id])?;
        Ok(())
    }

    fn readdress(&mut self, to: &Mailbox, registration_id: u32) -> Result<(), StoreError> {
        let sql = "UPDATE outbox SET registration_id = ?4, next_attempt_at = 0
                   WHERE slot = ?1 AND handle = ?2 AND device_id = ?3";
        let (handle, device_id) = (to.handle.as_str(), to.device_id.get());
        self.execute(sql, params![self.slot, handle, device_id, registration_id])?;
        Ok(())
    }

    fn bury(&mut self, letter: &DeadLetter) -> Result<(), StoreError> {
        let reason = letter.reason.name();
        let sql = "INSERT INTO dead_letter
                       (slot, service_id, device_id, transfer_id, reason, stored_at)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        self.execute(
            sql,
            params![
                self.slot,
                letter.sender.as_ref().map(|sender| sender.service_id.as_bytes().as_slice()),
                letter.sender.as_ref().map(|sender| sender.device_id.get()),
                letter.transfer_id.as_ref().map(|id| id.as_bytes().as_slice()),
                reason,
                letter.stored_at.as_millis(),
            ],
        )?;
        let sql = "DELETE FROM dead_letter WHERE slot = ?1 AND id <= (
                       SELECT max(id) FROM dead_letter WHERE slot = ?1) - ?2";
        self.execute(sql, params![self.slot, DEAD_LETTERS])?;
        let sql = "INSERT INTO dead_letter_count VALUES (?1, ?2, 1)
                   ON CONFLICT DO UPDATE SET count = count + 1";
        self.execute(sql, params![self.slot, reason])?;
        Ok(())
    }
}
