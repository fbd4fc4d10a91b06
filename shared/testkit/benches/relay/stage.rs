//! A nats-server and any number of bridges, each a process, in a directory of their own.

use std::{
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use sysmaint_bus::{Bus, BusConfig, Credentials};
use sysmaint_testkit::eventually;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::connection::Connection;

/// Limits that nothing here reaches.
pub(crate) const UNLIMITED: [(&str, &str); 5] = [
    ("RELAY_MESSAGE_BURST", "1000000"),
    ("RELAY_MESSAGES_PER_S", "1000000"),
    ("RELAY_PREKEY_FETCHES", "1000000"),
    ("RELAY_REGISTRATIONS", "1000000"),
    ("RELAY_REQUESTS_PER_S", "1000000"),
];

pub(crate) struct Stage {
    // Before the directory that they write to.
    processes: Vec<Killed>,
    directory: TempDir,
    nats_url: String,
    relays: Vec<SocketAddr>,
}

/// A child that ends with this.
struct Killed(Child);

impl Stage {
    /// With as many bridges as are asked for, ready to serve.
    pub(crate) async fn start(durability: &str, bridges: usize, settings: &[(&str, &str)]) -> Self {
        let directory = TempDir::new().unwrap();
        let nats_port = free_port();
        let nats_url = format!("nats://127.0.0.1:{nats_port}");
        let command = |program: PathBuf| {
            let mut command = Command::new(program);
            command
                .current_dir(directory.path())
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .env("SYSMAINT_DATA_DIR", directory.path().join("data"))
                .env("SYSMAINT_DURABILITY", durability)
                .env("MEGA_PASSPHRASE", "a passphrase for a benchmark")
                .env("NATS_PORT", nats_port.to_string())
                .env("NATS_URL", &nats_url)
                .env("RUST_LOG", "warn")
                .envs(settings.iter().copied());
            command
        };
        let written = command(sysmaint()).arg("nats-conf").status().unwrap();
        assert!(written.success());
        let conf = directory.path().join("data/nats.conf");
        let mut server = command(nats_server());
        server.arg("-c").arg(conf).stderr(Stdio::null());
        let mut processes = vec![Killed(server.spawn().unwrap())];
        let mut relays = Vec::new();
        for number in 0..bridges {
            let port = free_port();
            let mut relay = command(sysmaint());
            let audit = directory.path().join(format!("data/relay-{number}.db"));
            relay.arg("relay").env("RELAY_PORT", port.to_string()).env("RELAY_DB", audit);
            processes.push(Killed(relay.spawn().unwrap()));
            let address = SocketAddr::from(([127, 0, 0, 1], port));
            // One after the other: the first makes the certificate authority.
            eventually("the relay", async || is_ready(address).await.then_some(())).await;
            relays.push(address);
        }
        Self { processes, directory, nats_url, relays }
    }

    /// Where a bridge listens.
    pub(crate) fn relay(&self, number: usize) -> SocketAddr {
        self.relays[number]
    }

    pub(crate) fn nats_url(&self) -> &str {
        &self.nats_url
    }

    /// Processor time that nats-server and all bridges have used so far.
    pub(crate) fn used(&self) -> [Duration; 2] {
        let mut used = self.processes.iter().map(Killed::used);
        [used.next().unwrap(), used.sum()]
    }

    /// The file with a service's key.
    pub(crate) fn key(&self, service: &str) -> PathBuf {
        self.directory.path().join(format!("data/keys/{service}.nk"))
    }

    /// A connection as one of the services.
    pub(crate) async fn bus(&self, service: &str) -> Bus {
        let credentials = Credentials::read(&self.key(service)).unwrap();
        let config = BusConfig::new(&self.nats_url, Some(credentials), "sysmaint-bench");
        Bus::connect(config, &CancellationToken::new()).await.unwrap()
    }
}

impl Killed {
    fn used(&self) -> Duration {
        // Ticks of a hundredth of a second, in user and in system mode.
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id())).unwrap();
        let fields = stat.rsplit_once(')').unwrap().1.split_whitespace();
        let ticks: u64 = fields.skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
        Duration::from_millis(ticks * 10)
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        let _gone_already = self.0.kill();
        let _gone_already = self.0.wait();
    }
}

async fn is_ready(address: SocketAddr) -> bool {
    let Ok(mut connection) = Connection::try_open(address).await else { return false };
    let asked = connection.get("/readyz", "");
    tokio::time::timeout(Duration::from_secs(5), asked)
        .await
        .is_ok_and(|answer| answer.status == 200)
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The one named in `NATS_SERVER_BIN`, the downloaded one, or the one on PATH.
fn nats_server() -> PathBuf {
    if let Some(named) = std::env::var_os("NATS_SERVER_BIN") {
        return named.into();
    }
    let downloaded =
        PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../.tools/bin/nats-server"));
    if downloaded.exists() { downloaded } else { "nats-server".into() }
}

/// The built binary: beside this one.
fn sysmaint() -> PathBuf {
    let bench = std::env::current_exe().unwrap();
    let built = bench.parent().and_then(|deps| deps.parent()).unwrap().join("sysmaint");
    assert!(built.exists(), "{} is not built: run `make bench`", built.display());
    built
}
