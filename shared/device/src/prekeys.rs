//! The device's own prekeys, as the official clients keep them.
//!
//! One-time prekeys come in batches of 100 and are refilled when the directory holds fewer than
//! 10. The signed and the last-resort Kyber prekey are rotated every two days. Each is kept for as
//! long as a message may arrive that needs it. Ids start at random and never go back.

mod life;

use std::time::Duration;

use libsignal_protocol::{
    GenericSignedPreKey, KeyPair, KyberPreKeyRecord, PreKeyRecord, SignalProtocolError,
    SignedPreKeyRecord, Timestamp as SignalTimestamp, kem,
};
use rand::{CryptoRng, Rng};
use sysmaint_protocol::{
    Base64Bytes, Timestamp,
    limits::PREKEYS_PER_UPLOAD,
    rest::{Prekey, PrekeyCount, PrekeyStock, PrekeyUpload, SignedPrekey, standing_digest},
};
use zeroize::Zeroizing;

use crate::{
    Device,
    device::{self, REGISTRATION_ID_MAX},
    store::{LocalDevice, PrekeyClass, PrekeyRecord, Store, StoreError},
};

const REFILL_BELOW: u32 = 10;
const ROTATE_AFTER: Duration = Duration::from_hours(2 * 24);
const ID_MAX: u32 = 0x00ff_ffff;
/// Ids that are left out after a later copy's, which has made more of them.
const CLEAR_OF: u32 = 1_000;
/// A peer may not make a device renew its prekeys more often than this.
const RENEW_PAUSE: Duration = Duration::from_hours(1);

/// Prekeys could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PrekeyError {
    /// libsignal refused.
    #[error("a prekey could not be made or read: {0}")]
    Signal(#[from] SignalProtocolError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Device {
    /// Makes what is missing and returns what the directory should get: `None` if it has all.
    ///
    /// Keys that were made before and never confirmed are in it again, so that a crash between
    /// upload and [`Self::prekeys_uploaded`] wastes none.
    pub fn prekey_upload<R: Rng + CryptoRng>(
        &self,
        store: &mut dyn Store,
        rng: &mut R,
        now: Timestamp,
        held: PrekeyCount,
    ) -> Result<Option<PrekeyUpload>, PrekeyError> {
        let mut local = device::local(store)?;
        self.rotate(store, rng, &mut local, now)?;
        life::note_stock(store, now, held)?;
        life::forget(store, now)?;
        if held.one_time_prekeys < REFILL_BELOW {
            self.refill(store, rng, &mut local, PrekeyClass::Ec, now)?;
        }
        if held.one_time_kyber_prekeys < REFILL_BELOW {
            self.refill(store, rng, &mut local, PrekeyClass::Kyber, now)?;
        }
        store.put_local(&local)?;
        upload(store)
    }

    /// Notes that the directory has taken an upload.
    pub fn prekeys_uploaded(
        &self,
        store: &mut dyn Store,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        store.mark_prekeys_uploaded()?;
        life::note_successors(store, now)
    }

    /// Whether the directory serves the standing prekeys that it was given. Where it does not, it
    /// was put back to an old copy or changed behind our back, and gets them again.
    pub fn compare_prekeys(
        &self,
        store: &mut dyn Store,
        stock: &PrekeyStock,
    ) -> Result<bool, PrekeyError> {
        let ours = match standing(store)? {
            Some((signed, last_resort)) if signed.uploaded && last_resort.uploaded => {
                let key = self.identity.identity_key().serialize();
                standing_digest(&key, &public_signed(&signed)?, &public_kyber(&last_resort)?)
            }
            // They are about to be uploaded.
            _ => return Ok(true),
        };
        let same = stock.digest.as_ref().is_some_and(|theirs| theirs.0 == ours);
        if !same {
            self.prekeys_lost(store)?;
        }
        Ok(same)
    }

    /// Forgets what the directory was given before, for one that has lost it.
    pub fn prekeys_lost(&self, store: &mut dyn Store) -> Result<(), StoreError> {
        for class in [PrekeyClass::Signed, PrekeyClass::LastResort] {
            if let Some(mut newest) = store.prekeys(class)?.pop() {
                newest.uploaded = false;
                store.put_prekey(class, &newest)?;
            }
        }
        Ok(())
    }

    fn rotate<R: Rng + CryptoRng>(
        &self,
        store: &mut dyn Store,
        rng: &mut R,
        local: &mut LocalDevice,
        now: Timestamp,
    ) -> Result<(), PrekeyError> {
        for class in [PrekeyClass::Signed, PrekeyClass::LastResort] {
            let mut known = store.prekeys(class)?;
            let newest = known.last();
            let old = newest.is_none_or(|newest| {
                now.since(newest.created_at) >= ROTATE_AFTER || newest.created_at > now
            });
            // The clock was put back since: nobody knows their age, but what is made now must
            // come after them.
            for prekey in known.iter_mut().filter(|prekey| prekey.created_at > now) {
                prekey.created_at = now.before(Duration::from_millis(1));
                store.put_prekey(class, prekey)?;
            }
            if old {
                self.make(store, rng, local, class, now)?;
            }
        }
        Ok(())
    }

    fn refill<R: Rng + CryptoRng>(
        &self,
        store: &mut dyn Store,
        rng: &mut R,
        local: &mut LocalDevice,
        class: PrekeyClass,
        now: Timestamp,
    ) -> Result<(), PrekeyError> {
        let waiting = store.prekeys(class)?.iter().filter(|prekey| !prekey.uploaded).count();
        for _ in waiting..PREKEYS_PER_UPLOAD {
            self.make(store, rng, local, class, now)?;
        }
        Ok(())
    }

    fn make<R: Rng + CryptoRng>(
        &self,
        store: &mut dyn Store,
        rng: &mut R,
        local: &mut LocalDevice,
        class: PrekeyClass,
        now: Timestamp,
    ) -> Result<(), PrekeyError> {
        let id = local.next_prekey_id;
        local.next_prekey_id = if id >= ID_MAX { 1 } else { id + 1 };
        let made_at = SignalTimestamp::from_epoch_millis(now.as_millis());
        let record = match class {
            PrekeyClass::Ec => PreKeyRecord::new(id.into(), &KeyPair::generate(rng)).serialize()?,
            PrekeyClass::Signed => {
                let pair = KeyPair::generate(rng);
                let signature = self.sign(rng, &pair.public_key.serialize())?;
                SignedPreKeyRecord::new(id.into(), made_at, &pair, &signature).serialize()?
            }
            PrekeyClass::Kyber | PrekeyClass::LastResort => {
                let pair = kem::KeyPair::generate(kem::KeyType::Kyber1024, rng);
                let signature = self.sign(rng, &pair.public_key.serialize())?;
                KyberPreKeyRecord::new(id.into(), made_at, &pair, &signature).serialize()?
            }
        };
        let record = Zeroizing::new(record);
        let (uploaded, retired_at) = (false, None);
        let made = PrekeyRecord { id, record, created_at: now, uploaded, retired_at };
        store.put_prekey(class, &made)?;
        Ok(())
    }

    fn sign<R: Rng + CryptoRng>(
        &self,
        rng: &mut R,
        message: &[u8],
    ) -> Result<Box<[u8]>, SignalProtocolError> {
        Ok(self.identity.private_key().calculate_signature(message, rng)?)
    }
}

/// Takes note of a prekey that a peer used and this store never made: ids do not go back, so the
/// store was put back to an old copy and the directory has prekeys of a later one. A new
/// registration id has the directory drop them, and new ids stay clear of theirs.
pub(crate) fn note_unknown<R: Rng + CryptoRng>(
    store: &mut dyn Store,
    rng: &mut R,
    now: Timestamp,
    ids: impl IntoIterator<Item = u32>,
) -> Result<(), StoreError> {
    let mut local = device::local(store)?;
    let ahead = |id: u32| id.wrapping_sub(local.next_prekey_id) & ID_MAX;
    let furthest = ids.into_iter().map(ahead).filter(|ahead| *ahead <= ID_MAX / 2).max();
    let lately = local.renewed_at <= now && now.since(local.renewed_at) < RENEW_PAUSE;
    let Some(furthest) = furthest.filter(|_| !lately) else { return Ok(()) };
    local.next_prekey_id = (local.next_prekey_id + furthest + CLEAR_OF) & ID_MAX;
    local.next_prekey_id = local.next_prekey_id.max(1);
    if local.registered_as == 0 {
        local.registered_as = local.registration_id;
    }
    // Another one than before.
    let step = rng.random_range(1..REGISTRATION_ID_MAX);
    local.registration_id = (local.registration_id - 1 + step) % REGISTRATION_ID_MAX + 1;
    local.renewed_at = now;
    store.put_local(&local)
}

/// Everything that the directory has not confirmed, with the newest standing prekeys.
fn upload(store: &dyn Store) -> Result<Option<PrekeyUpload>, PrekeyError> {
    let Some((signed, last_resort)) = standing(store)? else { return Ok(None) };
    let ec = waiting(store, PrekeyClass::Ec)?;
    let kyber = waiting(store, PrekeyClass::Kyber)?;
    if signed.uploaded && last_resort.uploaded && ec.is_empty() && kyber.is_empty() {
        return Ok(None);
    }
    Ok(Some(PrekeyUpload {
        signed_prekey: public_signed(&signed)?,
        last_resort_kyber_prekey: public_kyber(&last_resort)?,
        one_time_prekeys: ec.iter().map(public_ec).collect::<Result<_, _>>()?,
        one_time_kyber_prekeys: kyber.iter().map(public_kyber).collect::<Result<_, _>>()?,
    }))
}

/// The newest signed and last-resort Kyber prekey.
fn standing(store: &dyn Store) -> Result<Option<(PrekeyRecord, PrekeyRecord)>, StoreError> {
    let signed = store.prekeys(PrekeyClass::Signed)?.pop();
    Ok(signed.zip(store.prekeys(PrekeyClass::LastResort)?.pop()))
}

fn waiting(store: &dyn Store, class: PrekeyClass) -> Result<Vec<PrekeyRecord>, StoreError> {
    let mut prekeys = store.prekeys(class)?;
    prekeys.retain(|prekey| !prekey.uploaded);
    prekeys.truncate(PREKEYS_PER_UPLOAD);
    Ok(prekeys)
}

fn public_ec(prekey: &PrekeyRecord) -> Result<Prekey, PrekeyError> {
    let record = PreKeyRecord::deserialize(&prekey.record)?;
    Ok(Prekey { id: prekey.id, public_key: bytes(record.public_key()?.serialize()) })
}

fn public_signed(prekey: &PrekeyRecord) -> Result<SignedPrekey, PrekeyError> {
    let record = SignedPreKeyRecord::deserialize(&prekey.record)?;
    Ok(SignedPrekey {
        id: prekey.id,
        public_key: bytes(record.public_key()?.serialize()),
        signature: Base64Bytes(record.signature()?),
    })
}

fn public_kyber(prekey: &PrekeyRecord) -> Result<SignedPrekey, PrekeyError> {
    let record = KyberPreKeyRecord::deserialize(&prekey.record)?;
    Ok(SignedPrekey {
        id: prekey.id,
        public_key: bytes(record.public_key()?.serialize()),
        signature: Base64Bytes(record.signature()?),
    })
}

fn bytes(boxed: Box<[u8]>) -> Base64Bytes {
    Base64Bytes(boxed.into_vec())
}
