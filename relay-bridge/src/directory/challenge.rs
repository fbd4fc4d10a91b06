//! Nonces: each is good for one registration of one device, within a minute.

use sysmaint_bus::Registry;
use sysmaint_protocol::{
    limits::CHALLENGE_LIFE,
    rest::{Challenge, Problem},
    subject::Mailbox,
};

use crate::{
    clock,
    problem::{CHALLENGE_SPENT, unavailable},
};

/// Makes a nonce for a device and remembers it.
pub(super) async fn issue(registry: &Registry, own: &Mailbox) -> Result<Challenge, Problem> {
    let nonce: [u8; 32] = rand::random();
    let expires_at = clock::now().after(CHALLENGE_LIFE);
    registry.put_challenge(&nonce, own, expires_at).await.map_err(unavailable)?;
    Ok(Challenge { nonce: nonce.to_vec().into(), expires_at })
}

/// Takes a nonce, which nobody can do again, and checks that it was made for this device.
pub(super) async fn spend(registry: &Registry, nonce: &[u8], own: &Mailbox) -> Result<(), Problem> {
    let nonce: &[u8; 32] = nonce.try_into().map_err(|_| spent())?;
    let issued_for = registry.take_challenge(nonce).await.map_err(unavailable)?;
    if issued_for.as_ref() == Some(own) { Ok(()) } else { Err(spent()) }
}

fn spent() -> Problem {
    CHALLENGE_SPENT.because(format!(
        "the nonce is not one that was issued for this handle and device within the last {} \
         seconds and never used: ask for a new challenge and sign that",
        CHALLENGE_LIFE.as_secs()
    ))
}
