//! A real nats-server, with streams and roles as in production.

use std::{collections::BTreeMap, process::Command, sync::Arc};

use sysmaint_bus::{
    Bus, BusConfig, Credentials, Mailbox, NatsMailbox, NatsServer, NatsServerConfig, Role,
    StreamTable,
    conf::{Durability, NatsUser},
};
use sysmaint_protocol::{DeviceId, Handle, subject};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// What all streams together may fill; enough for any test.
const MAX_FILE_BYTES: u64 = 1024 * 1024 * 1024;
const RELAY: &str = "relay";
/// Devices that a handle may have.
const DEVICES: u8 = 2;

/// A server of one's own on a free port. It is killed when this is dropped.
#[derive(Debug)]
pub struct Nats {
    server: Option<NatsServer>,
    config: NatsServerConfig,
    users: BTreeMap<String, Credentials>,
    relay: Bus,
    _directory: TempDir,
}

impl Nats {
    /// Starts it with a user for each handle, and makes the streams as the relay does.
    pub async fn start(durability: Durability, handles: &[&str]) -> Self {
        let directory = TempDir::new().unwrap();
        let mut users = BTreeMap::new();
        let mut add = |name: &str, role| {
            let credentials = Credentials::generate().unwrap();
            let user = NatsUser::new(name, &credentials, role);
            users.insert(name.to_owned(), credentials);
            user
        };
        let mut listed = vec![add(RELAY, Role::Relay)];
        listed.extend(handles.iter().map(|name| add(name, Role::Service(mailboxes(name)))));
        let config = NatsServerConfig {
            durability,
            max_file_bytes: MAX_FILE_BYTES,
            ..NatsServerConfig::new(directory.path().to_owned(), 0, listed)
        };
        let server = NatsServer::start(config.clone()).await.unwrap();
        let port = server.url().rsplit(':').next().and_then(|port| port.parse().ok()).unwrap();
        let config = NatsServerConfig { port, ..config };
        let relay = connect(&server, &users[RELAY]).await;
        relay.ensure_streams(&StreamTable::single_server()).await.unwrap();
        Self { server: Some(server), config, users, relay, _directory: directory }
    }

    /// A connection for one of the handles, whose mailboxes are there afterwards.
    pub async fn mailbox(&self, handle: &str) -> Arc<dyn Mailbox> {
        for mailbox in mailboxes(handle) {
            self.relay.ensure_mailbox(&mailbox).await.unwrap();
        }
        let server = self.server.as_ref().unwrap();
        Arc::new(NatsMailbox::new(connect(server, &self.users[handle]).await))
    }
}

impl Nats {
    /// Stops the server; [`resume`](Self::resume) starts it again with everything that it had.
    pub async fn pause(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop().await;
        }
    }

    /// Starts it again, on the same port.
    pub async fn resume(&mut self) {
        self.server = Some(NatsServer::start(self.config.clone()).await.unwrap());
    }

    /// How much waits in a mailbox.
    pub async fn depth(&self, mailbox: &subject::Mailbox) -> u64 {
        self.relay.stored_mailbox(mailbox).depth().await.unwrap()
    }

    /// Takes everything out of a mailbox. Returns how much that was.
    pub async fn clear(&self, mailbox: &subject::Mailbox) -> u64 {
        let stored = self.relay.stored_mailbox(mailbox);
        let depth = stored.depth().await.unwrap();
        stored.remove_through(u64::MAX - 1).await.unwrap();
        depth
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            let pid = server.pid();
            // First whoever would start it again.
            drop(server);
            let killed = Command::new("kill").args(["-9", &pid.to_string()]).status();
            debug_assert!(killed.is_ok());
        }
    }
}

async fn connect(server: &NatsServer, credentials: &Credentials) -> Bus {
    let config = BusConfig::new(&server.url(), Some(credentials.clone()), "sysmaint-testkit");
    Bus::connect(config, &CancellationToken::new()).await.unwrap()
}

/// Of the devices that one handle may have here.
fn mailboxes(handle: &str) -> Vec<subject::Mailbox> {
    let handle: Handle = handle.parse().unwrap();
    let numbers = (1..=DEVICES).filter_map(|number| DeviceId::try_from(number).ok());
    numbers.map(|number| subject::Mailbox::new(handle.clone(), number)).collect()
}
