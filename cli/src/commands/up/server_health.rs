//! A nats-server whose disk was full is of no use before it is restarted: it closes each stream at
//! its first failed write and does not look again.

use std::{convert::Infallible, time::Duration};

use sysmaint_bus::{Bus, FailedStream, NatsServer};
use sysmaint_service::data_dir::DataDir;
use tokio_util::sync::CancellationToken;

use crate::{
    device::{self, Broker},
    keyring::{self, Service},
};

const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Restarts the server when it has closed streams to writing and there is room again. Never ends.
pub(super) async fn keep_writable(
    server: &NatsServer,
    data: &DataDir,
    shutdown: &CancellationToken,
) -> Infallible {
    let Some(key) = keyring::optional(data, Service::System) else {
        return std::future::pending().await;
    };
    let broker = Broker::local(server.url());
    let Ok(system) = device::connect(&broker, key, Service::System, shutdown).await else {
        return std::future::pending().await;
    };
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        if let Some(failed) = closed_stream(&system).await {
            tracing::error!(
                stream = failed.name,
                reason = failed.reason,
                "nats-server cannot write"
            );
            server.restart();
        }
    }
}

/// One that is closed to writing. While the server is away there is nothing to be done.
async fn closed_stream(system: &Bus) -> Option<FailedStream> {
    let failed = system.failed_streams().await.ok()?;
    failed.into_iter().find(FailedStream::is_closed_to_writing)
}
