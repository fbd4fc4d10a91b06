//! `sysmaint relay`.

use std::{path::PathBuf, sync::Arc, time::Duration};

use sysmaint_bus::{Bus, Callout, EffectiveDurability};
use sysmaint_device::authority::Authority;
use sysmaint_relay_bridge::{Audit, Parts};
use sysmaint_service::{data_dir::DataDir, exit::Exit, metrics::Metrics};
use sysmaint_store::{AuthorityFileError, Passphrase, audit::AuditLog, load_or_create_authority};
use tokio_util::sync::CancellationToken;

use crate::{
    data_files, device,
    device::Broker,
    failure::Failure,
    keyring::{self, Service},
    settings::Settings,
    source,
};

/// How long a connection may take that the relay can do without.
const BESIDE_WITHIN: Duration = Duration::from_secs(5);

/// Runs the relay against a running NATS.
pub(crate) async fn run(
    settings: Settings,
    metrics: Metrics,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    let listener =
        sysmaint_relay_bridge::bind(&settings.relay).await.map_err(Failure::unavailable)?;
    let data = data_files::open_shared(&settings)?;
    let passphrase = data_files::given_passphrase(&settings, &data)?;
    let credentials = keyring::credentials(&settings, &data, Service::Relay)?;
    let audit = open_audit(data_files::audit(&settings, &data), passphrase.clone());
    let authority = authority(data.join(data_files::AUTHORITY), passphrase);
    let (audit, authority) = tokio::try_join!(audit, authority)?;
    data_files::publish_trust_root(&settings, &data, &authority.trust_root())?;
    let broker = super::broker(&settings);
    let bus = device::connect(&broker, credentials, Service::Relay, &shutdown).await?;
    let mut config = settings.relay;
    config.durability = durability(&broker, &data, &shutdown).await;
    let parts = Parts {
        audit,
        authority: Arc::new(authority),
        bus: bus.clone(),
        callout: callout(&broker, &data, &shutdown).await,
        kick: kick(&broker, &data, &shutdown).await,
        listener,
        metrics,
        source: source::ARCHIVE,
    };
    // It is large and lives as long as the process: it belongs on the heap.
    let running = Box::pin(sysmaint_relay_bridge::run(config, parts, shutdown));
    running.await.map_err(Failure::unavailable)?;
    bus.close().await;
    Ok(())
}

/// Opens this bridge's audit, or begins it.
pub(crate) async fn open_audit(path: PathBuf, passphrase: Passphrase) -> Result<Audit, Failure> {
    let opened = tokio::task::spawn_blocking(move || AuditLog::open(&path, &passphrase)).await;
    opened.map_err(Failure::unavailable)?.map(Audit::new).map_err(|error| {
        let failure = device::store_failure(error);
        if failure.exit() != Exit::Unavailable {
            return failure;
        }
        let hint = "each relay writes an audit of its own: a second one over the same data \
                    directory needs another file in RELAY_DB";
        Failure::new(failure.exit(), failure.into_error().context(hint))
    })
}

/// Reads the certificate authority, or makes it the first time.
pub(crate) async fn authority(path: PathBuf, passphrase: Passphrase) -> Result<Authority, Failure> {
    let loaded =
        tokio::task::spawn_blocking(move || load_or_create_authority(&path, &passphrase)).await;
    loaded.map_err(Failure::unavailable)?.map_err(|error| match error {
        AuthorityFileError::Open(error) => device::store_failure(error),
        other => Failure::new(Exit::Config, other),
    })
}

/// What the server really does with its disk, which only its system account tells.
pub(crate) async fn durability(
    broker: &Broker,
    data: &DataDir,
    shutdown: &CancellationToken,
) -> EffectiveDurability {
    let asked = async {
        let system = beside(broker, data, Service::System, shutdown).await?;
        let durability = system.durability().await;
        system.close().await;
        durability.ok()
    };
    let durability = tokio::time::timeout(BESIDE_WITHIN, asked).await.ok().flatten();
    durability.unwrap_or(EffectiveDurability::Unknown)
}

/// What lets devices in that register while the server runs. A server whose configuration is
/// older than this, or a relay without the two keys, does without.
pub(crate) async fn callout(
    broker: &Broker,
    data: &DataDir,
    shutdown: &CancellationToken,
) -> Option<Callout> {
    let issuer = keyring::optional_issuer(data).ok()?;
    let bus = beside(broker, data, Service::Callout, shutdown).await;
    if bus.is_none() {
        tracing::warn!(
            "devices that register now cannot log in to nats: its nats.conf does not know the \
             relay's callout user; render it again with `sysmaint nats-conf`"
        );
    }
    Some(Callout::new(bus?, issuer))
}

/// What ends the connections of revoked devices.
pub(crate) async fn kick(
    broker: &Broker,
    data: &DataDir,
    shutdown: &CancellationToken,
) -> Option<Bus> {
    beside(broker, data, Service::Kick, shutdown).await
}

/// A connection that the relay can do without.
async fn beside(
    broker: &Broker,
    data: &DataDir,
    service: Service,
    shutdown: &CancellationToken,
) -> Option<Bus> {
    let key = keyring::optional(data, service)?;
    let connecting = device::connect(broker, key, service, shutdown);
    tokio::time::timeout(BESIDE_WITHIN, connecting).await.ok()?.ok()
}
