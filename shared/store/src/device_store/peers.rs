//! Everybody else.

use rusqlite::{Row, params};
use sysmaint_device::{
    key::IdentityKey,
    store::{Candidate, Contact, Peer, PeerStore, StoreError, Trust},
};
use sysmaint_protocol::{Address, DeviceId, Handle, ServiceId};

use super::{
    DeviceStore, blob16,
    codes::{address, handle, invalid},
    columns, timestamp,
};

impl PeerStore for DeviceStore<'_> {
    fn session(&self, peer: Address) -> Result<Option<Vec<u8>>, StoreError> {
        let (service_id, device_id) = columns(&peer);
        let sql = "SELECT record FROM session
                   WHERE slot = ?1 AND service_id = ?2 AND device_id = ?3";
        self.one(sql, params![self.slot, service_id, device_id], |row| row.get(0))
    }

    fn put_session(&mut self, peer: Address, record: &[u8]) -> Result<(), StoreError> {
        let (service_id, device_id) = columns(&peer);
        let sql = "INSERT INTO session VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT DO UPDATE SET record = excluded.record";
        self.execute(sql, params![self.slot, service_id, device_id, record])?;
        Ok(())
    }

    fn drop_session(&mut self, peer: Address) -> Result<(), StoreError> {
        let (service_id, device_id) = columns(&peer);
        let sql = "DELETE FROM session WHERE slot = ?1 AND service_id = ?2 AND device_id = ?3";
        self.execute(sql, params![self.slot, service_id, device_id])?;
        Ok(())
    }

    fn reject_key(&mut self, peer: Address, key: &IdentityKey) -> Result<(), StoreError> {
        let (service_id, device_id) = columns(&peer);
        let sql = "INSERT OR IGNORE INTO rejected_key VALUES (?1, ?2, ?3, ?4)";
        self.execute(sql, params![self.slot, service_id, device_id, key.as_bytes()])?;
        Ok(())
    }

    fn is_rejected(&self, peer: Address, key: &IdentityKey) -> Result<bool, StoreError> {
        let (service_id, device_id) = columns(&peer);
        let sql = "SELECT 1 FROM rejected_key WHERE slot = ?1 AND service_id = ?2
                   AND device_id = ?3 AND identity_key = ?4";
        let columns = params![self.slot, service_id, device_id, key.as_bytes()];
        Ok(self.one(sql, columns, |_| Ok(()))?.is_some())
    }

    fn retire_sessions(
        &mut self,
        rewrite: &dyn Fn(&[u8]) -> Option<Vec<u8>>,
    ) -> Result<(), StoreError> {
        let sql = "SELECT service_id, device_id, record FROM session WHERE slot = ?1";
        let known: Vec<(Address, Vec<u8>)> =
            self.all(sql, [self.slot], |row| Ok((address(row, 0)?, row.get(2)?)))?;
        self.execute("DELETE FROM session WHERE slot = ?1", [self.slot])?;
        for (peer, record) in known {
            if let Some(record) = rewrite(&record) {
                self.put_session(peer, &record)?;
            }
        }
        Ok(())
    }

    fn peer(&self, peer: Address) -> Result<Option<Peer>, StoreError> {
        let (service_id, device_id) = columns(&peer);
        let sql = "SELECT identity_key, trust, candidate, registration_id, first_seen FROM peer
                   WHERE slot = ?1 AND service_id = ?2 AND device_id = ?3";
        self.one(sql, params![self.slot, service_id, device_id], read_peer)
    }

    fn put_peer(&mut self, address: Address, peer: &Peer) -> Result<(), StoreError> {
        let (service_id, device_id) = columns(&address);
        let sql = "INSERT INTO peer (slot, service_id, device_id, identity_key, trust, candidate,
                       registration_id, first_seen)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                   ON CONFLICT DO UPDATE SET identity_key = excluded.identity_key,
                       trust = excluded.trust, candidate = excluded.candidate,
                       registration_id = excluded.registration_id";
        self.execute(
            sql,
            params![
                self.slot,
                service_id,
                device_id,
                peer.identity_key.as_bytes(),
                trust_code(peer.trust),
                peer.candidate.as_ref().map(|key| key.as_bytes().as_slice()),
                peer.registration_id,
                peer.first_seen.as_millis(),
            ],
        )?;
        Ok(())
    }

    fn peers_of(&self, service_id: ServiceId) -> Result<Vec<(DeviceId, Peer)>, StoreError> {
        let sql = "SELECT identity_key, trust, candidate, registration_id, first_seen,
                       service_id, device_id
                   FROM peer WHERE slot = ?1 AND service_id = ?2 ORDER BY device_id";
        self.all(sql, params![self.slot, service_id.as_bytes()], |row| {
            Ok((address(row, 5)?.device_id, read_peer(row)?))
        })
    }

    fn contact(&self, handle: &Handle) -> Result<Option<Contact>, StoreError> {
        let sql = "SELECT service_id, devices, candidate_service_id, candidate_device_id,
                       candidate_confirmed
                   FROM contact WHERE slot = ?1 AND handle = ?2";
        self.one(sql, params![self.slot, handle.as_str()], read_contact)
    }

    fn contacts(&self) -> Result<Vec<(Handle, Contact)>, StoreError> {
        let sql = "SELECT service_id, devices, candidate_service_id, candidate_device_id,
                       candidate_confirmed, handle
                   FROM contact WHERE slot = ?1 ORDER BY handle";
        self.all(sql, [self.slot], |row| Ok((handle(row, 5)?, read_contact(row)?)))
    }

    fn put_contact(&mut self, handle: &Handle, contact: &Contact) -> Result<(), StoreError> {
        let devices: Vec<u8> = contact.devices.iter().map(|device| device.get()).collect();
        let sql = "INSERT OR REPLACE INTO contact (slot, handle, service_id, devices,
                       candidate_service_id, candidate_device_id, candidate_confirmed)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let candidate = contact.candidate.as_ref().map(|candidate| columns(&candidate.address));
        self.execute(
            sql,
            params![
                self.slot,
                handle.as_str(),
                contact.service_id.as_bytes(),
                devices,
                candidate.map(|(service_id, _)| service_id),
                candidate.map(|(_, device_id)| device_id),
                contact.candidate.is_some_and(|candidate| candidate.confirmed),
            ],
        )?;
        Ok(())
    }

    fn handle_of(&self, service_id: ServiceId) -> Result<Option<Handle>, StoreError> {
        let sql = "SELECT handle FROM contact WHERE slot = ?1 AND service_id = ?2";
        self.one(sql, params![self.slot, service_id.as_bytes()], |row| handle(row, 0))
    }

    fn next_sequence(&mut self, peer: Address) -> Result<u64, StoreError> {
        let (service_id, device_id) = columns(&peer);
        let sql = "UPDATE peer SET sent = sent + 1
                   WHERE slot = ?1 AND service_id = ?2 AND device_id = ?3 RETURNING sent";
        let next = self.one(sql, params![self.slot, service_id, device_id], |row| row.get(0))?;
        next.ok_or_else(|| StoreError("a message for a peer that is not known".into()))
    }

    fn last_sequence(&self, peer: Address) -> Result<u64, StoreError> {
        let (service_id, device_id) = columns(&peer);
        let sql = "SELECT sent FROM peer WHERE slot = ?1 AND service_id = ?2 AND device_id = ?3";
        let last = self.one(sql, params![self.slot, service_id, device_id], |row| row.get(0))?;
        Ok(last.unwrap_or(0))
    }

    fn note_received(&mut self, peer: Address, sequence: u64) -> Result<(), StoreError> {
        let (service_id, device_id) = columns(&peer);
        let sql = "UPDATE peer SET received = received + 1, highest = max(highest, ?4)
                   WHERE slot = ?1 AND service_id = ?2 AND device_id = ?3";
        let sequence = i64::try_from(sequence).unwrap_or(i64::MAX);
        self.execute(sql, params![self.slot, service_id, device_id, sequence])?;
        Ok(())
    }

    fn note_unopened(&mut self, peer: Address) -> Result<(), StoreError> {
        let (service_id, device_id) = columns(&peer);
        let sql = "UPDATE peer SET unopened = unopened + 1
                   WHERE slot = ?1 AND service_id = ?2 AND device_id = ?3";
        self.execute(sql, params![self.slot, service_id, device_id])?;
        Ok(())
    }
}

fn read_peer(row: &Row<'_>) -> rusqlite::Result<Peer> {
    let candidate: Option<Vec<u8>> = row.get(2)?;
    Ok(Peer {
        identity_key: key(0, &row.get::<_, Vec<u8>>(0)?)?,
        trust: trust(row.get(1)?),
        candidate: candidate.map(|bytes| key(2, &bytes)).transpose()?,
        registration_id: row.get(3)?,
        first_seen: timestamp(row, 4)?,
    })
}

fn read_contact(row: &Row<'_>) -> rusqlite::Result<Contact> {
    let devices: Vec<u8> = row.get(1)?;
    let claimed: Option<Vec<u8>> = row.get(2)?;
    let candidate = match claimed {
        Some(_) => Some(Candidate { address: address(row, 2)?, confirmed: row.get(4)? }),
        None => None,
    };
    Ok(Contact {
        service_id: ServiceId::from_bytes(blob16(row, 0)?),
        devices: devices.into_iter().filter_map(|byte| DeviceId::try_from(byte).ok()).collect(),
        candidate,
    })
}

fn key(column: usize, bytes: &[u8]) -> rusqlite::Result<IdentityKey> {
    IdentityKey::stored(bytes).map_err(|error| invalid(column, error))
}

const fn trust(code: u8) -> Trust {
    match code {
        1 => Trust::Pinned,
        2 => Trust::Verified,
        _ => Trust::Changed,
    }
}

const fn trust_code(trust: Trust) -> u8 {
    match trust {
        Trust::Changed => 0,
        Trust::Pinned => 1,
        Trust::Verified => 2,
    }
}
