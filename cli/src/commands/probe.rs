//! `sysmaint probe`.

use sysmaint_service::metrics::Metrics;
use tokio_util::sync::CancellationToken;

use super::Ground;
use crate::{
    data_files, device, failure::Failure, keyring::Service, observation, settings::Settings,
};

/// Runs the probe against a running NATS.
pub(crate) async fn run(
    settings: Settings,
    metrics: Metrics,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    let ground = Ground::prepare(&settings, Service::Probe, data_files::PROBE, &shutdown).await?;
    let Ground { data: _data, bus, store, trust_root } = ground;
    let endpoint = device::endpoint(&settings.probe.identity, &store, &bus, &trust_root).await?;
    let _watch = observation::watch(&metrics, "probe", vec![endpoint.clone()]);
    tracing::info!("the probe is up");
    sysmaint_probe::run(settings.probe, endpoint, shutdown).await.map_err(Failure::unavailable)?;
    bus.close().await;
    Ok(())
}
