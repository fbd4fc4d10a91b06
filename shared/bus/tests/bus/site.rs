//! One server with everybody who may log in.

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use async_nats::{Client, ConnectOptions, Event};
use async_trait::async_trait;
use sysmaint_bus::{
    Bus, BusConfig, Callout, Credentials, Issuer, KnownLogin, Logins, NatsServer, NatsServerConfig,
    RegistryError, Role, StreamTable,
    conf::{Durability, NatsUser},
};
use sysmaint_device::Sealed;
use sysmaint_protocol::{DeviceId, Envelope, Handle, NatsUserKey, TransferId, subject::Mailbox};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

pub const PATIENCE: Duration = Duration::from_mins(1);

pub struct Site {
    pub server: NatsServer,
    pub directory: Directory,
}

/// A data directory. A test that failed takes its server with it.
pub struct Directory(TempDir);

impl Directory {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let Ok(state) = std::fs::read(self.path().join("nats/server.json")) else { return };
        let state: serde_json::Value = serde_json::from_slice(&state).unwrap();
        let pid = state["pid"].to_string();
        std::process::Command::new("kill").args(["-9", &pid]).status().unwrap();
    }
}

impl Site {
    /// A server without streams.
    pub async fn bare() -> Self {
        let directory = Directory::new();
        let server = NatsServer::start(config(directory.path(), 0)).await.unwrap();
        Self { server, directory }
    }

    /// A server as the relay leaves it after its start.
    pub async fn new() -> (Self, Bus) {
        let site = Self::bare().await;
        let relay = site.bus("relay").await;
        relay.ensure_streams(&StreamTable::single_server()).await.unwrap();
        (site, relay)
    }

    /// Answers the server's questions about one user that its configuration does not list.
    pub async fn let_in(&self, user: &str, life: Duration) -> CancellationToken {
        let directory = self.directory.path();
        let callout =
            Callout { life, ..Callout::new(self.bus("callout").await, issuer(directory)) };
        let guest = Guest { name: user.to_owned(), key: credentials(directory, user) };
        let shutdown = CancellationToken::new();
        tokio::spawn(callout.serve(Arc::new(guest), shutdown.clone()));
        eventually("the answers about logins", async || self.try_bus(user).await).await;
        shutdown
    }

    async fn try_bus(&self, user: &str) -> Option<Bus> {
        let credentials = credentials(self.directory.path(), user);
        let config = BusConfig::new(&self.server.url(), Some(credentials), "sysmaint-test");
        Bus::connect(config, &CancellationToken::new()).await.ok()
    }

    pub async fn bus(&self, user: &str) -> Bus {
        connect(&self.server.url(), self.directory.path(), user).await
    }

    /// A bare client with a user's permissions, and what the server denied it.
    pub async fn client(&self, user: &str) -> (Client, Denials) {
        let denials = Denials::default();
        let seed = std::fs::read_to_string(seed_file(self.directory.path(), user)).unwrap();
        let prefix = credentials(self.directory.path(), user).inbox_prefix();
        let heard = denials.clone();
        let client = ConnectOptions::with_nkey(seed.trim().to_owned())
            .custom_inbox_prefix(prefix)
            .request_timeout(Some(Duration::from_secs(2)))
            .event_callback(move |event| {
                if let Event::ServerError(error) = event {
                    heard.0.lock().unwrap().push(error.to_string());
                }
                async {}
            })
            .connect(self.server.url())
            .await
            .unwrap();
        (client, denials)
    }
}

/// The only device that the relay of a test knows.
struct Guest {
    name: String,
    key: Credentials,
}

#[async_trait]
impl Logins for Guest {
    async fn login(&self, user: &NatsUserKey) -> Result<Option<KnownLogin>, RegistryError> {
        let login = self.key.login().unwrap();
        let known = KnownLogin { device: mailbox(&self.name), inbox: login.inbox };
        Ok((login.user == *user).then_some(known))
    }
}

#[derive(Clone, Default)]
pub struct Denials(Arc<Mutex<Vec<String>>>);

impl Denials {
    /// Waits until the server has denied this subject.
    pub async fn expect(&self, subject: &str) {
        let quoted = format!("\"{subject}\"");
        let denied = || self.0.lock().unwrap().iter().any(|text| text.contains(&quoted));
        eventually(&format!("a denial of {subject}"), async || denied().then_some(())).await;
    }

    /// Whether the server has denied this; the verb is `Publish` or `Subscription`.
    pub fn have(&self, verb: &str, subject: &str) -> bool {
        let text = format!("for {verb} to \"{subject}\"");
        self.0.lock().unwrap().iter().any(|denial| denial.contains(&text))
    }

    pub fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

pub fn config(directory: &Path, port: u16) -> NatsServerConfig {
    let user = |name: &str, role| NatsUser::new(name, &credentials(directory, name), role);
    NatsServerConfig {
        // The disk's speed is not what is tested.
        durability: Durability::Process,
        max_file_bytes: 1024 * 1024 * 1024,
        issuer: Some(issuer(directory).public_key().to_owned()),
        ..NatsServerConfig::new(
            directory.to_owned(),
            port,
            vec![
                user("relay", Role::Relay),
                user("alice", Role::Service(vec![mailbox("alice")])),
                user("bob", Role::Service(vec![mailbox("bob")])),
                user("tap", Role::Tap(vec![mailbox("alice"), mailbox("bob")])),
                user("operator", Role::Operator),
                user("system", Role::System),
                user("callout", Role::Callout),
                user("kick", Role::Kick),
            ],
        )
    }
}

pub async fn connect(url: &str, directory: &Path, user: &str) -> Bus {
    let credentials = credentials(directory, user);
    let config = BusConfig::new(url, Some(credentials), "sysmaint-test");
    Bus::connect(config, &CancellationToken::new()).await.unwrap()
}

pub fn issuer(directory: &Path) -> Issuer {
    let path = seed_file(directory, "issuer");
    if !path.exists() {
        Issuer::generate().unwrap().write_new(&path).unwrap();
    }
    Issuer::read(&path).unwrap()
}

pub fn credentials(directory: &Path, user: &str) -> Credentials {
    let path = seed_file(directory, user);
    if !path.exists() {
        Credentials::generate().unwrap().write_new(&path).unwrap();
    }
    Credentials::read(&path).unwrap()
}

fn seed_file(directory: &Path, user: &str) -> std::path::PathBuf {
    directory.join(format!("{user}.nk"))
}

pub fn handle(text: &str) -> Handle {
    text.parse().unwrap()
}

pub fn mailbox(text: &str) -> Mailbox {
    Mailbox::new(handle(text), DeviceId::FIRST)
}

/// Bytes in the shape of an envelope with a message of 300 bytes, different for each number.
pub fn envelope(number: u32) -> Vec<u8> {
    let mut bytes = vec![0x11, 0x0a, 33, 0x05];
    bytes.resize(bytes.len() + 32, 1);
    bytes.extend_from_slice(&[0x12, 43]);
    bytes.resize(bytes.len() + 43, 2);
    bytes.extend_from_slice(&[0x1a, 0xac, 0x02]);
    bytes.extend_from_slice(&number.to_be_bytes());
    bytes.resize(bytes.len() + 296, 3);
    bytes
}

pub fn sealed(to: &str, number: u32) -> Sealed {
    let mut id = [0xee; 16];
    id[..4].copy_from_slice(&number.to_be_bytes());
    let envelope = Envelope::parse(envelope(number)).unwrap();
    Sealed::restored(mailbox(to), 1, TransferId::from_bytes(id), envelope)
}

/// Asks again and again until there is an answer.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
