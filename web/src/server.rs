//! The listener and its life.

use std::{io, net::SocketAddr, sync::Arc};

use sysmaint_service::{
    http_server::{HttpServer, Limits, ListenError, Listener, TlsError},
    metrics::Metrics,
};
use tokio_util::sync::CancellationToken;

use crate::{
    Backend, Config, Exposure,
    app::App,
    login::{Login, LoginMode},
    names::Names,
};

/// Why there is no listener.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Others could reach the pages, and there is no password.
    #[error("{0}: {advice}", advice = .0.advice())]
    NeedsLogin(Exposure),
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
    if let Some(exposure) = config.lacks_password() {
        return Err(BindError::NeedsLogin(exposure));
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
    let secure = listener.is_secure();
    let names = Names::new(&config, port, secure);
    let login = Login::new(&config, secure, &metrics).await;
    tracing::info!(port, tls = secure, login = login.is_required(), "serving the pages");
    warn(&config, secure);
    let server = HttpServer::new("web", listener, Limits::default(), &metrics);
    let app = App::new(config, login, names, backend, metrics, source, shutdown.clone());
    server.serve(app.router(), shutdown).await;
    Ok(())
}

/// Says loudly what others can do, where they can do more than they should.
fn warn(config: &Config, secure: bool) {
    let Some(exposure) = config.exposure() else { return };
    if config.login.mode == LoginMode::Off {
        tracing::warn!(
            "WEB_LOGIN=off with {exposure}: whoever can open a connection to the pages reads \
             everything and writes as {} and {}, without any password",
            config.alice,
            config.bob,
        );
    }
    if !secure && matches!(exposure, Exposure::Bind(_)) {
        tracing::warn!(
            "{exposure} without TLS: anybody on the way can read and change the pages, and take \
             the password; set WEB_TLS_CERT_FILE and WEB_TLS_KEY_FILE, or put a proxy with HTTPS \
             in front"
        );
    }
}
