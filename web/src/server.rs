//! The listener and its life.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use sysmaint_service::{
    http_server::{HttpServer, Limits, ListenError, Listener, TlsError},
    metrics::Metrics,
};
use tokio_util::sync::CancellationToken;

use crate::{Backend, Config, app::App, guard::Names};

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
    /// Certificate or key cannot be used.
    #[error("WEB_TLS_CERT_FILE and WEB_TLS_KEY_FILE cannot be used")]
    Tls(#[source] TlsError),
}

/// Why serving could not begin.
#[derive(Debug, thiserror::Error)]
#[error("the web server's listener failed")]
pub struct ServeError(#[source] io::Error);

/// Opens the listener.
pub async fn bind(config: &Config) -> Result<Listener, BindError> {
    if !config.bind.is_loopback() {
        return Err(BindError::NeedsLogin { bind: config.bind });
    }
    let address = SocketAddr::new(config.bind, config.port);
    let listener = Listener::bind(address, config.tls.as_ref()).await;
    listener.map_err(|error| match error {
        ListenError::Tls(error) => BindError::Tls(error),
        ListenError::Bind { source, .. } => match source.kind() {
            io::ErrorKind::AddrInUse => BindError::PortTaken { port: config.port },
            _ => BindError::Refused { address, source },
        },
    })
}

/// Serves the pages until `shutdown`, then ends the streams and lets open requests finish.
/// `source` is the gzipped archive of the complete source, offered at `/source`.
pub async fn serve(
    listener: Listener,
    config: Config,
    backend: Arc<dyn Backend>,
    metrics: Metrics,
    source: &'static [u8],
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    let port = listener.local_addr().map_err(ServeError)?.port();
    let names = Names::loopback(port, listener.is_secure());
    tracing::info!(port, tls = listener.is_secure(), "serving the pages");
    let server = HttpServer::new("web", listener, Limits::default(), &metrics);
    let app = App::new(config, names, backend, metrics, source, shutdown.clone());
    server.serve(app.router(), shutdown).await;
    Ok(())
}
