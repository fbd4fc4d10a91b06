//! Handing out what opens a session. Each one-time prekey is handed out once.

use serde::de::DeserializeOwned;
use sysmaint_bus::registry::{RegisteredDevice, StandingPrekeys};
use sysmaint_protocol::{
    Handle,
    rest::{Bundle, DeviceBundle, Prekey, Problem, SignedPrekey},
    subject::{Mailbox, OneTimeKind},
};

use super::RelayDirectory;
use crate::{
    limits::Limited,
    problem::{NO_PREKEYS, unavailable},
};

/// Why there is no bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoBundle {
    /// The requester had too many of this target.
    Limited(Limited),
    /// Anything else.
    Problem(Problem),
}

/// The bundles of all devices that have uploaded prekeys.
///
/// Nothing is counted against the requester before there is something to hand out: whoever waits
/// for a peer that is about to register asks more than once.
pub(super) async fn take(
    directory: &RelayDirectory,
    requester: &Handle,
    target: &Handle,
) -> Result<Bundle, NoBundle> {
    directory.audit.check()?;
    let (identity, _) = directory.identity(target).await?;
    let mut offered = Vec::with_capacity(identity.devices.len());
    for device in identity.devices {
        let owner = Mailbox::new(target.clone(), device.device_id);
        let standing = directory.registry.standing(&owner).await.map_err(unavailable)?;
        offered.extend(standing.map(|standing| (owner, device, standing)));
    }
    if offered.is_empty() {
        return Err(no_prekeys(target).into());
    }
    directory.limits.bundle(requester, target)?;
    // Before the first prekey is taken: what follows may take some and fail.
    directory.audit.bundle_fetched(requester, target);
    let mut devices = Vec::with_capacity(offered.len());
    for (owner, device, standing) in offered {
        devices.push(device_bundle(directory, &owner, device, standing).await?);
    }
    Ok(Bundle { identity: target.clone(), service_id: identity.service_id, devices })
}

async fn device_bundle(
    directory: &RelayDirectory,
    owner: &Mailbox,
    device: RegisteredDevice,
    standing: StandingPrekeys,
) -> Result<DeviceBundle, Problem> {
    let (ec, kyber) = tokio::try_join!(
        pop::<Prekey>(directory, owner, OneTimeKind::Ec),
        pop::<SignedPrekey>(directory, owner, OneTimeKind::Kyber),
    )?;
    Ok(DeviceBundle {
        device_id: device.device_id,
        registration_id: device.registration_id,
        identity_key: device.identity_key,
        certificate: device.certificate,
        admission: device.admission,
        signed_prekey: standing.signed_prekey,
        kyber_prekey: kyber.unwrap_or(standing.last_resort_kyber_prekey),
        one_time_prekey: ec,
    })
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

fn no_prekeys(target: &Handle) -> Problem {
    NO_PREKEYS.because(format!(
        "{target} is registered, but none of its devices has uploaded prekeys yet: try again when \
         it has started"
    ))
}

impl NoBundle {
    /// What is said of it.
    pub(crate) fn problem(self) -> Problem {
        match self {
            Self::Limited(limited) => limited.problem(),
            Self::Problem(problem) => problem,
        }
    }
}

impl From<Limited> for NoBundle {
    fn from(limited: Limited) -> Self {
        Self::Limited(limited)
    }
}

impl From<Problem> for NoBundle {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}
