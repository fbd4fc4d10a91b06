//! The device itself.

use rusqlite::params;
use sysmaint_device::store::{LocalDevice, LocalStore, StoreError};
use zeroize::Zeroizing;

use super::{DeviceStore, address, codes::handle, timestamp};

impl LocalStore for DeviceStore<'_> {
    fn local(&self) -> Result<Option<LocalDevice>, StoreError> {
        let sql = "SELECT service_id, device_id, registration_id, identity_key_pair, trust_root,
                       certificate, certificate_expires_at, token, next_prekey_id, backend, handle,
                       registered_as, renewed_at
                   FROM local_device JOIN slot ON slot.id = local_device.slot WHERE slot = ?1";
        self.one(sql, [self.slot], |row| {
            Ok(LocalDevice {
                handle: handle(row, 10)?,
                address: address(row, 0)?,
                registration_id: row.get(2)?,
                identity_key_pair: Zeroizing::new(row.get(3)?),
                trust_root: row.get(4)?,
                certificate: row.get(5)?,
                certificate_expires_at: timestamp(row, 6)?,
                token: row.get::<_, Option<String>>(7)?.map(Zeroizing::new),
                next_prekey_id: row.get(8)?,
                backend: row.get(9)?,
                registered_as: row.get(11)?,
                renewed_at: timestamp(row, 12)?,
            })
        })
    }

    fn put_local(&mut self, local: &LocalDevice) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO local_device
                       (slot, service_id, device_id, registration_id, identity_key_pair,
                        trust_root, certificate, certificate_expires_at, token, next_prekey_id,
                        backend, registered_as, renewed_at)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
        self.execute(
            sql,
            params![
                self.slot,
                local.address.service_id.as_bytes(),
                local.address.device_id.get(),
                local.registration_id,
                *local.identity_key_pair,
                local.trust_root,
                local.certificate,
                local.certificate_expires_at.as_millis(),
                local.token.as_ref().map(|token| token.as_str()),
                local.next_prekey_id,
                local.backend,
                local.registered_as,
                local.renewed_at.as_millis(),
            ],
        )?;
        Ok(())
    }
}
