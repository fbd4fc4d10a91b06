//! `sysmaint agent`.

use sysmaint_service::metrics::Metrics;
use tokio_util::sync::CancellationToken;

use super::Ground;
use crate::{
    data_files,
    desk::{Desk, socket},
    failure::Failure,
    keyring::Service,
    observation,
    settings::Settings,
};

/// Runs the agent against a running NATS, or through a relay.
pub(crate) async fn run(
    settings: Settings,
    metrics: Metrics,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    let ground = Ground::prepare(&settings, Service::Agent, data_files::AGENT, &shutdown).await?;
    let Ground { data, way, store, trust_root } = ground;
    let endpoint = way.endpoint(&settings.agent.identity, &store, &trust_root).await?;
    let _watch = observation::watch(&metrics, "agent", vec![endpoint.clone()]);
    let _desk = socket::open(&data, Service::Agent, Desk::new(vec![endpoint.clone()]));
    tracing::info!("the agent is up");
    sysmaint_agent::run(settings.agent, endpoint, shutdown).await.map_err(Failure::unavailable)?;
    way.close().await;
    Ok(())
}
