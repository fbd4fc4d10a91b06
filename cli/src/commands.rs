//! A command a file.

pub(crate) mod agent;
pub(crate) mod devices;
pub(crate) mod nats_conf;
pub(crate) mod probe;
pub(crate) mod relay;
pub(crate) mod rotate;
pub(crate) mod up;
pub(crate) mod web;

use std::time::Duration;

use sysmaint_bus::Bus;
use sysmaint_service::data_dir::DataDir;
use sysmaint_store::Store;
use tokio_util::sync::CancellationToken;

use crate::{
    data_files, device, device::Broker, failure::Failure, keyring, keyring::Service,
    settings::Settings,
};

/// How long everything may take to stop.
pub(crate) const STOP_WITHIN: Duration = Duration::from_secs(10);

/// Where a service finds NATS when nothing is said.
const NATS_URL: &str = "nats://127.0.0.1:4222";

/// What a service that runs by itself stands on.
struct Ground {
    data: DataDir,
    bus: Bus,
    store: Store,
    trust_root: Vec<u8>,
}

impl Ground {
    async fn prepare(
        settings: &Settings,
        service: Service,
        file: &str,
        shutdown: &CancellationToken,
    ) -> Result<Self, Failure> {
        let data = data_files::open_shared(settings)?;
        let passphrase = data_files::given_passphrase(settings, &data)?;
        let credentials = keyring::credentials(settings, &data, service)?;
        let store = device::open_store(data.join(file), passphrase).await?;
        let trust_root = data_files::trust_root(settings, &data, shutdown).await?;
        let bus = device::connect(&broker(settings), credentials, service, shutdown).await?;
        Ok(Self { data, bus, store, trust_root })
    }
}

/// The broker that is set, or the usual one.
fn broker(settings: &Settings) -> Broker {
    let url = settings.nats.url.as_deref().unwrap_or(NATS_URL);
    Broker { url: url.to_owned(), tls: settings.nats.tls.clone() }
}
