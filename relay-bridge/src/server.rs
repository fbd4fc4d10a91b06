//! The life of one bridge: listen, prepare the broker, serve both faces, drain.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use sysmaint_bus::{
    Bus, Callout, Logins, NatsMailbox, RegistryError, ServeError, StreamTable, StreamsError,
};
use sysmaint_device::authority::Authority;
use sysmaint_service::{
    http_server::{HttpServer, ListenError, Listener, TlsError},
    metrics::Metrics,
};
use sysmaint_store::audit::AuditWriteError;
use tokio_util::sync::CancellationToken;

use crate::{
    Audit, Config,
    counters::Counters,
    delivery::Post,
    directory::RelayDirectory,
    http::{App, Reach},
    limits::Limits,
    metrics,
    socket::Sockets,
};

/// Why there is no listener.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Something else listens there.
    #[error("port {port} is taken by another process: stop it, or set RELAY_PORT to a free port")]
    PortTaken {
        /// What was asked for.
        port: u16,
    },
    /// The address is not one of this machine's.
    #[error("{bind} is no address of this machine: set RELAY_BIND to one, such as 127.0.0.1")]
    NoSuchAddress {
        /// What was asked for.
        bind: IpAddr,
    },
    /// The system refused.
    #[error("cannot listen on {address}: check RELAY_BIND and RELAY_PORT")]
    Refused {
        /// What was asked for.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Certificate or key cannot be used.
    #[error("RELAY_TLS_CERT_FILE and RELAY_TLS_KEY_FILE cannot be used")]
    Tls(#[source] TlsError),
}

/// Why a bridge ended before it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The audit cannot be begun.
    #[error("the relay cannot write its audit")]
    Audit(#[source] AuditWriteError),
    /// The operator cannot be answered any more.
    #[error("the operator cannot be answered over nats")]
    Administration(#[source] ServeError),
    /// Nobody can be let in to NATS any more.
    #[error("logins cannot be answered over nats")]
    Callout(#[source] ServeError),
    /// The NATS side ended.
    #[error("the directory cannot be served over nats")]
    Directory(#[source] ServeError),
    /// The HTTP side has no port.
    #[error("the relay's listener failed")]
    Http(#[source] io::Error),
    /// The registry cannot be opened.
    #[error("the relay's registry cannot be opened")]
    Registry(#[source] RegistryError),
    /// Two settings contradict each other.
    #[error(
        "the relay is set to {config} mailbox streams and its connection to {bus}: use one number"
    )]
    Shards {
        /// The relay's own setting.
        config: u32,
        /// The connection's.
        bus: u32,
    },
    /// The broker has not what the relay needs.
    #[error("the relay's streams cannot be prepared")]
    Streams(#[source] StreamsError),
}

/// Opens the listener.
pub async fn bind(config: &Config) -> Result<Listener, BindError> {
    let address = SocketAddr::new(config.bind, config.port);
    let listener = Listener::bind(address, config.tls.as_ref()).await;
    listener.map_err(|error| match error {
        ListenError::Tls(error) => BindError::Tls(error),
        ListenError::Bind { source, .. } => match source.kind() {
            io::ErrorKind::AddrInUse => BindError::PortTaken { port: config.port },
            io::ErrorKind::AddrNotAvailable => BindError::NoSuchAddress { bind: config.bind },
            _ => BindError::Refused { address, source },
        },
    })
}

/// What a bridge is made of.
#[derive(Debug)]
pub struct Parts {
    /// Where this bridge writes down what it does; every bridge has its own.
    pub audit: Audit,
    /// Signs sender certificates; the same for every bridge of a deployment.
    pub authority: Arc<Authority>,
    /// The connection to the broker.
    pub bus: Bus,
    /// Lets devices log in to NATS that registered at run time; absent where the broker's
    /// configuration names nobody who may.
    pub callout: Option<Callout>,
    /// A connection as [`Role::Kick`](sysmaint_bus::Role::Kick), by which revoked devices are
    /// disconnected at once; without it they stay until their login runs out.
    pub kick: Option<Bus>,
    /// From [`bind`].
    pub listener: Listener,
    /// Where the bridge's numbers go.
    pub metrics: Metrics,
    /// The gzipped archive of the complete source, offered at `/source`.
    pub source: &'static [u8],
}

/// Serves the directory over NATS and everything over HTTP until `shutdown`.
///
/// Creates or updates the streams first. When one side fails, the other is stopped in order.
pub async fn run(
    config: Config,
    parts: Parts,
    shutdown: CancellationToken,
) -> Result<(), RunError> {
    let Parts { audit, authority, bus, callout, kick, listener, metrics, source } = parts;
    check_shards(&config, &bus)?;
    let streams = StreamTable {
        shards: config.shards,
        replicas: config.replicas,
        ..StreamTable::single_server()
    };
    Box::pin(bus.ensure_streams(&streams)).await.map_err(RunError::Streams)?;
    let counters = Arc::new(Counters::default());
    let (requires_code, retention) = (config.requires_code(), config.audit_retention);
    let limits = Limits::new(&config.limits, Arc::clone(&counters));
    let opened = Box::pin(RelayDirectory::open(
        &bus,
        authority,
        audit.clone(),
        Arc::clone(&counters),
        limits.clone(),
        requires_code,
    ));
    let directory = opened.await.map_err(RunError::Registry)?.with_kick(kick);
    audit.begin().await.map_err(RunError::Audit)?;
    let stop = shutdown.child_token();
    let post = Post::new(
        directory.clone(),
        Arc::new(NatsMailbox::new(bus.clone())),
        Arc::clone(&counters),
    );
    let sockets = Arc::new(Sockets::new(
        bus.clone(),
        directory.clone(),
        post.clone(),
        Arc::clone(&counters),
        config.sockets,
    ));
    metrics::register(&metrics, &counters, &bus);
    let (address, tls) = (listener.local_addr().map_err(RunError::Http)?, listener.is_secure());
    let server = HttpServer::new("relay", listener, config.http.clone(), &metrics);
    let app = App::from(Reach {
        post,
        bus: bus.clone(),
        connections: server.connections(),
        config: Arc::new(config),
        counters,
        directory: directory.clone(),
        limits,
        metrics,
        shutdown: stop.clone(),
        sockets: Arc::clone(&sockets),
        source,
    });
    // All are large and live as long as the bridge: they belong on the heap, not in the caller.
    let operator = Box::pin(bus.serve_administration(Arc::new(directory.clone()), stop.clone()));
    let logins = Box::pin(let_in(callout, directory.logins(), &stop));
    let known = directory.clone();
    let kept_right = Box::pin(known.keep_right(&stop));
    let over_nats =
        Box::pin(bus.serve_directory(Arc::new(directory), env!("CARGO_PKG_VERSION"), stop.clone()));
    let over_http = Box::pin(server.serve(app.router(), stop.clone()));
    let connections = Box::pin(sockets.run(&stop));
    let kept = Box::pin(audit.keep(&bus, retention, &stop));
    tracing::info!(port = address.port(), tls, "serving the relay");
    let (over_nats, (), operator, logins, (), (), ()) = tokio::join!(
        async { ended(&stop, over_nats.await.map_err(RunError::Directory)) },
        async {
            over_http.await;
            stop.cancel();
        },
        async { ended(&stop, operator.await.map_err(RunError::Administration)) },
        async { ended(&stop, logins.await.map_err(RunError::Callout)) },
        connections,
        kept,
        kept_right,
    );
    Box::pin(audit.end(&bus)).await;
    over_nats.and(operator).and(logins)
}

/// Answers the broker's questions about logins, if it asks this relay any.
async fn let_in(
    callout: Option<Callout>,
    logins: Arc<dyn Logins>,
    stop: &CancellationToken,
) -> Result<(), ServeError> {
    let Some(callout) = callout else {
        stop.cancelled().await;
        return Ok(());
    };
    callout.serve(logins, stop.clone()).await
}

/// Envelopes would go to streams that nobody created.
fn check_shards(config: &Config, bus: &Bus) -> Result<(), RunError> {
    let (config, bus) = (config.shards, bus.shards());
    if config == bus { Ok(()) } else { Err(RunError::Shards { config, bus }) }
}

/// One side without the other is no relay.
fn ended(stop: &CancellationToken, result: Result<(), RunError>) -> Result<(), RunError> {
    stop.cancel();
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_taken_port_is_said_with_the_variable_that_changes_it() {
        let free = Config { port: 0, ..Config::default() };
        let listener = bind(&free).await.unwrap();
        let taken = Config { port: listener.local_addr().unwrap().port(), ..free };
        let text = bind(&taken).await.unwrap_err().to_string();
        assert!(text.contains(&taken.port.to_string()) && text.contains("RELAY_PORT"), "{text}");
    }

    #[tokio::test]
    async fn an_address_of_another_machine_is_said_with_its_variable() {
        let foreign = Config { port: 0, bind: "192.0.2.1".parse().unwrap(), ..Config::default() };
        let text = bind(&foreign).await.unwrap_err().to_string();
        assert!(text.contains("192.0.2.1") && text.contains("RELAY_BIND"), "{text}");
    }
}
