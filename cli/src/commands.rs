//! A command a file.

pub(crate) mod add;
pub(crate) mod admit;
pub(crate) mod agent;
pub(crate) mod audit;
pub(crate) mod chat;
pub(crate) mod devices;
pub(crate) mod envelope;
pub(crate) mod hand_out;
pub(crate) mod health;
pub(crate) mod hosts;
pub(crate) mod inbox;
pub(crate) mod invite;
pub(crate) mod join;
pub(crate) mod nats_conf;
pub(crate) mod nats_context;
pub(crate) mod probe;
pub(crate) mod relay;
pub(crate) mod rotate;
pub(crate) mod send;
pub(crate) mod up;
pub(crate) mod verify;
pub(crate) mod web;

use std::time::Duration;

use sysmaint_service::data_dir::DataDir;
use sysmaint_store::Store;
use tokio_util::sync::CancellationToken;

use crate::{
    data_files, device,
    device::Broker,
    failure::Failure,
    keyring::Service,
    settings::{NatsSettings, Settings},
    way::{Chosen, Way},
};

/// How long everything may take to stop.
pub(crate) const STOP_WITHIN: Duration = Duration::from_secs(10);

/// What a service that runs by itself stands on.
pub(crate) struct Ground {
    pub(crate) data: DataDir,
    pub(crate) way: Way,
    pub(crate) store: Store,
    pub(crate) trust_root: Vec<u8>,
}

impl Ground {
    pub(crate) async fn prepare(
        settings: &Settings,
        service: Service,
        file: &str,
        shutdown: &CancellationToken,
    ) -> Result<Self, Failure> {
        join::unattended(settings).await?;
        let data = data_files::open_shared(settings)?;
        let passphrase = data_files::given_passphrase(settings, &data)?;
        let chosen = Chosen::choose(settings, &data, service)?;
        let store = device::open_store(data.join(file), passphrase).await?;
        let trust_root = data_files::trust_root(settings, &data, shutdown).await?;
        let way = chosen.connect(settings, service, shutdown).await?;
        Ok(Self { data, way, store, trust_root })
    }
}

/// Where a service finds NATS: where it is told to, or where `up` runs it.
pub(crate) fn broker(settings: &Settings) -> Broker {
    let NatsSettings { url, port, tls, .. } = &settings.nats;
    let url = url.clone().unwrap_or_else(|| format!("nats://127.0.0.1:{port}"));
    Broker { url, tls: tls.clone() }
}
