//! By which way a service reaches everybody: beside NATS, or through a relay from anywhere.

use std::sync::Arc;

use sysmaint_bus::{
    Bus, Credentials, RelayClient, RelayClientConfig, RelayClientError, RelayDirectory,
    RelayMailbox,
};
use sysmaint_endpoint::{Clock, Endpoint, EndpointConfig};
use sysmaint_protocol::{DeviceId, Handle, rest::Transport, subject::Mailbox};
use sysmaint_service::{data_dir::DataDir, exit::Exit};
use sysmaint_store::Store;
use tokio_util::sync::CancellationToken;

use crate::{
    commands::broker,
    device,
    failure::Failure,
    keyring::{self, Service},
    membership::Membership,
    settings::Settings,
};

/// The way that was found.
pub(crate) enum Way {
    /// With a key of its own to log in there.
    Nats(Box<Bus>),
    /// With one connection a device.
    Relay(Box<RelayClientConfig>),
}

/// The way that will be gone; nothing is connected yet.
pub(crate) enum Chosen {
    /// With this key.
    Nats(Credentials),
    /// With these addresses.
    Relay(Box<RelayClientConfig>),
}

impl Chosen {
    /// NATS, where this service has a key for it or is told its address; else the relay that is
    /// named in `RELAY_URL` or was joined; else NATS at its usual place.
    pub(crate) fn choose(
        settings: &Settings,
        data: &DataDir,
        service: Service,
    ) -> Result<Self, Failure> {
        let nats = settings.nats.url.is_some()
            || settings.nats.nkey_file.is_some()
            || keyring::path(data, service).exists();
        let relay = if nats { None } else { relay(settings, data)? };
        if let Some(config) = relay {
            return Ok(Self::Relay(Box::new(config)));
        }
        keyring::credentials(settings, data, service).map(Self::Nats)
    }

    /// Connects, where one connection serves all devices.
    pub(crate) async fn connect(
        self,
        settings: &Settings,
        service: Service,
        shutdown: &CancellationToken,
    ) -> Result<Way, Failure> {
        let credentials = match self {
            Self::Nats(credentials) => credentials,
            Self::Relay(config) => return Ok(Way::Relay(config)),
        };
        let bus = device::connect(&broker(settings), credentials, service, shutdown).await?;
        Ok(Way::Nats(Box::new(bus)))
    }
}

impl Way {
    /// A device that goes this way.
    pub(crate) async fn endpoint(
        &self,
        handle: &Handle,
        store: &Store,
        trust_root: &[u8],
    ) -> Result<Endpoint, Failure> {
        let config = match self {
            Self::Nats(bus) => return device::endpoint(handle, store, bus, trust_root).await,
            Self::Relay(config) => RelayClientConfig::clone(config),
        };
        let own = Mailbox::new(handle.clone(), DeviceId::FIRST);
        let config = through_relay(config, own, store, trust_root)?;
        Endpoint::start(config).await.map_err(|error| Failure::new(Exit::Config, error))
    }

    /// The command line's device: a further one of somebody's, where it was joined as that.
    pub(crate) async fn own_endpoint(
        &self,
        settings: &Settings,
        data: &DataDir,
        store: &Store,
        trust_root: &[u8],
    ) -> Result<Endpoint, Failure> {
        let further = match self {
            Self::Nats(_) => None,
            Self::Relay(config) => Membership::read(data)?
                .and_then(|joined| joined.further)
                .map(|further| (further, RelayClientConfig::clone(config))),
        };
        let Some((further, config)) = further else {
            return self.endpoint(&settings.cli_identity, store, trust_root).await;
        };
        let own = Mailbox::new(further.identity, further.device_id);
        let config = through_relay(config, own, store, trust_root)?;
        let started = Endpoint::start_further(config, further.service_id).await;
        started.map_err(|error| Failure::new(Exit::Config, error))
    }

    /// The connection to NATS, for what works nowhere else.
    pub(crate) fn nats(&self) -> Result<&Bus, Failure> {
        match self {
            Self::Nats(bus) => Ok(bus),
            Self::Relay(_) => Err(Failure::new(
                Exit::Config,
                anyhow::anyhow!(
                    "this service works beside nats only: set NATS_URL, or run it on the relay's \
                     machine"
                ),
            )),
        }
    }

    /// Ends the connection, if it is shared.
    pub(crate) async fn close(self) {
        if let Self::Nats(bus) = self {
            bus.close().await;
        }
    }
}

fn through_relay(
    config: RelayClientConfig,
    own: Mailbox,
    store: &Store,
    trust_root: &[u8],
) -> Result<EndpointConfig, Failure> {
    let client = client(config)?;
    Ok(EndpointConfig {
        handle: own.handle.clone(),
        device_id: own.device_id,
        trust_root: trust_root.to_vec(),
        transport: Transport::Relay,
        store: store.clone(),
        mailbox: Arc::new(RelayMailbox::start(client.clone(), own)),
        directory: Arc::new(RelayDirectory::new(client)),
        clock: Clock::system(),
    })
}

/// A client, or the setting that is wrong.
pub(crate) fn client(config: RelayClientConfig) -> Result<RelayClient, Failure> {
    RelayClient::new(config).map_err(|error| match error {
        RelayClientError::Tls(_) => Failure::new(Exit::Config, error),
        other => Failure::unavailable(other),
    })
}

fn relay(settings: &Settings, data: &DataDir) -> Result<Option<RelayClientConfig>, Failure> {
    let joined = Membership::read(data)?;
    let (mut urls, mut code) = (settings.relay_access.urls.clone(), None);
    if let Some(joined) = joined {
        if urls.is_empty() {
            urls = joined.relay;
        }
        code = joined.code;
    }
    let ca_file = settings.relay_access.ca_file.clone();
    Ok((!urls.is_empty()).then_some(RelayClientConfig { urls, ca_file, code }))
}
