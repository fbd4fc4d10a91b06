//! One's own prekeys.

use rusqlite::{Row, params};
use sysmaint_device::store::{PrekeyClass, PrekeyRecord, PrekeyStore, StoreError};
use sysmaint_protocol::Timestamp;
use zeroize::Zeroizing;

use super::{DeviceStore, timestamp};

impl PrekeyStore for DeviceStore<'_> {
    fn prekey(&self, class: PrekeyClass, id: u32) -> Result<Option<PrekeyRecord>, StoreError> {
        let sql = "SELECT id, record, created_at, uploaded, retired_at FROM prekey
                   WHERE slot = ?1 AND class = ?2 AND id = ?3";
        self.one(sql, params![self.slot, code(class), id], record)
    }

    fn prekeys(&self, class: PrekeyClass) -> Result<Vec<PrekeyRecord>, StoreError> {
        let sql = "SELECT id, record, created_at, uploaded, retired_at FROM prekey
                   WHERE slot = ?1 AND class = ?2 ORDER BY created_at, rowid";
        self.all(sql, params![self.slot, code(class)], record)
    }

    fn put_prekey(&mut self, class: PrekeyClass, prekey: &PrekeyRecord) -> Result<(), StoreError> {
        let sql = "INSERT INTO prekey VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                   ON CONFLICT (slot, class, id) DO UPDATE SET record = excluded.record,
                       created_at = excluded.created_at, uploaded = excluded.uploaded,
                       retired_at = excluded.retired_at";
        self.execute(
            sql,
            params![
                self.slot,
                code(class),
                prekey.id,
                *prekey.record,
                prekey.created_at.as_millis(),
                prekey.uploaded,
                prekey.retired_at.map(Timestamp::as_millis),
            ],
        )?;
        Ok(())
    }

    fn remove_prekey(&mut self, class: PrekeyClass, id: u32) -> Result<(), StoreError> {
        let sql = "DELETE FROM prekey WHERE slot = ?1 AND class = ?2 AND id = ?3";
        self.execute(sql, params![self.slot, code(class), id])?;
        if class == PrekeyClass::LastResort {
            let sql = "DELETE FROM last_resort_use WHERE slot = ?1 AND kyber_id = ?2";
            self.execute(sql, params![self.slot, id])?;
        }
        Ok(())
    }

    fn mark_prekeys_uploaded(&mut self) -> Result<(), StoreError> {
        let sql = "UPDATE prekey SET uploaded = 1 WHERE slot = ?1 AND uploaded = 0";
        self.execute(sql, [self.slot])?;
        Ok(())
    }

    fn note_last_resort(
        &mut self,
        kyber_id: u32,
        signed_id: u32,
        base_key: &[u8],
    ) -> Result<bool, StoreError> {
        let sql = "INSERT OR IGNORE INTO last_resort_use VALUES (?1, ?2, ?3, ?4)";
        let added = self.execute(sql, params![self.slot, kyber_id, signed_id, base_key])?;
        Ok(added == 1)
    }
}

fn record(row: &Row<'_>) -> rusqlite::Result<PrekeyRecord> {
    Ok(PrekeyRecord {
        id: row.get(0)?,
        record: Zeroizing::new(row.get(1)?),
        created_at: timestamp(row, 2)?,
        uploaded: row.get(3)?,
        retired_at: row.get::<_, Option<u64>>(4)?.map(Timestamp::from_millis),
    })
}

const fn code(class: PrekeyClass) -> u8 {
    match class {
        PrekeyClass::Ec => 1,
        PrekeyClass::Kyber => 2,
        PrekeyClass::LastResort => 3,
        PrekeyClass::Signed => 4,
    }
}
