//! Handing out what opens a session. Each one-time prekey is handed out once.

use serde::de::DeserializeOwned;
use sysmaint_bus::registry::RegisteredDevice;
use sysmaint_protocol::{
    Handle,
    rest::{Bundle, DeviceBundle, Prekey, Problem, SignedPrekey},
    subject::{Mailbox, OneTimeKind},
};

use super::RelayDirectory;
use crate::problem::{NO_PREKEYS, unavailable};

/// The bundles of all devices that have uploaded prekeys.
pub(super) async fn take(
    directory: &RelayDirectory,
    requester: &Handle,
    target: &Handle,
) -> Result<Bundle, Problem> {
    directory.audit.check()?;
    let (identity, _) = directory.identity(target).await?;
    // Before the first prekey is taken: what follows may take some and fail.
    directory.audit.bundle_fetched(requester, target);
    let mut devices = Vec::with_capacity(identity.devices.len());
    for device in identity.devices {
        devices.extend(device_bundle(directory, target, device).await?);
    }
    if devices.is_empty() {
        return Err(NO_PREKEYS.because(format!(
            "{target} is registered, but none of its devices has uploaded prekeys yet: try again \
             when it has started"
        )));
    }
    Ok(Bundle { identity: target.clone(), service_id: identity.service_id, devices })
}

async fn device_bundle(
    directory: &RelayDirectory,
    target: &Handle,
    device: RegisteredDevice,
) -> Result<Option<DeviceBundle>, Problem> {
    let owner = Mailbox::new(target.clone(), device.device_id);
    let standing = directory.registry.standing(&owner).await.map_err(unavailable)?;
    let Some(standing) = standing else { return Ok(None) };
    let (ec, kyber) = tokio::try_join!(
        pop::<Prekey>(directory, &owner, OneTimeKind::Ec),
        pop::<SignedPrekey>(directory, &owner, OneTimeKind::Kyber),
    )?;
    Ok(Some(DeviceBundle {
        device_id: device.device_id,
        registration_id: device.registration_id,
        identity_key: device.identity_key,
        certificate: device.certificate,
        admission: device.admission,
        signed_prekey: standing.signed_prekey,
        kyber_prekey: kyber.unwrap_or(standing.last_resort_kyber_prekey),
        one_time_prekey: ec,
    }))
}

/// Takes one prekey out of its pool. One that cannot be read is gone like one that was used.
async fn pop<K: DeserializeOwned>(
    directory: &RelayDirectory,
    owner: &Mailbox,
    kind: OneTimeKind,
) -> Result<Option<K>, Problem> {
    let popped = directory.registry.pop_one_time(owner, kind).await.map_err(unavailable)?;
    let parsed = popped.as_deref().map(serde_json::from_slice).transpose();
    Ok(parsed.unwrap_or_else(|error| {
        tracing::warn!(%error, "a stored one-time prekey is damaged and was dropped");
        None
    }))
}
