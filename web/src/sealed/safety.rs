//! How the agent's devices stand with alice's.

use sysmaint_device::{Standing, TrustError, store::Trust};
use sysmaint_endpoint::DecisionError;

use super::SealedBackend;
use crate::backend::{BackendError, Key, Safety, SafetyNumber};

pub(super) async fn of_agent(backend: &SealedBackend) -> Result<Vec<Safety>, BackendError> {
    let standing = backend.inner.alice.standing(&backend.inner.config.agent).await;
    match standing {
        Ok(devices) => Ok(devices.iter().map(safety).collect()),
        // Nothing was exchanged yet.
        Err(DecisionError::Trust(TrustError::Unknown(_))) => Ok(Vec::new()),
        Err(error) => {
            tracing::error!(%error, "the agent's identity could not be looked up");
            Err(BackendError::Unavailable("the agent's key could not be looked up".to_owned()))
        }
    }
}

fn safety(standing: &Standing) -> Safety {
    Safety {
        device_id: standing.address.device_id,
        key: match standing.trust {
            Trust::Changed => Key::Changed,
            Trust::Pinned => Key::Pinned,
            Trust::Verified => Key::Verified,
        },
        number: number(&standing.safety_number),
        changed: standing.changed_number.as_ref().map(number),
    }
}

fn number(number: &sysmaint_device::SafetyNumber) -> SafetyNumber {
    SafetyNumber {
        groups: number.groups().map(str::to_owned).collect(),
        scannable: number.scannable().to_vec(),
    }
}
