//! `sysmaint relay`.

use std::{path::PathBuf, sync::Arc};

use sysmaint_bus::EffectiveDurability;
use sysmaint_device::authority::Authority;
use sysmaint_relay_bridge::{Audit, Parts};
use sysmaint_service::{data_dir::DataDir, exit::Exit, metrics::Metrics};
use sysmaint_store::{AuthorityFileError, Passphrase, audit::AuditLog, load_or_create_authority};
use tokio_util::sync::CancellationToken;

use crate::{
    data_files, device,
    failure::Failure,
    keyring::{self, Service},
    settings::Settings,
    source,
};

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
    data_files::write_trust_root(&data, &authority.trust_root())?;
    let url = super::nats_url(&settings);
    let bus = device::connect(&url, credentials, Service::Relay, &shutdown).await?;
    let mut config = settings.relay;
    config.durability = durability(&url, &data, &shutdown).await;
    let parts = Parts {
        audit,
        authority: Arc::new(authority),
        bus: bus.clone(),
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
    opened.map_err(Failure::unavailable)?.map(Audit::new).map_err(device::store_failure)
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
    url: &str,
    data: &DataDir,
    shutdown: &CancellationToken,
) -> EffectiveDurability {
    let Some(key) = keyring::optional(data, Service::System) else {
        return EffectiveDurability::Unknown;
    };
    let asked = async {
        let system = device::connect(url, key, Service::System, shutdown).await?;
        let durability = system.durability().await.map_err(Failure::unavailable);
        system.close().await;
        durability
    };
    let within = std::time::Duration::from_secs(5);
    match tokio::time::timeout(within, asked).await {
        Ok(Ok(durability)) => durability,
        Ok(Err(_)) | Err(_) => EffectiveDurability::Unknown,
    }
}
