//! The endpoint and its tasks.

use std::sync::Arc;

use sysmaint_bus::{Directory, Mailbox};
use sysmaint_device::{Device, DeviceError, Ephemeral};
use sysmaint_protocol::{
    Address, ContentId, DeviceId, Handle, Kind, ServiceId, rest::Transport, subject,
};
use sysmaint_store::{DeviceStore, SqlError, Store, View, WriteError};
use tokio::sync::{Notify, broadcast, watch};
use tokio_util::sync::CancellationToken;

use crate::{
    Clock, Inbox, Status, Step, StepError, Trace,
    checks::Checks,
    enrol, publish, receive, repair,
    rosters::{self, Rosters},
    upkeep,
};

/// Watchers of [`Activity`] that lag by more than this miss some, and are told so.
const ACTIVITY: usize = 256;

/// What an endpoint is made of.
pub struct EndpointConfig {
    /// Whose device.
    pub handle: Handle,
    /// Which.
    pub device_id: DeviceId,
    /// The pinned root of sender certificates, 33 bytes.
    pub trust_root: Vec<u8>,
    /// How it reads its mailbox.
    pub transport: Transport,
    /// The service's file.
    pub store: Store,
    /// Carries envelopes.
    pub mailbox: Arc<dyn Mailbox>,
    /// Knows everybody's public keys.
    pub directory: Arc<dyn Directory>,
    /// What time it is.
    pub clock: Clock,
}

impl std::fmt::Debug for EndpointConfig {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("EndpointConfig").field("store", &self.store).finish_non_exhaustive()
    }
}

/// One device at work. Cheap to clone.
#[derive(Clone)]
pub struct Endpoint {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) device: Arc<Device>,
    pub(crate) transport: Transport,
    pub(crate) slot: i64,
    pub(crate) store: Store,
    pub(crate) mailbox: Arc<dyn Mailbox>,
    pub(crate) directory: Arc<dyn Directory>,
    pub(crate) clock: Clock,
    /// Something was queued.
    pub(crate) queued: Notify,
    /// The inbox has grown.
    pub(crate) arrived: watch::Sender<u64>,
    /// Prekeys were used.
    pub(crate) prekeys_used: Notify,
    /// Something could not be opened, or a peer could not open something.
    pub(crate) broken: Notify,
    /// Comparisons of the directory's prekeys with ours.
    pub(crate) checks: Checks,
    /// Which devices the others have.
    pub(crate) rosters: Rosters,
    pub(crate) status: watch::Sender<Status>,
    pub(crate) activity: broadcast::Sender<Activity>,
    pub(crate) trace: broadcast::Sender<Trace>,
}

/// Something happened that a page may want to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Activity {
    /// Peers have confirmed messages of ours.
    Delivered,
    /// Something came that is worth something for a moment only; it is nowhere else.
    Ephemeral(Arc<Ephemeral>),
    /// A message was opened.
    Opened(Kind, ContentId),
    /// The broker has confirmed envelopes of ours.
    Published,
}

/// An endpoint could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The stored device cannot be used.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// A statement failed.
    #[error(transparent)]
    Sql(#[from] SqlError),
    /// The store did not take it.
    #[error("the store failed: {0}")]
    Store(String),
}

impl From<WriteError<Self>> for StartError {
    fn from(error: WriteError<Self>) -> Self {
        match error {
            WriteError::Step(error) => error,
            other => Self::Store(other.to_string()),
        }
    }
}

impl Endpoint {
    /// Opens the store's device, or makes it. Nothing is sent or received before [`Self::run`].
    pub async fn start(config: EndpointConfig) -> Result<Self, StartError> {
        Self::open(config, None).await
    }

    /// The same for a further device of a handle, which shares its service id and registers once
    /// another one has admitted it.
    pub async fn start_further(
        config: EndpointConfig,
        service_id: ServiceId,
    ) -> Result<Self, StartError> {
        Self::open(config, Some(service_id)).await
    }

    async fn open(
        config: EndpointConfig,
        service_id: Option<ServiceId>,
    ) -> Result<Self, StartError> {
        let EndpointConfig { handle, device_id, trust_root, store, .. } = config;
        let step = move |tx: &sysmaint_store::Tx<'_>| -> Result<_, StartError> {
            let mut store = tx.device(&handle)?;
            let mut rng = rand::rng();
            let device = match service_id.map(|service_id| Address { service_id, device_id }) {
                Some(address) => {
                    Device::open_further(&mut store, &mut rng, &handle, address, &trust_root)?
                }
                None => Device::open(&mut store, &mut rng, &handle, device_id, &trust_root)?,
            };
            let registered = device.is_registered(&store).map_err(DeviceError::from)?;
            let token = device.token(&store).map_err(DeviceError::from)?;
            Ok((device, store.slot(), registered, token))
        };
        let (device, slot, registered, token) = store.write(step).await?;
        config.directory.authorize(token.as_ref().map(|token| token.as_str()));
        let inner = Inner {
            device: Arc::new(device),
            transport: config.transport,
            slot,
            store,
            mailbox: config.mailbox,
            directory: config.directory,
            clock: config.clock,
            queued: Notify::new(),
            arrived: watch::Sender::new(0),
            prekeys_used: Notify::new(),
            broken: Notify::new(),
            checks: Checks::default(),
            rosters: Rosters::default(),
            status: watch::Sender::new(Status { registered, ..Status::default() }),
            activity: broadcast::Sender::new(ACTIVITY),
            trace: broadcast::Sender::new(ACTIVITY),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Registers, publishes, receives and keeps house until the token is cancelled.
    pub async fn run(&self, shutdown: CancellationToken) {
        let work = Box::pin(async {
            tokio::join!(
                enrol::keep_enrolled(self),
                publish::publish(self),
                Box::pin(receive::receive(self)),
                receive::send_receipts(self),
                repair::repair(self),
                rosters::keep_right(self),
                upkeep::keep_house(self),
            );
        });
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = work => {}
        }
    }

    /// Its handle.
    pub fn handle(&self) -> &Handle {
        self.inner.device.handle()
    }

    /// Its address.
    pub fn address(&self) -> Address {
        self.inner.device.address()
    }

    /// Its mailbox.
    pub fn mailbox(&self) -> subject::Mailbox {
        self.inner.device.mailbox()
    }

    /// The service's file.
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// Its number among the file's devices.
    pub fn slot(&self) -> i64 {
        self.inner.slot
    }

    /// Its clock.
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// How it stands towards the bus, as it changes.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.inner.status.subscribe()
    }

    /// What happens, as it happens.
    pub fn activity(&self) -> broadcast::Receiver<Activity> {
        self.inner.activity.subscribe()
    }

    /// What has not taken effect yet, and what arrives from now on.
    pub fn inbox(&self) -> Inbox {
        Inbox::new(self.clone())
    }

    /// Looks at what the device keeps; a store that the device is not in yet shows nothing.
    pub(crate) async fn look<T, E>(
        &self,
        look: impl FnOnce(&Device, &DeviceStore<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, WriteError<E>>
    where
        T: Default + Send + 'static,
        E: From<StepError> + Send + 'static,
    {
        let own = self.inner.clone();
        let look = move |view: &View<'_>| {
            let known = view.known_device(own.device.handle()).map_err(StepError::from)?;
            known.map_or_else(|| Ok(T::default()), |store| look(&own.device, &store))
        };
        self.store().read(look).await
    }

    /// Whether what is ephemeral would reach anybody from here.
    pub fn carries_ephemeral(&self) -> bool {
        self.inner.mailbox.carries_ephemeral()
    }

    /// Takes a step in one transaction, and has what it queued published.
    pub async fn step<T, E>(
        &self,
        step: impl FnOnce(&mut Step<'_, '_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, WriteError<E>>
    where
        T: Send + 'static,
        E: From<StepError> + Send + 'static,
    {
        // The device alone: whoever drops the last handle waits for the writer, which the writer
        // itself cannot, so no step may bring a handle along.
        let device = self.inner.device.clone();
        let now = self.inner.clock.now();
        let run = move |tx: &sysmaint_store::Tx<'_>| {
            let mut taken = Step::new(tx, &device, now).map_err(E::from)?;
            let value = step(&mut taken)?;
            Ok::<_, E>((value, taken.into_queued()))
        };
        let outcome = self.inner.store.write(run).await;
        self.inner.queued.notify_one();
        let (value, queued) = outcome?;
        self.trace_sealed(queued);
        Ok(value)
    }
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Endpoint").field("slot", &self.inner.slot).finish_non_exhaustive()
    }
}
