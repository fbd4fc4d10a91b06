//! One-time codes: whom they let in.
//!
//! A use is claimed by compare and set before the device is bound, in the name of its key and
//! handle. Whoever crashed in between comes again and finds its own claim; nobody else can use
//! it. A claim for what was refused after all is given back.

use sha2::{Digest as _, Sha256};
use sysmaint_bus::{Registry, RegistryError, registry::Code};
use sysmaint_protocol::rest::{Problem, RegisterRequest};

use super::{CHANGE_ATTEMPTS, pause};
use crate::{
    clock,
    problem::{CODE_REFUSED, UNAVAILABLE, unavailable},
};

/// Characters of anything that could be a code.
const CODE_MAX: usize = 128;
const CLAIM_CONTEXT: &[u8] = b"sysmaint-code-claim-v1";

/// SHA-256 of a code, hexadecimal: what the registry keeps. A code has 128 random bits, so its
/// hash needs no salt.
pub(crate) fn hash(code: &str) -> String {
    hex::encode(Sha256::digest(code))
}

/// A code that somebody presents for one registration.
pub(super) struct Presented {
    hash: String,
    claim: String,
}

impl Presented {
    /// Checks that the code may register this device, and changes nothing yet.
    pub(super) async fn check(
        registry: &Registry,
        code: &str,
        request: &RegisterRequest,
    ) -> Result<Self, Problem> {
        if !(1..=CODE_MAX).contains(&code.len()) {
            return Err(refused("the code is not one of this relay's"));
        }
        let presented = Self { hash: hash(code), claim: claim(request) };
        let (code, _) = presented.read(registry).await?;
        presented.verdict(&code, request)?;
        Ok(presented)
    }

    /// Uses it up for this device, unless that was done before.
    pub(super) async fn claim(
        &self,
        registry: &Registry,
        request: &RegisterRequest,
    ) -> Result<(), Problem> {
        let add = |mut code: Code| {
            self.verdict(&code, request)?;
            let new = !code.claims.contains(&self.claim);
            if new {
                code.claims.push(self.claim.clone());
            }
            Ok(new.then_some(code))
        };
        self.change(registry, add).await
    }

    /// Gives it back, after the registration was refused for another reason. A code that cannot
    /// be given back stays this device's.
    pub(super) async fn release(&self, registry: &Registry) {
        let remove = |mut code: Code| {
            let before = code.claims.len();
            code.claims.retain(|claim| *claim != self.claim);
            Ok((code.claims.len() < before).then_some(code))
        };
        if self.change(registry, remove).await.is_err() {
            tracing::warn!("a one-time code could not be given back");
        }
    }

    async fn change(
        &self,
        registry: &Registry,
        change: impl Fn(Code) -> Result<Option<Code>, Problem>,
    ) -> Result<(), Problem> {
        for _ in 0..CHANGE_ATTEMPTS {
            let (code, revision) = self.read(registry).await?;
            let Some(changed) = change(code)? else { return Ok(()) };
            match registry.update_code(&self.hash, &changed, revision).await {
                Ok(()) => return Ok(()),
                Err(RegistryError::Conflict) => pause().await,
                Err(error) => return Err(unavailable(error)),
            }
        }
        Err(UNAVAILABLE.because("the code is being used by others; try again in a moment"))
    }

    async fn read(&self, registry: &Registry) -> Result<(Code, u64), Problem> {
        let found = registry.code(&self.hash).await.map_err(unavailable)?;
        found.ok_or_else(|| refused("the code is not one of this relay's"))
    }

    fn verdict(&self, code: &Code, request: &RegisterRequest) -> Result<(), Problem> {
        if code.handle.as_ref().is_some_and(|handle| *handle != request.identity) {
            return Err(refused("the code was made for another handle"));
        }
        if code.claims.contains(&self.claim) {
            return Ok(());
        }
        if code.expires_at <= clock::now() {
            return Err(refused("the code has expired"));
        }
        let used = u32::try_from(code.claims.len()).unwrap_or(u32::MAX);
        if used >= code.uses { Err(refused("the code was used before")) } else { Ok(()) }
    }
}

/// One device under one handle, whatever it is called otherwise.
fn claim(request: &RegisterRequest) -> String {
    let digest = Sha256::new()
        .chain_update(CLAIM_CONTEXT)
        .chain_update([0])
        .chain_update(&request.identity_key.0)
        .chain_update(request.service_id.as_bytes())
        .chain_update([request.device_id.get()])
        .chain_update(request.identity.as_str())
        .finalize();
    hex::encode(digest)
}

fn refused(what: &str) -> Problem {
    CODE_REFUSED.because(format!(
        "{what}: ask for a new line, made on the relay's machine by `sysmaint invite`"
    ))
}
