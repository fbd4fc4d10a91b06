//! The listener and its life.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{Backend, Config, app::App};

/// How long open requests may go on after the shutdown was asked for. Handlers that wait and
/// streams end by themselves; what is left is a client that does not read.
const GRACE: Duration = Duration::from_secs(5);

/// Why there is no listener.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The address is none of loopback's.
    #[error(
        "WEB_BIND={bind} would show the pages to other machines, and there is no login yet: \
         use 127.0.0.1 or ::1, and reach it from elsewhere through an ssh tunnel"
    )]
    NeedsLogin {
        /// What was asked for.
        bind: IpAddr,
    },
    /// Something else listens there.
    #[error("port {port} is taken by another process: stop it, or set WEB_PORT to a free port")]
    PortTaken {
        /// What was asked for.
        port: u16,
    },
    /// The system refused.
    #[error("cannot listen on {address}: check WEB_BIND and WEB_PORT")]
    Refused {
        /// What was asked for.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Why serving ended before it was asked to.
#[derive(Debug, thiserror::Error)]
#[error("the web server's listener failed")]
pub struct ServeError(#[source] io::Error);

/// Opens the listener.
pub async fn bind(config: &Config) -> Result<TcpListener, BindError> {
    if !config.bind.is_loopback() {
        return Err(BindError::NeedsLogin { bind: config.bind });
    }
    let address = SocketAddr::new(config.bind, config.port);
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => BindError::PortTaken { port: config.port },
        _ => BindError::Refused { address, source },
    })
}

/// Serves the pages until `shutdown`, then ends the streams and lets open requests finish.
/// `source` is the gzipped archive of the complete source, offered at `/source`.
pub async fn serve(
    listener: TcpListener,
    config: Config,
    backend: Arc<dyn Backend>,
    source: &'static [u8],
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    let port = listener.local_addr().map_err(ServeError)?.port();
    let app = App::new(config, port, backend, source, shutdown.clone());
    tracing::info!(port, "serving the pages");
    let server = axum::serve(listener, app.router())
        .with_graceful_shutdown(shutdown.clone().cancelled_owned());
    tokio::select! {
        ended = async { server.await } => ended.map_err(ServeError),
        () = past_grace(&shutdown) => {
            tracing::warn!("closed connections that did not end by themselves");
            Ok(())
        }
    }
}

async fn past_grace(shutdown: &CancellationToken) {
    shutdown.cancelled().await;
    tokio::time::sleep(GRACE).await;
}
