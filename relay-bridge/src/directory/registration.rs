//! Binding a handle and a device to a key.
//!
//! Order matters. Nothing is stored before signature and nonce have been checked; the old token
//! goes before the new identity is written, so that a crash in between leaves the device without
//! a token (it registers again) and never with two.

use sysmaint_bus::{RegistryError, registry::RegisteredDevice};
use sysmaint_device::{
    authority::IssuedCertificate,
    verify::{self, InvalidRegistration},
};
use sysmaint_protocol::{
    Handle,
    rest::{Problem, RegisterRequest, Registered, Transport},
    subject::Mailbox,
};

use super::{
    CHANGE_ATTEMPTS, Origin, RelayDirectory, certificate, challenge, pause,
    placement::{Placement, place},
    token::Token,
};
use crate::{
    clock,
    problem::{CODE_REQUIRED, INVALID_REGISTRATION, UNAVAILABLE, WRONG_SIGNATURE, unavailable},
};

/// `GET /v1/prekeys/count` is a path of its own, so an identity of this name could not be found.
const RESERVED: &str = "count";

pub(super) async fn register(
    directory: &RelayDirectory,
    origin: Origin,
    request: &RegisterRequest,
) -> Result<(bool, Registered), Problem> {
    check_origin(directory.requires_code, origin)?;
    check_handle(&request.identity)?;
    let key = verify::registration(request).map_err(invalid)?;
    let own = Mailbox::new(request.identity.clone(), request.device_id);
    challenge::spend(&directory.registry, &request.nonce.0, &own).await?;
    let address =
        sysmaint_protocol::Address { service_id: request.service_id, device_id: request.device_id };
    let issued = certificate::issue(&directory.authority, address, &key)?;
    let token = Token::generate();
    let new = bind(directory, &own, request, &token, &issued).await?;
    if request.transport == Transport::Nats {
        directory.bus.ensure_mailbox(&own).await.map_err(unavailable)?;
    }
    let answer = Registered {
        token: Some(token.into_string()),
        certificate: issued.certificate.into(),
        trust_root: directory.trust_root().into(),
    };
    Ok((new, answer))
}

/// Whether somebody has vouched for this registration. No code can be issued yet, so a code that
/// is presented cannot be right.
fn check_origin(requires_code: bool, origin: Origin) -> Result<(), Problem> {
    match origin {
        Origin::Broker => Ok(()),
        Origin::Loopback if !requires_code => Ok(()),
        Origin::Loopback | Origin::Network => Err(CODE_REQUIRED.because(
            "a relay that other machines can reach registers over HTTP only with a one-time code, \
             and this version cannot issue codes yet: register on the relay's own machine while \
             RELAY_BIND is a loopback address, or over NATS with the service's own key",
        )),
    }
}

fn check_handle(handle: &Handle) -> Result<(), Problem> {
    if handle.as_str() == RESERVED {
        let detail = "the handle \"count\" is part of a path of this relay: choose another";
        return Err(INVALID_REGISTRATION.because(detail));
    }
    Ok(())
}

fn invalid(error: InvalidRegistration) -> Problem {
    match error {
        InvalidRegistration::Signature => WRONG_SIGNATURE.because(
            "the signature is not by the identity key over this registration: sign the challenge's \
             nonce with exactly the fields that are sent",
        ),
        other => INVALID_REGISTRATION.because(other.to_string()),
    }
}

/// Writes the device into its identity, by compare and set.
async fn bind(
    directory: &RelayDirectory,
    own: &Mailbox,
    request: &RegisterRequest,
    token: &Token,
    issued: &IssuedCertificate,
) -> Result<bool, Problem> {
    let registry = &directory.registry;
    let hash = token.hash();
    let mut stored = false;
    for _ in 0..CHANGE_ATTEMPTS {
        let found = registry.identity(&own.handle).await.map_err(unavailable)?;
        let (identity, revision) = found.unzip();
        let device = entry(request, hash.as_str(), issued);
        let Placement { identity, previous } = match place(identity, request.service_id, device) {
            Ok(placement) => placement,
            Err(refused) => {
                if stored {
                    // By an attempt that lost against another registration.
                    registry.remove_token(hash.as_str()).await.map_err(unavailable)?;
                }
                return Err(refused);
            }
        };
        registry.put_token(hash.as_str(), own).await.map_err(unavailable)?;
        stored = true;
        if let Some(previous) = &previous {
            retire(directory, own, previous, request).await?;
        }
        let written = match revision {
            Some(revision) => registry.update_identity(&own.handle, &identity, revision).await,
            None => registry.create_identity(&own.handle, &identity).await,
        };
        match written {
            Ok(_) => {
                directory.known.forget_devices(&own.handle);
                return Ok(previous.is_none());
            }
            Err(RegistryError::Conflict) => pause().await,
            Err(error) => return Err(unavailable(error)),
        }
    }
    Err(UNAVAILABLE.because("the identity is being changed by others; try again in a moment"))
}

fn entry(
    request: &RegisterRequest,
    token_hash: &str,
    issued: &IssuedCertificate,
) -> RegisteredDevice {
    RegisteredDevice {
        device_id: request.device_id,
        registration_id: request.registration_id,
        identity_key: request.identity_key.clone(),
        transport: request.transport,
        token_hash: token_hash.to_owned(),
        certificate: issued.certificate.clone().into(),
        admission: None,
        registered_at: clock::now(),
    }
}

/// Takes back what the device was given before. A new registration id means a new store, which
/// has no private halves of the prekeys that are still offered.
async fn retire(
    directory: &RelayDirectory,
    own: &Mailbox,
    previous: &RegisteredDevice,
    request: &RegisterRequest,
) -> Result<(), Problem> {
    let registry = &directory.registry;
    registry.remove_token(&previous.token_hash).await.map_err(unavailable)?;
    directory.known.forget_token(&previous.token_hash);
    if previous.registration_id != request.registration_id {
        registry.purge_one_time(own).await.map_err(unavailable)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_broker_vouches_for_a_stranger() {
        let verdict = |requires_code, origin| check_origin(requires_code, origin).is_ok();
        assert!(verdict(false, Origin::Broker) && verdict(true, Origin::Broker));
        assert!(verdict(false, Origin::Loopback));
        assert!(!verdict(true, Origin::Loopback), "a proxy's requests come from loopback too");
        assert!(!verdict(false, Origin::Network) && !verdict(true, Origin::Network));
    }

    #[test]
    fn the_name_of_a_path_is_no_handle() {
        assert!(check_handle(&"count".parse().unwrap()).is_err());
        assert!(check_handle(&"counter".parse().unwrap()).is_ok());
    }
}
