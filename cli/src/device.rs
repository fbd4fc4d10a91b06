//! Putting devices together: store, connection, endpoint.

use std::{path::PathBuf, sync::Arc};

use sysmaint_bus::{
    Bus, BusConfig, ClientTls, ConnectError, Credentials, Mailbox, NatsDirectory, NatsMailbox,
};
use sysmaint_endpoint::{Clock, Endpoint, EndpointConfig};
use sysmaint_protocol::{DeviceId, Handle, rest::Transport};
use sysmaint_service::exit::Exit;
use sysmaint_store::{OpenError, Passphrase, Store};
use tokio_util::sync::CancellationToken;

use crate::{failure::Failure, keyring::Service};

/// Opens a store on a thread of its own, since deriving the key takes a while.
pub(crate) async fn open_store(path: PathBuf, passphrase: Passphrase) -> Result<Store, Failure> {
    let opened = tokio::task::spawn_blocking(move || Store::open(&path, &passphrase)).await;
    opened.map_err(Failure::unavailable)?.map_err(store_failure)
}

/// With the exit code that fits.
pub(crate) fn store_failure(error: OpenError) -> Failure {
    let exit = match &error {
        OpenError::Passphrase { .. } | OpenError::Newer { .. } | OpenError::OtherKind { .. } => {
            Exit::Config
        }
        OpenError::Io { .. } | OpenError::Database { .. } => Exit::Io,
        OpenError::Lock(_) | OpenError::Thread { .. } => Exit::Unavailable,
    };
    Failure::new(exit, error)
}

/// Where NATS is, and how it proves that it is the right one.
#[derive(Clone, Debug)]
pub(crate) struct Broker {
    pub(crate) url: String,
    pub(crate) tls: ClientTls,
}

impl Broker {
    /// A server on this machine's loopback interface.
    pub(crate) fn local(url: String) -> Self {
        Self { url, tls: ClientTls::default() }
    }
}

/// Connects one service.
pub(crate) async fn connect(
    broker: &Broker,
    credentials: Credentials,
    service: Service,
    shutdown: &CancellationToken,
) -> Result<Bus, Failure> {
    let name = format!("sysmaint-{}", service.name());
    let config = BusConfig {
        tls: broker.tls.clone(),
        ..BusConfig::new(&broker.url, Some(credentials), &name)
    };
    Bus::connect(config, shutdown).await.map_err(|error| match error {
        ConnectError::Stopped => Failure::stopped(),
        error @ (ConnectError::Url(_) | ConnectError::TlsFile { .. }) => {
            Failure::new(Exit::Config, error)
        }
        other => Failure::unavailable(other),
    })
}

/// A device beside the server.
pub(crate) async fn endpoint(
    handle: &Handle,
    store: &Store,
    bus: &Bus,
    trust_root: &[u8],
) -> Result<Endpoint, Failure> {
    let mailbox = Arc::new(NatsMailbox::new(bus.clone()));
    endpoint_over(mailbox, handle, store, bus, trust_root).await
}

/// The same, publishing through another mailbox.
pub(crate) async fn endpoint_over(
    mailbox: Arc<dyn Mailbox>,
    handle: &Handle,
    store: &Store,
    bus: &Bus,
    trust_root: &[u8],
) -> Result<Endpoint, Failure> {
    let config = EndpointConfig {
        handle: handle.clone(),
        device_id: DeviceId::FIRST,
        trust_root: trust_root.to_vec(),
        transport: Transport::Nats,
        store: store.clone(),
        mailbox,
        directory: Arc::new(NatsDirectory::new(bus.clone())),
        clock: Clock::system(),
    };
    Endpoint::start(config).await.map_err(|error| Failure::new(Exit::Config, error))
}
