//! One server, one bridge, and questions to it.

use std::{
    num::NonZeroU32,
    path::{Path, PathBuf},
    sync::{Arc, Once},
    time::{Duration, Instant},
};

use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde::Serialize;
use serde_json::Value;
use sysmaint_bus::{
    Bus, BusConfig, Callout, Credentials, Issuer, Mailbox as _, NatsMailbox, NatsServer,
    NatsServerConfig, Role,
    conf::{Durability, NatsUser},
};
use sysmaint_device::{Sealed, authority::Authority};
use sysmaint_protocol::{DeviceId, Envelope, TransferId, subject::Mailbox};
use sysmaint_relay_bridge::{Audit, Config, LimitSettings, Parts, RunError, bind, run};
use sysmaint_service::{http_server::Listener, metrics::Metrics};
use sysmaint_store::{
    Passphrase,
    audit::{AuditFile, AuditLog},
};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::described;

pub const PATIENCE: Duration = Duration::from_mins(1);
/// The stage's own bridge's audit.
pub const AUDIT: &str = "relay.db";
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
        Self::with_logins_for(config, Callout::LIFE).await
    }

    /// With logins that the server asks about again after this long.
    pub async fn with_logins_for(config: Config, life: Duration) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let server = NatsServer::start(server_config(directory.path())).await.unwrap();
        let bus = connect(&server, directory.path(), "relay").await;
        let authority = Arc::new(Authority::generate(&mut rand::rng()).unwrap());
        let shutdown = CancellationToken::new();
        let listener = bind(&config).await.unwrap();
        let url = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
        let audit = open_audit(&directory.path().join(AUDIT));
        let callout = connect(&server, directory.path(), "callout").await;
        let parts = Parts {
            callout: Some(Callout { life, ..Callout::new(callout, issuer(directory.path())) }),
            kick: Some(connect(&server, directory.path(), "kick").await),
            ..parts(listener, &bus, &authority, audit)
        };
        let running = run(config.clone(), parts, shutdown.clone());
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

    /// Where NATS listens.
    pub fn nats_url(&self) -> String {
        self.server.as_ref().unwrap().url()
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

    /// Stores an envelope for somebody without asking the relay.
    pub async fn put(&self, mailbox: &Mailbox, envelope: Vec<u8>) -> TransferId {
        let id = TransferId::from_bytes(rand::random());
        let envelope = Envelope::parse(envelope).unwrap();
        let sealed = Sealed::restored(mailbox.clone(), 1, id, envelope);
        NatsMailbox::new(self.bus.clone()).publish(&sealed).await.unwrap();
        id
    }

    /// It is started again by itself.
    pub fn kill_server(&self) {
        let pid = self.server.as_ref().unwrap().pid().to_string();
        std::process::Command::new("kill").args(["-9", &pid]).status().unwrap();
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

    /// Ends the bridge, and checks that it ended well. The server goes on.
    pub async fn stop_relay(&mut self) {
        self.shutdown.cancel();
        let relay = self.relay.take().unwrap();
        tokio::time::timeout(PATIENCE, relay).await.unwrap().unwrap().unwrap();
    }

    /// Where a bridge's audit of this name is.
    pub fn audit_path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The bridge's audit, as it is now.
    pub fn audit(&self) -> AuditFile {
        AuditFile::open(&self.audit_path(AUDIT), &passphrase()).unwrap()
    }

    /// Ends everything, and checks that it ended well.
    pub async fn end(mut self) {
        if self.relay.is_some() {
            self.stop_relay().await;
        }
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

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub fn parts(listener: Listener, bus: &Bus, authority: &Arc<Authority>, audit: Audit) -> Parts {
    Parts {
        audit,
        authority: Arc::clone(authority),
        bus: bus.clone(),
        callout: None,
        kick: None,
        listener,
        metrics: Metrics::start("0.0.0", None).unwrap(),
        source: SOURCE,
    }
}

pub fn open_audit(path: &Path) -> Audit {
    Audit::new(AuditLog::open(path, &passphrase()).unwrap())
}

pub fn passphrase() -> Passphrase {
    Passphrase::new("of the tests".to_owned().into())
}

/// Sends a request; what comes back must be in the document.
pub async fn answer(request: RequestBuilder) -> Answer {
    let (client, request) = request.build_split();
    let request = request.unwrap();
    let (method, path) = (request.method().clone(), request.url().path().to_owned());
    let response = client.execute(request).await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let answer = Answer { status, headers, bytes: response.bytes().await.unwrap().to_vec() };
    described::check(&method, &path, &answer);
    answer
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
    let users = vec![
        user("relay", Role::Relay),
        user("callout", Role::Callout),
        user("kick", Role::Kick),
        user("alice", Role::Service(vec![mailbox("alice")])),
    ];
    NatsServerConfig {
        // The disk's speed is not what is tested.
        durability: Durability::Process,
        max_file_bytes: 1024 * 1024 * 1024,
        issuer: Some(issuer(directory).public_key().to_owned()),
        ..NatsServerConfig::new(directory.to_owned(), 0, users)
    }
}

fn issuer(directory: &Path) -> Issuer {
    let path = directory.join("issuer.nk");
    if !path.exists() {
        Issuer::generate().unwrap().write_new(&path).unwrap();
    }
    Issuer::read(&path).unwrap()
}

fn credentials(directory: &Path, user: &str) -> Credentials {
    let path = directory.join(format!("{user}.nk"));
    if !path.exists() {
        Credentials::generate().unwrap().write_new(&path).unwrap();
    }
    Credentials::read(&path).unwrap()
}
