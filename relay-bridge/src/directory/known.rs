//! Tokens and devices that calls ask for again and again, kept right by listening for changes.
//!
//! Nothing that is written is decided by this: a write is decided by the revision that it names.
//! What a token may do ends on every bridge as soon as the broker has told it of the change. While
//! nobody is told, because the connection is down or has just come back, nothing is known.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use sysmaint_bus::{
    Bus, Registry, RegistryError,
    registry::{Changes, Identity},
};
use sysmaint_protocol::{DeviceId, Handle, subject::Mailbox};
use tokio_util::sync::CancellationToken;

use super::{cache::Cache, token::TokenHash};

/// How often what is old is freed.
const SWEEP_EVERY: Duration = Duration::from_secs(10);
/// After an attempt to listen that failed.
const RETRY: Duration = Duration::from_millis(500);

/// A device as a sender must know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DeviceNumber {
    pub(crate) device_id: DeviceId,
    pub(crate) registration_id: u32,
}

/// What is known. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Known(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    bus: Bus,
    registry: Registry,
    tokens: Cache<TokenHash, Mailbox>,
    devices: Cache<Handle, Arc<[DeviceNumber]>>,
}

impl Known {
    pub(super) fn new(bus: &Bus, registry: &Registry) -> Self {
        Self(Arc::new(Inner {
            bus: bus.clone(),
            registry: registry.clone(),
            tokens: Cache::new(),
            devices: Cache::new(),
        }))
    }

    /// Whose token it is, without asking.
    pub(super) fn device_of_token(&self, token: &TokenHash) -> Option<Mailbox> {
        let Inner { bus, tokens, .. } = &*self.0;
        bus.is_connected().then(|| tokens.get(token, Instant::now())).flatten()
    }

    /// Whose token it is; asks the registry if that is not known.
    pub(super) async fn find_device_of_token(
        &self,
        token: &TokenHash,
    ) -> Result<Option<Mailbox>, RegistryError> {
        if let Some(device) = self.device_of_token(token) {
            return Ok(Some(device));
        }
        let Inner { registry, tokens, .. } = &*self.0;
        let ticket = tokens.begin(token, Instant::now());
        let found = registry.device_of_token(token.as_str()).await;
        if let Some(ticket) = ticket {
            tokens.finish(token, ticket, found.as_ref().ok().cloned().flatten());
        }
        found
    }

    /// An identity's devices; asks the registry if they are not known.
    pub(super) async fn find_devices(
        &self,
        handle: &Handle,
    ) -> Result<Option<Arc<[DeviceNumber]>>, RegistryError> {
        let Inner { bus, registry, devices, .. } = &*self.0;
        let known = bus.is_connected().then(|| devices.get(handle, Instant::now())).flatten();
        if known.is_some() {
            return Ok(known);
        }
        let ticket = devices.begin(handle, Instant::now());
        let found = registry.identity(handle).await;
        let found = found.map(|found| found.map(|(identity, _revision)| numbers(&identity)));
        if let Some(ticket) = ticket {
            devices.finish(handle, ticket, found.as_ref().ok().cloned().flatten());
        }
        found
    }

    /// Forgets a token that this bridge has just ended, before anybody else can say so.
    pub(super) fn forget_token(&self, hash: &str) {
        self.0.tokens.forget(&TokenHash::of_stored(hash));
    }

    /// The same of an identity that it has just changed.
    pub(super) fn forget_devices(&self, handle: &Handle) {
        self.0.devices.forget(handle);
    }

    /// Whether changes are listened for at this moment, so that anything is known.
    pub(super) fn is_watching(&self) -> bool {
        self.0.bus.is_connected() && self.0.tokens.is_watched()
    }

    /// Listens for changes until `stop`.
    pub(super) async fn keep_right(&self, stop: &CancellationToken) {
        let mut connections = self.0.bus.connections();
        let listen = async {
            loop {
                connections.mark_unchanged();
                tokio::select! {
                    outcome = self.listen() => {
                        if let Err(error) = outcome {
                            tracing::debug!(%error, "cannot listen for changes of the registry");
                        }
                    }
                    // After an outage there may be changes that nobody was told of.
                    _changed = connections.changed() => {}
                }
                self.restart(false);
                tokio::time::sleep(RETRY).await;
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            never = listen => never,
        }
        self.restart(false);
    }

    /// Forgets what changes, until there is a doubt.
    async fn listen(&self) -> Result<(), RegistryError> {
        let Inner { registry, tokens, devices, .. } = &*self.0;
        let mut tokens_changed = registry.token_changes().await?;
        let mut identities_changed = registry.identity_changes().await?;
        self.restart(true);
        let mut sweep = tokio::time::interval(SWEEP_EVERY);
        loop {
            tokio::select! {
                hash = Changes::next(&mut tokens_changed) => match hash {
                    Some(hash) => tokens.forget(&TokenHash::of_stored(&hash)),
                    None => return Ok(()),
                },
                handle = Changes::next(&mut identities_changed) => match handle {
                    Some(handle) => handle.parse().iter().for_each(|handle| devices.forget(handle)),
                    None => return Ok(()),
                },
                _tick = sweep.tick() => {
                    tokens.sweep(Instant::now());
                    devices.sweep(Instant::now());
                }
            }
        }
    }

    fn restart(&self, is_watched: bool) {
        self.0.tokens.restart(is_watched);
        self.0.devices.restart(is_watched);
    }
}

fn numbers(identity: &Identity) -> Arc<[DeviceNumber]> {
    let number = |device: &sysmaint_bus::registry::RegisteredDevice| DeviceNumber {
        device_id: device.device_id,
        registration_id: device.registration_id,
    };
    identity.devices.iter().map(number).collect()
}
