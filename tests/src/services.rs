//! Relay, agent, probe and web as processes of their own, beside a nats-server of ours.

use std::{path::PathBuf, process::Command};

use tempfile::TempDir;

use crate::{Process, Web, eventually, free_port, nats_server, sysmaint};

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
    directory: TempDir,
    environment: Vec<(String, String)>,
    running: Vec<(Service, Process)>,
    web_port: u16,
    nats_port: u16,
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
        let (web_port, relay_port, nats_port) = (free_port(), free_port(), free_port());
        let environment = [
            ("WEB_PORT", web_port.to_string()),
            ("RELAY_PORT", relay_port.to_string()),
            ("NATS_PORT", nats_port.to_string()),
            ("NATS_URL", format!("nats://127.0.0.1:{nats_port}")),
            ("SYSMAINT_PROBE_INTERVAL_MS", "200".to_owned()),
            ("MEGA_PASSPHRASE", "a passphrase for a test".to_owned()),
        ];
        let environment = environment.map(|(name, value)| (name.to_owned(), value)).to_vec();
        let directory = TempDir::new().unwrap();
        let mut services =
            Self { directory, environment, running: Vec::new(), web_port, nats_port };
        let written = services.command("nats-conf").output().unwrap();
        assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
        for service in Service::ALL {
            services.launch(service);
        }
        eventually("a first sample", async || services.web().newest_sample().await).await;
        services
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

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    fn command(&self, subcommand: &str) -> Command {
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
