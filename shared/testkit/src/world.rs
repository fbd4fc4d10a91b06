//! Who certifies and lists everybody, without a relay.

use std::sync::Arc;

use sysmaint_bus::Mailbox;
use sysmaint_device::authority::Authority;
use sysmaint_endpoint::{Clock, EndpointConfig};
use sysmaint_protocol::{DeviceId, Handle, rest::Transport};
use sysmaint_store::Store;

use crate::{LocalDirectory, Participant};

/// A certificate authority and a directory.
#[derive(Clone, Debug)]
pub struct World {
    pub(crate) trust_root: Vec<u8>,
    pub(crate) directory: Arc<LocalDirectory>,
    pub(crate) clock: Clock,
}

impl World {
    /// With new keys, at the system's time.
    pub fn new() -> Self {
        Self::at(Clock::system())
    }

    /// With new keys, at another time.
    pub fn at(clock: Clock) -> Self {
        let authority = Authority::generate(&mut rand::rng()).unwrap();
        let trust_root = authority.trust_root();
        let directory = Arc::new(LocalDirectory::new(authority, clock.clone()));
        Self { trust_root, directory, clock }
    }

    /// Where everybody is listed.
    pub fn directory(&self) -> &LocalDirectory {
        &self.directory
    }

    /// The same world, seen by whoever has another clock.
    #[must_use]
    pub fn with_clock(&self, clock: Clock) -> Self {
        Self { clock, ..self.clone() }
    }

    /// Has the directory forget a device: an operator's decision.
    pub fn revoke(&self, handle: &str) {
        self.directory.revoke(&handle.parse().unwrap());
    }

    /// Has the directory throw one device of a handle out.
    pub fn revoke_device(&self, handle: &str, device_id: u8) {
        self.directory.revoke_device(&handle.parse().unwrap(), device_id.try_into().unwrap());
    }

    /// As if all one-time prekeys of a device had been taken.
    pub fn exhaust(&self, handle: &str) {
        self.directory.exhaust(&handle.parse().unwrap());
    }

    /// Whether one-time prekeys of a device are left.
    pub fn has_prekeys(&self, handle: &str) -> bool {
        self.directory.has_prekeys(&handle.parse().unwrap())
    }

    /// What the first device of a handle is made of here.
    pub fn endpoint_config(
        &self,
        handle: Handle,
        store: Store,
        mailbox: Arc<dyn Mailbox>,
    ) -> EndpointConfig {
        EndpointConfig {
            handle,
            device_id: DeviceId::FIRST,
            trust_root: self.trust_root.clone(),
            transport: Transport::Nats,
            store,
            mailbox,
            directory: self.directory.clone(),
            clock: self.clock.clone(),
        }
    }

    /// A running endpoint with a new store; registered, and with prekeys in the directory.
    pub async fn participant(&self, handle: &str, mailbox: Arc<dyn Mailbox>) -> Participant {
        Participant::start(self.clone(), handle.parse().unwrap(), mailbox).await
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}
