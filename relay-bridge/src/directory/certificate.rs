//! Sender certificates: issued for seven days, the last one kept for bundles.

use sysmaint_device::{
    authority::{Authority, IssuedCertificate},
    key::IdentityKey,
};
use sysmaint_protocol::{
    Address,
    rest::{DeliveryCertificate, Problem},
    subject::Mailbox,
};

use super::{CHANGE_ATTEMPTS, RelayDirectory, contended, key_of, unknown_device};
use crate::{clock, problem::INTERNAL};

/// Signs a certificate for a key that was checked before.
pub(super) fn issue(
    authority: &Authority,
    owner: Address,
    key: &IdentityKey,
) -> Result<IssuedCertificate, Problem> {
    authority.issue(&mut rand::rng(), owner, key, clock::now()).map_err(|error| {
        tracing::error!(%error, "a sender certificate could not be issued");
        INTERNAL.because("the sender certificate could not be signed; the relay's log says why")
    })
}

/// Issues a fresh certificate and keeps it beside the device, so that bundles carry it.
pub(super) async fn renew(
    directory: &RelayDirectory,
    own: &Mailbox,
) -> Result<DeliveryCertificate, Problem> {
    for _ in 0..CHANGE_ATTEMPTS {
        let (mut identity, revision) = directory.identity(&own.handle).await?;
        let owner = Address { service_id: identity.service_id, device_id: own.device_id };
        let mut devices = identity.devices.iter_mut();
        let device = devices.find(|device| device.device_id == own.device_id);
        let device = device.ok_or_else(|| unknown_device(own))?;
        let issued = issue(&directory.authority, owner, &key_of(device)?)?;
        let answer = DeliveryCertificate {
            certificate: issued.certificate.into(),
            expires_at: issued.expires_at,
        };
        device.certificate = answer.certificate.clone();
        if directory.write(&own.handle, &identity, revision).await? {
            return Ok(answer);
        }
    }
    Err(contended())
}
