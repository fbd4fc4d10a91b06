//! The life of one bridge: listen, prepare the broker, serve both faces, drain.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::serve::ListenerExt as _;
use sysmaint_bus::{Bus, NatsMailbox, RegistryError, ServeError, StreamTable, StreamsError};
use sysmaint_device::authority::Authority;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    Config,
    counters::Counters,
    delivery::Post,
    directory::RelayDirectory,
    http::{App, Reach},
    limits::Limits,
};

/// How long open requests may go on after the shutdown was asked for.
const GRACE: Duration = Duration::from_secs(5);

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
}

/// Why a bridge ended before it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The NATS side ended.
    #[error("the directory cannot be served over nats")]
    Directory(#[source] ServeError),
    /// The HTTP side ended.
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
pub async fn bind(config: &Config) -> Result<TcpListener, BindError> {
    let address = SocketAddr::new(config.bind, config.port);
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => BindError::PortTaken { port: config.port },
        io::ErrorKind::AddrNotAvailable => BindError::NoSuchAddress { bind: config.bind },
        _ => BindError::Refused { address, source },
    })
}

/// What a bridge is made of.
#[derive(Debug)]
pub struct Parts {
    /// Signs sender certificates; the same for every bridge of a deployment.
    pub authority: Arc<Authority>,
    /// The connection to the broker.
    pub bus: Bus,
    /// From [`bind`].
    pub listener: TcpListener,
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
    let Parts { authority, bus, listener, source } = parts;
    check_shards(&config, &bus)?;
    let streams = StreamTable {
        shards: config.shards,
        replicas: config.replicas,
        ..StreamTable::single_server()
    };
    bus.ensure_streams(&streams).await.map_err(RunError::Streams)?;
    let counters = Arc::new(Counters::default());
    let limits = Limits::new(&config.limits, Arc::clone(&counters));
    let directory = RelayDirectory::open(
        &bus,
        authority,
        Arc::clone(&counters),
        limits.clone(),
        config.requires_code(),
    )
    .await
    .map_err(RunError::Registry)?;
    let stop = shutdown.child_token();
    let app = App::from(Reach {
        post: Post::new(
            directory.clone(),
            Arc::new(NatsMailbox::new(bus.clone())),
            Arc::clone(&counters),
        ),
        bus: bus.clone(),
        config: Arc::new(config),
        counters,
        directory: directory.clone(),
        limits,
        shutdown: stop.clone(),
        source,
    });
    let known = directory.clone();
    let over_nats =
        bus.serve_directory(Arc::new(directory), env!("CARGO_PKG_VERSION"), stop.clone());
    let over_nats = async { ended(&stop, over_nats.await.map_err(RunError::Directory)) };
    let over_http = serve(listener, app, &stop);
    let over_http = async { ended(&stop, over_http.await.map_err(RunError::Http)) };
    // They are large and live as long as the bridge: they belong on the heap, not in the caller.
    let (over_nats, over_http, ()) =
        tokio::join!(Box::pin(over_nats), Box::pin(over_http), Box::pin(known.keep_right(&stop)));
    over_nats.and(over_http)
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

async fn serve(listener: TcpListener, app: App, stop: &CancellationToken) -> io::Result<()> {
    let port = listener.local_addr()?.port();
    tracing::info!(port, "serving the relay");
    let service = app.router().into_make_service_with_connect_info::<SocketAddr>();
    let listener = listener.tap_io(|connection| {
        // Answers are small; waiting to fill a packet only delays them.
        if let Err(error) = connection.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
    });
    let server =
        axum::serve(listener, service).with_graceful_shutdown(stop.clone().cancelled_owned());
    tokio::select! {
        ended = async { server.await } => ended,
        () = past_grace(stop) => {
            tracing::warn!("closed connections that did not end by themselves");
            Ok(())
        }
    }
}

async fn past_grace(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(GRACE).await;
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
