//! The NATS login that a device brings with its registration.

use sysmaint_bus::{RegistryError, is_genuine, registry::RegisteredDevice};
use sysmaint_protocol::{
    rest::{Problem, RegisterRequest, Transport},
    subject::Mailbox,
};

use super::RelayDirectory;
use crate::problem::{INVALID_REGISTRATION, LOGIN_TAKEN, unavailable};

/// What can be judged without asking anybody.
pub(super) fn check(request: &RegisterRequest) -> Result<(), Problem> {
    let Some(login) = &request.nats else { return Ok(()) };
    if request.transport != Transport::Nats {
        return Err(INVALID_REGISTRATION.because(
            "a login for NATS makes sense with the transport `nats` alone: leave `nats` out, or \
             register with that transport",
        ));
    }
    if !is_genuine(&login.user) {
        return Err(INVALID_REGISTRATION.because(
            "the checksum of the public nkey does not hold: send it exactly as it was made",
        ));
    }
    Ok(())
}

/// Takes key and inbox for the device. It is let in once its identity names them too.
pub(super) async fn claim(
    directory: &RelayDirectory,
    own: &Mailbox,
    request: &RegisterRequest,
) -> Result<(), Problem> {
    let Some(login) = &request.nats else { return Ok(()) };
    directory.registry.claim_login(login, own).await.map_err(|error| match error {
        RegistryError::Conflict => LOGIN_TAKEN.because(
            "another device has this nkey or this inbox prefix: make a new nkey for this device",
        ),
        other => unavailable(other),
    })
}

/// Ends the login that a device had before, if it brought another one.
pub(super) async fn replaced(
    directory: &RelayDirectory,
    previous: &RegisteredDevice,
    request: &RegisterRequest,
) -> Result<(), Problem> {
    let Some(before) = &previous.nats else { return Ok(()) };
    match &request.nats {
        Some(now) if now != before => directory.end_login(before).await.map(|_| ()),
        _ => Ok(()),
    }
}
