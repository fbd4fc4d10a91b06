//! Reading sender certificates.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use libsignal_protocol::SenderCertificate;
use sysmaint_protocol::{Address, DeviceId, Timestamp};

use crate::key::IdentityKey;

/// Who a certificate says has which key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Certified {
    pub(crate) owner: Address,
    pub(crate) key: IdentityKey,
    pub(crate) expires_at: Timestamp,
}

/// Why a certificate is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It was theirs, and has ended.
    Expired(Certified),
    /// It does not chain to the pinned root, or cannot be read.
    Foreign,
}

/// Certificates that are remembered; each of them was signed under the root.
const REMEMBERED: usize = 1024;
/// Bytes of one that is. An honest one has 260; its owner may append what nobody has signed.
const REMEMBERED_BYTES: usize = 512;

/// Certificates whose signatures were found good before. Every message carries its sender's, and
/// two signatures cost as much as all else in opening it.
#[derive(Default)]
pub(crate) struct Known(Mutex<HashMap<Box<[u8]>, Certified>>);

impl Known {
    /// Checks the chain to the root, and the expiry against `at`. The signatures of a certificate
    /// are checked once: its bytes include them, so that what was changed anywhere is another.
    pub(crate) fn validate(
        &self,
        certificate: &SenderCertificate,
        root: &IdentityKey,
        at: Timestamp,
    ) -> Result<Certified, Refused> {
        let bytes = certificate.serialized().map_err(|_| Refused::Foreign)?;
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(bytes).copied();
        let certified = match known {
            Some(certified) => certified,
            None => self.remember(bytes, chained(certificate, root).ok_or(Refused::Foreign)?),
        };
        if at <= certified.expires_at { Ok(certified) } else { Err(Refused::Expired(certified)) }
    }

    fn remember(&self, bytes: &[u8], certified: Certified) -> Certified {
        if bytes.len() > REMEMBERED_BYTES {
            return certified;
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(bytes.into(), certified);
        certified
    }
}

/// Checks the chain alone. A bundle of somebody who has been away for longer than a certificate
/// lives is still theirs.
pub(crate) fn validate_chain(bytes: &[u8], root: &IdentityKey) -> Option<Certified> {
    chained(&SenderCertificate::deserialize(bytes).ok()?, root)
}

/// Reads a certificate that chains to the root, whenever it ends.
fn chained(certificate: &SenderCertificate, root: &IdentityKey) -> Option<Certified> {
    let root = root.to_signal().ok()?;
    let end = certificate.expiration().ok()?;
    if !certificate.validate(root.public_key(), end).ok()? {
        return None;
    }
    read(certificate)
}

/// Reads one without checking anything.
pub(crate) fn read(certificate: &SenderCertificate) -> Option<Certified> {
    let service_id = certificate.sender_uuid().ok()?.parse().ok()?;
    let device = u32::from(certificate.sender_device_id().ok()?);
    Some(Certified {
        owner: Address { service_id, device_id: DeviceId::try_from(device).ok()? },
        key: IdentityKey::of(&certificate.key().ok()?).ok()?,
        expires_at: Timestamp::from_millis(certificate.expiration().ok()?.epoch_millis()),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sysmaint_protocol::{ServiceId, limits::CERTIFICATE_LIFE};

    use super::*;
    use crate::{authority::Authority, testing::rng};

    const NOW: Timestamp = Timestamp::from_millis(1_795_426_200_000);

    #[test]
    fn a_certificate_that_was_good_before_still_ends_and_excuses_no_other() {
        let authority = Authority::generate(&mut rng()).unwrap();
        let root = IdentityKey::parse(&authority.trust_root()).unwrap();
        let key = libsignal_protocol::KeyPair::generate(&mut rng()).public_key;
        let key = IdentityKey::of(&key).unwrap();
        let service_id = ServiceId::from_random([1; 16]);
        let owner = Address { service_id, device_id: DeviceId::FIRST };
        let bytes = authority.issue(&mut rng(), owner, &key, NOW).unwrap().certificate;
        let certificate = SenderCertificate::deserialize(&bytes).unwrap();
        let (known, end) = (Known::default(), NOW.after(CERTIFICATE_LIFE));
        for _ in 0..2 {
            let certified = known.validate(&certificate, &root, end).unwrap();
            assert_eq!(certified.owner, owner);
            let late = end.after(Duration::from_millis(1));
            let expired = Err(Refused::Expired(certified));
            assert_eq!(known.validate(&certificate, &root, late), expired);
        }
        for index in 0..bytes.len() {
            let mut tampered = bytes.clone();
            tampered[index] ^= 1;
            let tampered = SenderCertificate::deserialize(&tampered).ok();
            let outcome = tampered.map(|tampered| known.validate(&tampered, &root, NOW));
            assert!(matches!(outcome, None | Some(Err(Refused::Foreign))), "byte {index}");
        }
    }
}
