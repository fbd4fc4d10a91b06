//! A server with a few routes, and clients that speak byte by byte.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Once,
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::{ConnectInfo, Path, WebSocketUpgrade},
    response::Response,
    routing::get,
};
use sysmaint_service::{
    http_server::{Connections, HttpServer, Limits, Listener, TlsFiles},
    metrics::Metrics,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) struct Stage {
    pub(crate) address: SocketAddr,
    pub(crate) connections: Connections,
    pub(crate) metrics: Metrics,
    pub(crate) shutdown: CancellationToken,
    running: JoinHandle<()>,
}

impl Stage {
    pub(crate) async fn new(limits: Limits) -> Self {
        Self::with(limits, None).await
    }

    pub(crate) async fn with(limits: Limits, tls: Option<&TlsFiles>) -> Self {
        let listener = Listener::bind((Ipv4Addr::LOCALHOST, 0).into(), tls).await.unwrap();
        let address = listener.local_addr().unwrap();
        let metrics = Metrics::start("1.2.3", None).unwrap();
        let server = HttpServer::new("stage", listener, limits, &metrics);
        let (connections, shutdown) = (server.connections(), CancellationToken::new());
        let running = tokio::spawn(server.serve(router(), shutdown.clone()));
        Self { address, connections, metrics, shutdown, running }
    }

    pub(crate) async fn connect(&self) -> Client {
        Client(TcpStream::connect(self.address).await.unwrap())
    }

    pub(crate) fn event(&self, name: &str) -> u64 {
        self.connections.events()[name]
    }

    /// Waits for a number of events.
    pub(crate) async fn events(&self, name: &str, count: u64) {
        eventually(name, || self.event(name) >= count).await;
    }

    /// Ends the server, and waits for its end.
    pub(crate) async fn end(self) {
        self.shutdown.cancel();
        tokio::time::timeout(PATIENCE, self.running).await.unwrap().unwrap();
    }
}

fn router() -> Router {
    Router::new()
        .route("/", get(async || "here"))
        .route("/peer", get(async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.to_string()))
        .route("/of/{handle}", get(async |Path(handle): Path<String>| format!("{}", handle.len())))
        .route("/slow", get(slow))
        .route("/never", get(async || std::future::pending::<&str>().await))
        .route("/large", get(async || vec![b'x'; 64 * 1024 * 1024]))
        .route("/ws", get(echo))
}

async fn slow() -> &'static str {
    tokio::time::sleep(Duration::from_millis(700)).await;
    "at last"
}

async fn echo(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async |mut socket| {
        while let Some(Ok(message)) = socket.recv().await {
            if socket.send(message).await.is_err() {
                break;
            }
        }
    })
}

/// A connection under a test's control.
pub(crate) struct Client(pub(crate) TcpStream);

impl Client {
    pub(crate) async fn say(&mut self, bytes: &str) {
        self.0.write_all(bytes.as_bytes()).await.unwrap();
    }

    /// Asks, and reads an answer with a Content-Length.
    pub(crate) async fn get(&mut self, path: &str) -> String {
        self.say(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await;
        self.answer().await
    }

    /// Reads one answer with a Content-Length.
    pub(crate) async fn answer(&mut self) -> String {
        let reading = async {
            let mut text = String::new();
            loop {
                let mut byte = [0; 1];
                self.0.read_exact(&mut byte).await.unwrap();
                text.push(char::from(byte[0]));
                if let Some((head, body)) = text.split_once("\r\n\r\n") {
                    let length = head.lines().find_map(|line| {
                        line.to_lowercase().strip_prefix("content-length: ")?.parse().ok()
                    });
                    if body.len() >= length.unwrap_or(0_usize) {
                        return text;
                    }
                }
            }
        };
        tokio::time::timeout(PATIENCE, reading).await.unwrap()
    }

    /// Reads to the end; a connection that is reset has ended too.
    pub(crate) async fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        let reading = self.0.read_to_end(&mut bytes);
        let _reset = tokio::time::timeout(PATIENCE, reading).await.unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// Asks again and again until it is true.
pub(crate) async fn eventually(what: &str, ask: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !ask() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// An HTTP client needs a provider of cryptography, even without TLS.
pub(crate) fn install_provider() {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        let _installed_by_another = rustls::crypto::ring::default_provider().install_default();
    });
}
