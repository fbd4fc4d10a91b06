//! Relay, agent, probe and web as processes of their own, beside a nats-server of ours.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use nkeys::KeyPair;
use tempfile::TempDir;

use crate::{Process, RawNats, Web, eventually, free_ports, nats_server, said, sysmaint};

/// What all stores are encrypted with.
const PASSPHRASE: &str = "a passphrase for a test";
/// Where nats.conf lists the users beside the server; the first place of this name.
const USERS: &str = "users: [";

/// One of the processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// nats-server.
    Nats,
    /// `sysmaint relay`.
    Relay,
    /// `sysmaint agent`.
    Agent,
    /// `sysmaint probe`.
    Probe,
    /// `sysmaint web`.
    Web,
}

/// All of them, as README shows.
#[derive(Debug)]
pub struct Services {
    // Before the directory, whose files they show if their test fails.
    running: Vec<(Service, Process)>,
    directory: TempDir,
    environment: Vec<(String, String)>,
    web_port: u16,
    relay_port: u16,
    nats_port: u16,
    onlooker: KeyPair,
}

/// How the services are to be.
#[derive(Debug)]
pub struct ServicesBuilder {
    environment: Vec<(String, String)>,
}

impl Service {
    /// All of them, in the order in which they are started.
    pub const ALL: [Self; 5] = [Self::Nats, Self::Relay, Self::Agent, Self::Probe, Self::Web];

    const fn name(self) -> &'static str {
        match self {
            Self::Nats => "nats",
            Self::Relay => "relay",
            Self::Agent => "agent",
            Self::Probe => "probe",
            Self::Web => "web",
        }
    }
}

impl Services {
    /// Writes keys and configuration, starts everything, and waits for a first sample.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// Services with a sample every 200 ms.
    pub fn builder() -> ServicesBuilder {
        ServicesBuilder { environment: Vec::new() }
    }

    /// Waits for a first sample.
    pub async fn ready(&self) {
        eventually("a first sample", async || self.web().newest_sample().await).await;
    }

    /// A connection to nats-server that may see and do everything that sysmaint's own may not.
    pub async fn onlooker(&self) -> RawNats {
        RawNats::connect(self.nats_port, &self.onlooker).await
    }

    fn admit_onlooker(&self) {
        let path = self.data().join("nats.conf");
        let rendered = std::fs::read_to_string(&path).unwrap();
        let (before, after) = rendered.split_once(&format!("{USERS}\n")).unwrap();
        let user = format!("{{ nkey: {} }}", self.onlooker.public_key());
        std::fs::write(&path, format!("{before}{USERS}\n      {user}\n{after}")).unwrap();
    }

    /// Starts one of them.
    pub fn launch(&mut self, service: Service) {
        let command = match service {
            Service::Nats => {
                let mut command = Command::new(nats_server());
                command.arg("-c").arg(self.data().join("nats.conf"));
                command
            }
            other => self.command(other.name()),
        };
        let process = Process::start(command, self.directory.path(), service.name());
        self.running.push((service, process));
    }

    /// Starts a relay on a port of its own, beside the others.
    pub fn relay_on(&self, port: u16) -> Process {
        let mut command = self.command("relay");
        command.env("RELAY_PORT", port.to_string());
        // Each bridge writes an audit of its own.
        command.env("RELAY_DB", self.data().join(format!("relay-{port}.db")));
        Process::start(command, self.directory.path(), &format!("relay-{port}"))
    }

    /// SIGKILL to one of them.
    pub fn kill(&mut self, service: Service) {
        let index = self.running.iter().position(|(known, _)| *known == service).unwrap();
        let (_, mut process) = self.running.remove(index);
        process.kill();
    }

    /// One of the processes.
    pub fn process(&mut self, service: Service) -> &mut Process {
        let found = self.running.iter_mut().find(|(known, _)| *known == service);
        &mut found.unwrap().1
    }

    /// The operator's side.
    pub fn web(&self) -> Web {
        Web::new(self.web_port)
    }

    /// Where nats-server listens.
    pub fn nats_url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.nats_port)
    }

    /// The relay's HTTP face.
    pub fn relay(&self) -> Web {
        Web::new(self.relay_port)
    }

    /// The data directory, and beside it what the processes printed.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// What all stores are encrypted with.
    pub const fn passphrase(&self) -> &'static str {
        PASSPHRASE
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// What such a command says beside it, which must not fail.
    pub fn said(&self, arguments: &[&str]) -> String {
        let (command, rest) = arguments.split_first().unwrap();
        let mut command = self.command(command);
        said(&command.args(rest).stdin(std::process::Stdio::null()).output().unwrap())
    }

    /// `sysmaint` with the services' settings and data directory.
    pub fn command(&self, subcommand: &str) -> Command {
        let mut command = Command::new(sysmaint());
        command
            .arg(subcommand)
            .current_dir(self.directory.path())
            .env("SYSMAINT_DATA_DIR", self.data())
            .env_remove("OPENAI_API_KEY")
            .env_remove("OPENAI_BASE_URL")
            .envs(self.environment.iter().cloned());
        command
    }
}

impl ServicesBuilder {
    /// Sets a variable.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.environment.push((name.to_owned(), value.to_string()));
        self
    }

    /// Writes keys and configuration, starts everything, and waits for a first sample.
    pub async fn start(self) -> Services {
        let mut services = self.prepare();
        for service in Service::ALL {
            services.launch(service);
        }
        services.ready().await;
        services
    }

    /// Writes keys and configuration, and starts nothing.
    pub fn prepare(self) -> Services {
        let [web_port, relay_port, nats_port] = free_ports();
        let environment = [
            ("WEB_PORT", web_port.to_string()),
            ("RELAY_PORT", relay_port.to_string()),
            ("NATS_PORT", nats_port.to_string()),
            ("NATS_URL", format!("nats://127.0.0.1:{nats_port}")),
            ("SYSMAINT_PROBE_INTERVAL_MS", "200".to_owned()),
            ("MEGA_PASSPHRASE", PASSPHRASE.to_owned()),
        ];
        let mut environment = environment.map(|(name, value)| (name.to_owned(), value)).to_vec();
        environment.extend(self.environment);
        let services = Services {
            directory: TempDir::new().unwrap(),
            environment,
            running: Vec::new(),
            web_port,
            relay_port,
            nats_port,
            onlooker: KeyPair::new_user(),
        };
        let written = services.command("nats-conf").output().unwrap();
        assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
        services.admit_onlooker();
        services
    }
}
