//! Reading sender certificates.

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

/// Checks the chain to the root, and the expiry against `at`, and reads the certificate.
/// `None` if anything is wrong with it.
pub(crate) fn validate(
    certificate: &SenderCertificate,
    root: &IdentityKey,
    at: Timestamp,
) -> Option<Certified> {
    let moment = libsignal_protocol::Timestamp::from_epoch_millis(at.as_millis());
    let root = root.to_signal().ok()?;
    if !certificate.validate(root.public_key(), moment).ok()? {
        return None;
    }
    read(certificate)
}

/// Checks the chain alone. A bundle of somebody who has been away for longer than a certificate
/// lives is still theirs.
pub(crate) fn validate_chain(bytes: &[u8], root: &IdentityKey) -> Option<Certified> {
    let certificate = SenderCertificate::deserialize(bytes).ok()?;
    let end = certificate.expiration().ok()?.epoch_millis();
    validate(&certificate, root, Timestamp::from_millis(end))
}

fn read(certificate: &SenderCertificate) -> Option<Certified> {
    let service_id = certificate.sender_uuid().ok()?.parse().ok()?;
    let device = u32::from(certificate.sender_device_id().ok()?);
    Some(Certified {
        owner: Address { service_id, device_id: DeviceId::try_from(device).ok()? },
        key: IdentityKey::of(&certificate.key().ok()?).ok()?,
        expires_at: Timestamp::from_millis(certificate.expiration().ok()?.epoch_millis()),
    })
}
