//! The directory's answers, the same over NATS and over HTTP.

mod admission;
mod bundle;
mod cache;
mod certificate;
mod challenge;
mod code;
mod known;
mod listing;
mod login;
mod placement;
mod prekeys;
mod registration;
mod revocation;
mod roster;
mod token;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use rand::Rng as _;
use sysmaint_bus::{
    Bus, DirectoryHandler, Logins, Registry, RegistryError,
    registry::{Identity, RegisteredDevice},
};
use sysmaint_device::{authority::Authority, key::IdentityKey};
use sysmaint_protocol::{
    Handle,
    rest::{
        AdmitRequest, Admitted, Bundle, Challenge, DeliveryCertificate, PrekeyCount, PrekeyStock,
        PrekeyUpload, Problem, RegisterRequest, Registered, Roster,
    },
    subject::Mailbox,
};
use tokio_util::sync::CancellationToken;

pub(crate) use bundle::NoBundle;
pub(crate) use code::hash as code_hash;
pub(crate) use known::DeviceNumber;
pub(crate) use token::TokenHash;

use self::known::Known;
use crate::{
    audit::Audit,
    counters::{Counters, Event},
    limits::Limits,
    problem::{UNAVAILABLE, UNKNOWN_IDENTITY, unavailable},
};

/// How often a change of an identity is tried again when somebody else changed it in between.
const CHANGE_ATTEMPTS: usize = 8;
const CHANGE_PAUSE_MS: std::ops::Range<u64> = 5..50;

/// By which way a registration came, and so who has vouched for it already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Over NATS: the broker knows the requester's key and grants it one handle.
    Broker,
    /// Over HTTP from a process on this machine.
    Loopback,
    /// Over HTTP from anywhere else, or through a proxy.
    Network,
}

/// The directory over a broker's registry and one certificate authority. Clones share it.
#[derive(Clone, Debug)]
pub struct RelayDirectory {
    bus: Bus,
    registry: Registry,
    known: Known,
    limits: Limits,
    authority: Arc<Authority>,
    audit: Audit,
    counters: Arc<Counters>,
    requires_code: bool,
    /// A connection that may end others, where the deployment has one.
    kick: Option<Bus>,
}

impl RelayDirectory {
    /// Over a broker whose streams are there.
    pub(crate) async fn open(
        bus: &Bus,
        authority: Arc<Authority>,
        audit: Audit,
        counters: Arc<Counters>,
        limits: Limits,
        requires_code: bool,
    ) -> Result<Self, RegistryError> {
        let registry = Registry::open(bus).await?;
        let known = Known::new(bus, &registry);
        let bus = bus.clone();
        Ok(Self {
            bus,
            registry,
            known,
            limits,
            authority,
            audit,
            counters,
            requires_code,
            kick: None,
        })
    }

    /// The same with a connection that may end those of revoked devices.
    pub(crate) fn with_kick(self, kick: Option<Bus>) -> Self {
        Self { kick, ..self }
    }

    /// Who may log in to NATS by the relay's word.
    pub(crate) fn logins(&self) -> Arc<dyn Logins> {
        Arc::new(self.registry.clone())
    }

    /// Registers a device; true for one that was not registered before.
    pub(crate) async fn register_from(
        &self,
        origin: Origin,
        request: &RegisterRequest,
    ) -> Result<(bool, Registered), Problem> {
        let registered = self.register_recorded(origin, request).await;
        match &registered {
            Ok((new, _)) => {
                self.counters.count(Event::RegistrationAccepted);
                tracing::info!(new, "registered a device");
            }
            Err(_) => self.counters.count(Event::RegistrationRefused),
        }
        registered
    }

    /// Nobody learns of a registration, its token least of all, before it is recorded.
    async fn register_recorded(
        &self,
        origin: Origin,
        request: &RegisterRequest,
    ) -> Result<(bool, Registered), Problem> {
        self.audit.check()?;
        let (new, registered) = registration::register(self, origin, request).await?;
        let own = Mailbox::new(request.identity.clone(), request.device_id);
        self.audit.registered(&own, new).await?;
        Ok((new, registered))
    }

    /// Where it is written down what was done.
    pub(crate) const fn audit(&self) -> &Audit {
        &self.audit
    }

    /// What certificates chain to, 33 bytes.
    pub(crate) fn trust_root(&self) -> Vec<u8> {
        self.authority.trust_root()
    }

    /// Whose token this is.
    pub(crate) async fn device_of_token(
        &self,
        token: &TokenHash,
    ) -> Result<Option<Mailbox>, Problem> {
        self.known.find_device_of_token(token).await.map_err(unavailable)
    }

    /// The same as the registry has it at this moment, for whoever stays connected.
    pub(crate) async fn owner_of_token(
        &self,
        token: &TokenHash,
    ) -> Result<Option<Mailbox>, Problem> {
        self.registry.device_of_token(token.as_str()).await.map_err(unavailable)
    }

    /// How often who may ask.
    pub(crate) const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Whose token this is, without asking the registry: `None` does not mean that it is nobody's.
    pub(crate) fn known_device(&self, token: &TokenHash) -> Option<Mailbox> {
        self.known.device_of_token(token)
    }

    /// A recipient's devices, as they were at most a moment ago.
    pub(crate) async fn devices(&self, handle: &Handle) -> Result<Arc<[DeviceNumber]>, Problem> {
        let found = self.known.find_devices(handle).await.map_err(unavailable)?;
        found.ok_or_else(|| unknown_identity(handle))
    }

    /// What opens a session with somebody; counted against what the requester may fetch.
    pub(crate) async fn take_bundle(
        &self,
        requester: &Handle,
        target: &Handle,
    ) -> Result<Bundle, NoBundle> {
        bundle::take(self, requester, target).await
    }

    /// Whether changes of tokens and devices are listened for. If not, each call asks the registry.
    pub(crate) fn is_watching(&self) -> bool {
        self.known.is_watching()
    }

    /// Keeps what is known of tokens and devices right, until `stop`.
    pub(crate) async fn keep_right(&self, stop: &CancellationToken) {
        self.known.keep_right(stop).await;
    }

    /// An identity as it is now, with the revision that a change of it must name.
    pub(crate) async fn identity(&self, handle: &Handle) -> Result<(Identity, u64), Problem> {
        let found = self.registry.identity(handle).await.map_err(unavailable)?;
        found.ok_or_else(|| unknown_identity(handle))
    }

    /// Changes an identity that is still as it was read; false if somebody else was first, who
    /// has had time to get out of the way by then.
    async fn write(
        &self,
        handle: &Handle,
        identity: &Identity,
        revision: u64,
    ) -> Result<bool, Problem> {
        match self.registry.update_identity(handle, identity, revision).await {
            Ok(_) => Ok(true),
            Err(RegistryError::Conflict) => {
                pause().await;
                Ok(false)
            }
            Err(error) => Err(unavailable(error)),
        }
    }

    /// The registered device behind a mailbox.
    async fn device(&self, own: &Mailbox) -> Result<RegisteredDevice, Problem> {
        let (identity, _) = self.identity(&own.handle).await?;
        let device = identity.devices.into_iter().find(|device| device.device_id == own.device_id);
        device.ok_or_else(|| unknown_device(own))
    }
}

#[async_trait]
impl DirectoryHandler for RelayDirectory {
    async fn challenge(&self, own: &Mailbox) -> Result<Challenge, Problem> {
        challenge::issue(&self.registry, own).await
    }

    /// As asked over NATS, where the broker has vouched for the handle.
    async fn register(&self, request: &RegisterRequest) -> Result<(bool, Registered), Problem> {
        self.register_from(Origin::Broker, request).await
    }

    async fn upload_prekeys(
        &self,
        own: &Mailbox,
        upload: &PrekeyUpload,
    ) -> Result<PrekeyCount, Problem> {
        self.audit.check()?;
        let counts = prekeys::upload(self, own, upload).await?;
        self.audit.prekeys_uploaded(own, upload);
        Ok(counts)
    }

    async fn prekey_stock(&self, own: &Mailbox) -> Result<PrekeyStock, Problem> {
        prekeys::stock(self, own).await
    }

    async fn certificate(&self, own: &Mailbox) -> Result<DeliveryCertificate, Problem> {
        self.audit.check()?;
        let certificate = certificate::renew(self, own).await?;
        self.audit.certificate_issued(own);
        Ok(certificate)
    }

    async fn bundle(&self, requester: &Handle, target: &Handle) -> Result<Bundle, Problem> {
        self.take_bundle(requester, target).await.map_err(NoBundle::problem)
    }

    async fn devices(&self, target: &Handle) -> Result<Roster, Problem> {
        let (identity, revision) = self.identity(target).await?;
        Ok(roster::roster(target, identity, revision))
    }

    async fn admit(&self, own: &Mailbox, request: &AdmitRequest) -> Result<Admitted, Problem> {
        admission::hand_in(self, own, request).await
    }
}

/// The registered key was checked when it was registered.
fn key_of(device: &RegisteredDevice) -> Result<IdentityKey, Problem> {
    IdentityKey::parse(&device.identity_key.0).map_err(unavailable)
}

fn unknown_identity(handle: &Handle) -> Problem {
    UNKNOWN_IDENTITY.because(format!(
        "no identity is registered as {handle}: check the spelling, or wait until it has registered"
    ))
}

fn unknown_device(own: &Mailbox) -> Problem {
    UNKNOWN_IDENTITY
        .because(format!("device {} is not registered: register it first", own.device_id))
}

/// After so many attempts to change an identity.
fn contended() -> Problem {
    UNAVAILABLE.because("the identity is being changed by others; try again in a moment")
}

/// Lets whoever changed the same identity get out of the way.
async fn pause() {
    let pause = Duration::from_millis(rand::rng().random_range(CHANGE_PAUSE_MS));
    tokio::time::sleep(pause).await;
}
