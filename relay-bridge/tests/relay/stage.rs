//! One server, one bridge, and questions to it.

use std::{
    num::NonZeroU32,
    path::Path,
    sync::{Arc, Once},
    time::{Duration, Instant},
};

use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde::Serialize;
use serde_json::Value;
use sysmaint_bus::{
    Bus, BusConfig, Credentials, NatsServer, NatsServerConfig, Role,
    conf::{Durability, NatsUser},
};
use sysmaint_device::authority::Authority;
use sysmaint_protocol::{DeviceId, subject::Mailbox};
use sysmaint_relay_bridge::{Config, LimitSettings, Parts, RunError, bind, run};
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(20);
pub const SOURCE: &[u8] = b"\x1f\x8bthe source";

pub struct Stage {
    pub authority: Arc<Authority>,
    pub bus: Bus,
    pub config: Config,
    pub shutdown: CancellationToken,
    pub url: String,
    client: Client,
    relay: Option<JoinHandle<Result<(), RunError>>>,
    server: Option<NatsServer>,
    directory: TempDir,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub bytes: Vec<u8>,
}

impl Stage {
    pub async fn new() -> Self {
        Self::with(Config { port: 0, ..Config::default() }).await
    }

    /// For tests that ask more often than anybody may.
    pub async fn unlimited() -> Self {
        let most = NonZeroU32::new(LimitSettings::MAX).unwrap();
        let limits = LimitSettings {
            message_burst: most,
            messages_per_s: most,
            prekey_fetches: most,
            registrations: most,
            requests_per_s: most,
        };
        Self::with(Config { port: 0, limits, ..Config::default() }).await
    }

    pub async fn with(config: Config) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let server = NatsServer::start(server_config(directory.path())).await.unwrap();
        let bus = connect(&server, directory.path(), "relay").await;
        let authority = Arc::new(Authority::generate(&mut rand::rng()).unwrap());
        let shutdown = CancellationToken::new();
        let listener = bind(&config).await.unwrap();
        let url = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
        let running = run(config.clone(), parts(listener, &bus, &authority), shutdown.clone());
        let stage = Self {
            authority,
            bus,
            config,
            shutdown,
            url,
            client: client(),
            relay: Some(tokio::spawn(running)),
            server: Some(server),
            directory,
        };
        // The listener takes connections before anything answers; the first answer ends the wait.
        assert_eq!(stage.get("/readyz", None).await.status, 200);
        stage
    }

    /// Another connection to the same server.
    pub async fn bus_of(&self, user: &str) -> Bus {
        connect(self.server.as_ref().unwrap(), self.directory.path(), user).await
    }

    pub async fn get(&self, path: &str, token: Option<&str>) -> Answer {
        answer(self.request(Method::GET, path, token)).await
    }

    pub async fn post(&self, path: &str, token: Option<&str>, body: &impl Serialize) -> Answer {
        answer(self.request(Method::POST, path, token).json(body)).await
    }

    pub fn request(&self, method: Method, path: &str, token: Option<&str>) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.url));
        match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// What was refused so far, by name.
    pub async fn rejects(&self, name: &str) -> u64 {
        let report = self.get("/diagnostics", None).await.json();
        report["rejects"][name].as_u64().unwrap()
    }

    /// How many envelopes wait for somebody.
    pub async fn depth(&self, mailbox: &Mailbox) -> u64 {
        self.bus.mailbox_depth(mailbox).await.unwrap()
    }

    /// Restarts the server; connections are lost and made again.
    pub fn restart_server(&self) {
        self.server.as_ref().unwrap().restart();
    }

    /// Where the server listens.
    pub fn server_url(&self) -> String {
        self.server.as_ref().unwrap().url()
    }

    /// A connection by another way to the server.
    pub async fn bus_by_way_of(&self, url: &str) -> Bus {
        let credentials = credentials(self.directory.path(), "relay");
        let config = BusConfig::new(url, Some(credentials), "sysmaint-test");
        Bus::connect(config, &CancellationToken::new()).await.unwrap()
    }

    pub async fn stop_server(&mut self) {
        self.server.take().unwrap().stop().await;
    }

    /// Ends everything, and checks that it ended well.
    pub async fn end(mut self) {
        self.shutdown.cancel();
        let relay = self.relay.take().unwrap();
        tokio::time::timeout(PATIENCE, relay).await.unwrap().unwrap().unwrap();
        self.bus.close().await;
        if let Some(server) = self.server.take() {
            server.stop().await;
        }
    }
}

impl Drop for Stage {
    /// After a failed test: a server is left running by whoever drops it.
    fn drop(&mut self) {
        if let Some(server) = &self.server {
            let pid = server.pid().to_string();
            let _gone_already = std::process::Command::new("kill").args(["-KILL", &pid]).status();
        }
    }
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes)
            .unwrap_or_else(|error| panic!("{error}: {:?}", String::from_utf8_lossy(&self.bytes)))
    }

    pub fn into<T: serde::de::DeserializeOwned>(self, status: u16) -> T {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.bytes));
        serde_json::from_slice(&self.bytes).unwrap()
    }

    /// That it is a problem of this kind, complete as RFC 9457 has it; returns it.
    #[track_caller]
    pub fn problem(&self, status: u16, slug: &str) -> Value {
        let problem = self.json();
        assert_eq!(self.status, status, "{problem}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(problem["type"], format!("urn:sysmaint:{slug}"), "{problem}");
        assert_eq!(problem["status"], status);
        for member in ["title", "detail"] {
            assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{problem}");
        }
        problem
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub fn parts(listener: TcpListener, bus: &Bus, authority: &Arc<Authority>) -> Parts {
    Parts { authority: Arc::clone(authority), bus: bus.clone(), listener, source: SOURCE }
}

pub async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    Answer { status, headers, bytes: response.bytes().await.unwrap().to_vec() }
}

pub fn mailbox(handle: &str) -> Mailbox {
    Mailbox::new(handle.parse().unwrap(), DeviceId::FIRST)
}

/// Asks again and again until it is true.
pub async fn eventually(what: &str, mut ask: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !ask().await {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn client() -> Client {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        let _installed_by_another = rustls::crypto::ring::default_provider().install_default();
    });
    Client::builder().no_proxy().timeout(PATIENCE).build().unwrap()
}

async fn connect(server: &NatsServer, directory: &Path, user: &str) -> Bus {
    let credentials = credentials(directory, user);
    let config = BusConfig::new(&server.url(), Some(credentials), "sysmaint-test");
    Bus::connect(config, &CancellationToken::new()).await.unwrap()
}

fn server_config(directory: &Path) -> NatsServerConfig {
    let user = |name: &str, role| NatsUser::new(name, &credentials(directory, name), role);
    let users =
        vec![user("relay", Role::Relay), user("alice", Role::Service(vec![mailbox("alice")]))];
    NatsServerConfig {
        // The disk's speed is not what is tested.
        durability: Durability::Process,
        max_file_bytes: 1024 * 1024 * 1024,
        ..NatsServerConfig::new(directory.to_owned(), 0, users)
    }
}

fn credentials(directory: &Path, user: &str) -> Credentials {
    let path = directory.join(format!("{user}.nk"));
    if !path.exists() {
        Credentials::generate().unwrap().write_new(&path).unwrap();
    }
    Credentials::read(&path).unwrap()
}
