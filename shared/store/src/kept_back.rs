//! Envelopes that the demo's link holds, until they have passed.

use rusqlite::{Connection, params};
use sysmaint_device::Sealed;
use sysmaint_protocol::{
    ContentId, DeviceId, Envelope, Handle, Timestamp, TransferId, subject::Mailbox,
};

use crate::{
    SqlError,
    device_store::{blob16, handle, invalid, timestamp},
};

/// The table.
#[derive(Clone, Copy, Debug)]
pub struct KeptBack<'a>(pub(crate) &'a Connection);

/// One envelope that is held, or is about to be.
#[derive(Clone, Debug)]
pub struct KeptRow {
    /// Who sealed it.
    pub from: Handle,
    /// What is said.
    pub content_id: ContentId,
    /// The envelope.
    pub sealed: Sealed,
    /// What the link does to it, as it was named when it was kept.
    pub fault: String,
    /// When it was sealed.
    pub kept_at: Timestamp,
    /// Whether the outbox has it still, so that the link is yet to see it.
    pub queued: bool,
    /// What was said, encoded, while it is not confirmed.
    pub body: Option<Vec<u8>>,
}

impl KeptBack<'_> {
    /// Keeps a copy of an envelope that was just queued.
    pub fn keep(
        &self,
        id: TransferId,
        content_id: ContentId,
        fault: &str,
        now: Timestamp,
    ) -> Result<(), SqlError> {
        let sql = "INSERT INTO kept_back (transfer_id, slot, content_id, fault, handle, device_id,
                       registration_id, envelope, kept_at)
                   SELECT transfer_id, slot, ?2, ?3, handle, device_id, registration_id, envelope,
                       ?4 FROM outbox WHERE transfer_id = ?1";
        let columns = params![id.as_bytes(), content_id.as_bytes(), fault, now.as_millis()];
        self.0.prepare_cached(sql)?.execute(columns)?;
        Ok(())
    }

    /// All of them, oldest first.
    pub fn all(&self) -> Result<Vec<KeptRow>, SqlError> {
        let sql = "SELECT slot.handle, kept.content_id, kept.fault, kept.kept_at, kept.handle,
                       kept.device_id, kept.registration_id, kept.transfer_id, kept.envelope,
                       EXISTS (SELECT 1 FROM outbox WHERE outbox.transfer_id = kept.transfer_id),
                       (SELECT body FROM sent WHERE sent.slot = kept.slot
                        AND sent.transfer_id = kept.transfer_id)
                   FROM kept_back AS kept JOIN slot ON slot.id = kept.slot
                   ORDER BY kept.kept_at, kept.rowid";
        let mut statement = self.0.prepare_cached(sql)?;
        let rows = statement.query_map([], row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Forgets one, whose true bytes have passed.
    pub fn passed(&self, id: TransferId) -> Result<(), SqlError> {
        let sql = "DELETE FROM kept_back WHERE transfer_id = ?1";
        self.0.prepare_cached(sql)?.execute([id.as_bytes()])?;
        Ok(())
    }
}

fn row(row: &rusqlite::Row<'_>) -> rusqlite::Result<KeptRow> {
    let device_id = DeviceId::try_from(row.get::<_, u8>(5)?).map_err(|error| invalid(5, error))?;
    let envelope = Envelope::parse(row.get(8)?).map_err(|error| invalid(8, error))?;
    let to = Mailbox::new(handle(row, 4)?, device_id);
    let transfer_id = TransferId::from_bytes(blob16(row, 7)?);
    Ok(KeptRow {
        from: handle(row, 0)?,
        content_id: ContentId::from_bytes(blob16(row, 1)?),
        sealed: Sealed::restored(to, row.get(6)?, transfer_id, envelope),
        fault: row.get(2)?,
        kept_at: timestamp(row, 3)?,
        queued: row.get(9)?,
        body: row.get(10)?,
    })
}
