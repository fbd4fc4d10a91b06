//! `sysmaint probe`.

use sysmaint_service::{data_dir::DataDir, exit::Exit, metrics::Metrics};
use tokio_util::sync::CancellationToken;

use super::Ground;
use crate::{
    data_files,
    desk::{Desk, socket},
    failure::Failure,
    keyring::Service,
    membership::Membership,
    observation,
    settings::Settings,
    way::Way,
};

/// Runs the probe against a running NATS, or through a relay.
pub(crate) async fn run(
    mut settings: Settings,
    metrics: Metrics,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    let ground = Ground::prepare(&settings, Service::Probe, data_files::PROBE, &shutdown).await?;
    let Ground { data, way, store, trust_root } = ground;
    name(&mut settings, &way, &data)?;
    let endpoint = way.endpoint(&settings.probe.identity, &store, &trust_root).await?;
    let _watch = observation::watch(&metrics, "probe", vec![endpoint.clone()]);
    let _desk = socket::open(&data, Service::Probe, Desk::new(vec![endpoint.clone()]));
    tracing::info!("the probe is up");
    sysmaint_probe::run(settings.probe, endpoint, shutdown).await.map_err(Failure::unavailable)?;
    way.close().await;
    Ok(())
}

/// A machine that has joined is called as it was invited, unless a setting says otherwise.
fn name(settings: &mut Settings, way: &Way, data: &DataDir) -> Result<(), Failure> {
    if settings.probe_is_named || matches!(way, Way::Nats(_)) {
        return Ok(());
    }
    let Some(joined) = Membership::read(data)? else { return Ok(()) };
    if settings.probe.readers.contains(&joined.probe) {
        let handle = joined.probe;
        let reason = format!("{handle} gets the samples itself: invite this machine as another");
        return Err(Failure::new(Exit::Config, anyhow::anyhow!(reason)));
    }
    settings.probe.identity = joined.probe;
    Ok(())
}
