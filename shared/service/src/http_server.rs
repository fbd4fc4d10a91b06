//! How HTTP is served: a router behind a listener that bounds what clients may take.
//!
//! hyper reads and writes; what stands around it is here: TLS, places for connections in all and
//! for each peer, patience with slow clients, request ids, numbers, and an end that lets open
//! requests finish. A WebSocket that a handler makes keeps its place until it is closed.

mod bearer;
mod connection;
mod gate;
mod limits;
mod peer;
mod refusal;
mod requests;
mod stats;
mod tls;
mod transport;
mod wire;

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use axum::Router;
use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinError, JoinSet},
};
use tokio_util::sync::CancellationToken;

pub use self::{
    bearer::{bearer, is_equal, is_token},
    limits::Limits,
    peer::Peer,
    tls::{TlsError, TlsFiles},
};
use self::{
    connection::Serving,
    gate::{Full, Gate},
    refusal::Refusals,
    requests::Requests,
    stats::{Outcome, Stats},
    tls::Tls,
};
use crate::metrics::Metrics;

/// After the system could not hand over a connection. What it lacks, such as a free file
/// descriptor, comes back when other connections end.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How often this is said.
const COMPLAIN_EVERY: Duration = Duration::from_mins(1);

/// What is cut may take this long to be gone.
const CUT_TIME: Duration = Duration::from_secs(1);

/// Why there is no listener.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Bind {
        /// What was asked for.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Certificate or key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// A port that is taken, with the certificate to show there.
#[derive(Debug)]
pub struct Listener {
    tcp: TcpListener,
    tls: Option<Arc<Tls>>,
}

impl Listener {
    /// Takes a port, and reads certificate and key if there are any.
    pub async fn bind(address: SocketAddr, tls: Option<&TlsFiles>) -> Result<Self, ListenError> {
        let tls = match tls {
            Some(files) => Some(Arc::new(Tls::load(files.clone()).await?)),
            None => None,
        };
        let bound = TcpListener::bind(address).await;
        let tcp = bound.map_err(|source| ListenError::Bind { address, source })?;
        Ok(Self { tcp, tls })
    }

    /// The address, with the port that was really taken.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// Whether it speaks TLS.
    pub const fn is_secure(&self) -> bool {
        self.tls.is_some()
    }

    /// How a URL to it begins on this machine: `http://` or `https://` and the address, or
    /// loopback's where it listens on all.
    pub fn url(&self) -> io::Result<String> {
        let scheme = if self.is_secure() { "https" } else { "http" };
        let mut address = self.local_addr()?;
        match address.ip() {
            IpAddr::V4(Ipv4Addr::UNSPECIFIED) => address.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(Ipv6Addr::UNSPECIFIED) => address.set_ip(Ipv6Addr::LOCALHOST.into()),
            _ => {}
        }
        Ok(format!("{scheme}://{address}"))
    }
}

/// Serves one router on one listener.
#[derive(Debug)]
pub struct HttpServer {
    name: &'static str,
    listener: Listener,
    connections: Connections,
    requests: Arc<Requests>,
}

/// A listener's connections as numbers, for whoever reports on them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Connections {
    limits: Limits,
    gate: Arc<Gate>,
    stats: Arc<Stats>,
}

impl HttpServer {
    /// A server that is called `name` in logs and metrics.
    pub fn new(name: &'static str, listener: Listener, limits: Limits, metrics: &Metrics) -> Self {
        let (gate, stats) = (Arc::new(Gate::new(&limits)), Arc::new(Stats::default()));
        let connections = Connections { limits, gate, stats };
        connections.register(name, metrics);
        Self { name, listener, connections, requests: Arc::new(Requests::new(name, metrics)) }
    }

    /// What becomes of its connections.
    pub fn connections(&self) -> Connections {
        self.connections.clone()
    }

    /// Serves until `shutdown`; then takes no more connections, lets requests finish for as long
    /// as the limits say, and cuts what is left.
    pub async fn serve(self, router: Router, shutdown: CancellationToken) {
        let Self { name, listener, connections, requests } = self;
        let Listener { tcp, tls } = listener;
        let summaries = requests::summarise(&requests, &connections);
        let serving = Arc::new(Serving {
            router: requests::observed(router, Arc::clone(&requests)),
            limits: connections.limits.clone(),
            stats: Arc::clone(&connections.stats),
            tls: tls.clone(),
            stop: CancellationToken::new(),
            cut: CancellationToken::new(),
        });
        let fresh = async {
            match &tls {
                Some(tls) => tls.keep_fresh().await,
                None => std::future::pending().await,
            }
        };
        let mut beside = std::pin::pin!(async { tokio::join!(fresh, summaries) });
        let refusals = Refusals::new();
        let mut tasks = JoinSet::new();
        let mut complained = None;
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                Some(ended) = tasks.join_next() => note_panic(ended),
                accepted = tcp.accept() => match accepted {
                    Ok((stream, peer)) => {
                        admit(&serving, &connections.gate, &refusals, &mut tasks, stream, peer);
                    }
                    Err(error) => pause(&serving.stats, &error, &mut complained).await,
                },
                _ = beside.as_mut() => {}
            }
        }
        drop(tcp);
        drain(name, &serving, &connections.gate, tasks).await;
    }
}

impl Connections {
    /// How many are open, sockets included.
    pub fn open(&self) -> usize {
        self.gate.open()
    }

    /// How many of them are sockets.
    pub fn sockets(&self) -> usize {
        self.stats.sockets()
    }

    /// What has become of connections since the start, by name.
    pub fn events(&self) -> BTreeMap<&'static str, u64> {
        self.stats.outcomes()
    }

    /// How many there may be, in all and from one peer.
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    fn register(&self, name: &'static str, metrics: &Metrics) {
        let all = self.clone();
        metrics.gauge("sysmaint_http_connections", "connections open now", move |observe| {
            observe(number(all.open()), &[("service", name)]);
        });
        let all = self.clone();
        metrics.gauge("sysmaint_http_sockets", "WebSockets open now", move |observe| {
            observe(number(all.sockets()), &[("service", name)]);
        });
        let all = self.clone();
        metrics.counter(
            "sysmaint_http_connection_events",
            "what became of connections: accepted, refused, ended early",
            move |observe| {
                for (event, count) in all.events() {
                    observe(count, &[("service", name), ("event", event)]);
                }
            },
        );
    }
}

fn admit(
    serving: &Arc<Serving>,
    gate: &Arc<Gate>,
    refusals: &Refusals,
    tasks: &mut JoinSet<()>,
    stream: TcpStream,
    peer: SocketAddr,
) {
    let outcome = match gate.admit(peer.ip()) {
        Ok(place) => {
            serving.stats.count(Outcome::Accepted);
            tasks.spawn(connection::serve(Arc::clone(serving), stream, peer, place));
            return;
        }
        Err(Full::All) => Outcome::RefusedFull,
        Err(Full::Peer) => Outcome::RefusedPeer,
    };
    serving.stats.count(outcome);
    // Inside TLS, words would cost a handshake.
    if serving.tls.is_none()
        && let Some(refusal) = refusals.answer(stream)
    {
        tasks.spawn(refusal);
    }
}

async fn pause(stats: &Stats, error: &io::Error, complained: &mut Option<Instant>) {
    let of_the_client = matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    );
    if of_the_client {
        return;
    }
    stats.count(Outcome::AcceptFailed);
    if complained.is_none_or(|at| at.elapsed() >= COMPLAIN_EVERY) {
        tracing::warn!(%error, "connections cannot be accepted; trying again");
        *complained = Some(Instant::now());
    }
    tokio::time::sleep(ACCEPT_PAUSE).await;
}

async fn drain(name: &str, serving: &Serving, gate: &Gate, mut tasks: JoinSet<()>) {
    let open = gate.open();
    serving.stop.cancel();
    let ended = async {
        while let Some(ended) = tasks.join_next().await {
            note_panic(ended);
        }
        gate.emptied().await;
    };
    if tokio::time::timeout(serving.limits.grace, ended).await.is_ok() {
        tracing::info!(service = name, open, "all connections have ended");
        return;
    }
    let cut = gate.open();
    serving.stats.count_many(Outcome::Cut, cut);
    serving.cut.cancel();
    tasks.shutdown().await;
    // Sockets belong to their handlers, which end when their bytes do.
    let _gone = tokio::time::timeout(CUT_TIME, gate.emptied()).await;
    tracing::warn!(service = name, open, cut, "cut connections that did not end by themselves");
}

fn note_panic(ended: Result<(), JoinError>) {
    // The panic's text stays out of the log: it may quote what a handler held.
    if ended.is_err_and(|error| error.is_panic()) {
        tracing::error!("a connection's task panicked");
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn number(count: usize) -> f64 {
    count as f64
}
