//! Binding a handle and a device to a key.
//!
//! Order matters. Nothing is stored before signature and nonce have been checked; the old token
//! goes before the new identity is written, so that a crash in between leaves the device without
//! a token (it registers again) and never with two.

use sysmaint_bus::{RegistryError, SessionNotice, registry::RegisteredDevice};
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
    CHANGE_ATTEMPTS, Origin, RelayDirectory, certificate, challenge,
    code::Presented,
    contended, login, pause,
    placement::{Placement, place},
    token::{self, Token},
};
use crate::{
    clock,
    problem::{
        ADMISSION_REFUSED, ADMISSION_REQUIRED, CODE_REQUIRED, INVALID_REGISTRATION,
        WRONG_SIGNATURE, unavailable,
    },
};

/// `GET /v1/prekeys/count` is a path of its own, so an identity of this name could not be found.
const RESERVED: &str = "count";

pub(super) async fn register(
    directory: &RelayDirectory,
    origin: Origin,
    request: &RegisterRequest,
) -> Result<(bool, Registered), Problem> {
    check_handle(&request.identity)?;
    login::check(request)?;
    let key = verify::registration(request).map_err(invalid)?;
    let own = Mailbox::new(request.identity.clone(), request.device_id);
    challenge::spend(&directory.registry, &request.nonce.0, &own).await?;
    let address =
        sysmaint_protocol::Address { service_id: request.service_id, device_id: request.device_id };
    let issued = certificate::issue(&directory.authority, address, &key)?;
    let code = if is_vouched_for(directory.requires_code, origin) {
        None
    } else {
        admit(directory, request, &issued).await?
    };
    let token = Token::generate();
    let new = match bind(directory, &own, request, &token, &issued).await {
        Ok(new) => new,
        Err(problem) => {
            // After an outage it may be bound after all; then the claim is rightly taken.
            if let Some(code) = code.filter(|_| problem.status < 500) {
                code.release(&directory.registry).await;
            }
            return Err(problem);
        }
    };
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

/// Whether the way by which it came vouches for a registration.
fn is_vouched_for(requires_code: bool, origin: Origin) -> bool {
    match origin {
        Origin::Broker => true,
        Origin::Loopback => !requires_code,
        Origin::Network => false,
    }
}

/// Lets somebody in whom nobody has vouched for: a device that proved to have the key that is
/// registered already, or one with a code, which is claimed for it.
async fn admit(
    directory: &RelayDirectory,
    request: &RegisterRequest,
    issued: &IssuedCertificate,
) -> Result<Option<Presented>, Problem> {
    let registry = &directory.registry;
    let found = registry.identity(&request.identity).await.map_err(unavailable)?;
    let identity = found.map(|(identity, _revision)| identity);
    let device = entry(request, "", issued);
    let placed = place(identity, request.service_id, device, clock::now());
    // A device that is let in already, or that one of its handle's devices has admitted.
    let is_vouched_for =
        |placement: &Placement| placement.previous.is_some() || placement.is_admitted;
    if placed.as_ref().is_ok_and(is_vouched_for) {
        return Ok(None);
    }
    if let Err(problem) = &placed
        && is_about_admission(problem)
    {
        return Err(problem.clone());
    }
    // Which handles are taken is told to those only who have a code.
    let Some(code) = &request.code else { return Err(code_required()) };
    let presented = Presented::check(registry, code, request).await?;
    placed?;
    presented.claim(registry, request).await?;
    Ok(Some(presented))
}

/// Whoever knows the service id of a handle learns nothing from it being registered.
fn is_about_admission(problem: &Problem) -> bool {
    [ADMISSION_REFUSED, ADMISSION_REQUIRED].iter().any(|kind| kind.urn() == problem.kind)
}

fn code_required() -> Problem {
    CODE_REQUIRED.because(
        "a relay that other machines can reach registers a new device over HTTP only with a \
         one-time code: `sysmaint invite` on the relay's machine prints a line that carries one, \
         and `sysmaint join` takes it",
    )
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
        let placed = place(identity, request.service_id, device, clock::now());
        let Placement { identity, previous, is_admitted: _ } = match placed {
            Ok(placement) => placement,
            Err(refused) => {
                if stored {
                    // By an attempt that lost against another registration.
                    registry.remove_token(hash.as_str()).await.map_err(unavailable)?;
                }
                return Err(refused);
            }
        };
        login::claim(directory, own, request).await?;
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
                if let Some(previous) = &previous {
                    end_sessions(directory, own, previous).await;
                    login::replaced(directory, previous, request).await?;
                }
                return Ok(previous.is_none());
            }
            Err(RegistryError::Conflict) => pause().await,
            Err(error) => return Err(unavailable(error)),
        }
    }
    Err(contended())
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
        admission: request.admission.clone(),
        nats: request.nats.clone(),
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

/// Ends what was opened with the token that is gone, at every bridge. One that does not hear of it
/// checks the token itself before long.
pub(super) async fn end_sessions(
    directory: &RelayDirectory,
    own: &Mailbox,
    previous: &RegisteredDevice,
) {
    let notice = SessionNotice::Revoked { token: token::mark(&previous.token_hash) };
    if let Err(error) = directory.bus.notify(own, notice).await {
        tracing::debug!(%error, "the end of a token could not be announced");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_broker_vouches_for_a_stranger() {
        let verdict = is_vouched_for;
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
