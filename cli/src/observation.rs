//! The process's numbers, and the page for them where there is no other.

mod endpoints;

use std::net::SocketAddr;

use sysmaint_service::{
    exit::Exit,
    http_server::{HttpServer, Limits, Listener},
    metrics::{self, Metrics, OtlpConfig},
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) use self::endpoints::watch;
use crate::failure::Failure;

/// Who reads the page comes a few times a minute.
const CONNECTIONS: usize = 64;

/// Instruments, and whoever shows them.
pub(crate) struct Observation {
    metrics: Metrics,
    page: Option<JoinHandle<()>>,
}

impl Observation {
    /// Sets up what is asked for: pushing to a collector, a page at an address.
    pub(crate) async fn start(
        otlp: Option<&OtlpConfig>,
        page: Option<SocketAddr>,
        shutdown: &CancellationToken,
    ) -> Result<Self, Failure> {
        let metrics = Metrics::start(env!("CARGO_PKG_VERSION"), otlp)
            .map_err(|error| Failure::new(Exit::Config, error))?;
        let Some(address) = page else { return Ok(Self { metrics, page: None }) };
        let listener = Listener::bind(address, None).await.map_err(|error| {
            Failure::unavailable(anyhow::Error::new(error).context("SYSMAINT_METRICS_BIND"))
        })?;
        tracing::info!(%address, "serving metrics");
        let limits = Limits { connections: CONNECTIONS, ..Limits::default() };
        let server = HttpServer::new("metrics", listener, limits, &metrics);
        let router = metrics::router(metrics.clone(), address.ip());
        let page = tokio::spawn(server.serve(router, shutdown.clone()));
        Ok(Self { metrics, page: Some(page) })
    }

    /// For whoever has numbers.
    pub(crate) fn metrics(&self) -> Metrics {
        self.metrics.clone()
    }

    /// After the shutdown: waits for the page to close and pushes the last numbers.
    pub(crate) async fn end(self) {
        if let Some(page) = self.page
            && page.await.is_err()
        {
            tracing::error!("the metrics page panicked");
        }
        self.metrics.stop().await;
    }
}
