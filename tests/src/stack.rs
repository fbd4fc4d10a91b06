//! `sysmaint up`, as a newcomer runs it.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::Duration,
};

use tempfile::TempDir;

use crate::{Process, Web, eventually, free_ports, nats_server, process::signal, said, sysmaint};

/// How a stack is to be.
#[derive(Debug)]
pub struct StackBuilder {
    environment: Vec<(String, String)>,
}

/// A running `sysmaint up` with a data directory and ports of its own.
#[derive(Debug)]
pub struct Stack {
    // Before the directory, whose files it shows if its test fails.
    process: Process,
    directory: TempDir,
    environment: Vec<(String, String)>,
    web_port: u16,
    relay_port: u16,
    nats_port: u16,
}

impl StackBuilder {
    /// Sets a variable.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.environment.push((name.to_owned(), value.to_string()));
        self
    }

    /// Starts it and waits until a first sample has come all the way.
    pub async fn start(self) -> Stack {
        let mut stack = self.launch();
        stack.ready().await;
        stack
    }

    /// Starts it without waiting.
    pub fn launch(self) -> Stack {
        let [web_port, relay_port, nats_port] = free_ports();
        let mut environment = vec![
            ("WEB_PORT".to_owned(), web_port.to_string()),
            ("RELAY_PORT".to_owned(), relay_port.to_string()),
            ("NATS_PORT".to_owned(), nats_port.to_string()),
            ("SYSMAINT_PROBE_INTERVAL_MS".to_owned(), "200".to_owned()),
        ];
        environment.extend(self.environment);
        let directory = TempDir::new().unwrap();
        let process = start(&environment, directory.path());
        Stack { process, directory, environment, web_port, relay_port, nats_port }
    }
}

impl Stack {
    /// A stack with a sample every 200 ms.
    pub fn builder() -> StackBuilder {
        StackBuilder { environment: Vec::new() }
    }

    /// Waits for the line that says that it is ready.
    pub async fn ready(&mut self) {
        let lines = self.ready_lines();
        let wanted = lines.max(1);
        eventually("ready", async || {
            if let Some(status) = self.process.ended() {
                panic!("ended with {status}: {}", self.process.stderr());
            }
            (self.ready_lines() >= wanted).then_some(())
        })
        .await;
    }

    /// SIGKILL to `sysmaint` alone; nats-server goes on, as it does in reality.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// SIGKILL to nats-server.
    pub fn kill_nats(&self) {
        signal(self.nats_pid(), "KILL");
    }

    /// Stops or continues nats-server without ending it.
    pub fn signal_nats(&self, name: &str) {
        signal(self.nats_pid(), name);
    }

    /// Starts `sysmaint up` again in the same directory, without waiting.
    pub fn relaunch(&mut self) {
        self.process = start(&self.environment, self.directory.path());
    }

    /// Starts `sysmaint up` again in the same directory, and waits until it is ready.
    pub async fn restart(&mut self) {
        let lines = self.ready_lines();
        self.relaunch();
        eventually("ready again", async || {
            if let Some(status) = self.process.ended() {
                panic!("ended with {status}: {}", self.process.stderr());
            }
            (self.ready_lines() > lines).then_some(())
        })
        .await;
    }

    /// SIGTERM, and waits for its end; true if it ended as asked.
    pub async fn stop(&mut self) -> bool {
        self.process.terminate();
        let status = eventually("stopped", async || self.process.ended()).await;
        status.success()
    }

    /// Changes a variable for the next start.
    pub fn set(&mut self, name: &str, value: impl ToString) {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_string()));
    }

    /// The running process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Runs a command beside it, as a person at another terminal.
    pub fn command(&self, arguments: &[&str]) -> Output {
        Command::new(sysmaint())
            .args(arguments)
            .env("SYSMAINT_DATA_DIR", self.data())
            .env("NATS_SERVER_BIN", nats_server())
            .env("NATS_PORT", self.nats_port.to_string())
            .env("RUST_LOG", "error")
            .env_remove("NATS_URL")
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// What such a command says, which must not fail.
    pub fn said(&self, arguments: &[&str]) -> String {
        said(&self.command(arguments))
    }

    /// The data directory: the one that was set, or one of its own.
    pub fn data(&self) -> PathBuf {
        let set = self.environment.iter().find(|(name, _)| name == "SYSMAINT_DATA_DIR");
        set.map_or_else(|| self.directory.path().join("data"), |(_, path)| path.into())
    }

    /// The operator's side.
    pub fn web(&self) -> Web {
        Web::new(self.web_port)
    }

    /// The relay's HTTP face.
    pub fn relay(&self) -> Web {
        Web::new(self.relay_port)
    }

    /// Where nats-server listens.
    pub fn nats_url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.nats_port)
    }

    /// The running nats-server, as `up` noted it.
    pub fn nats_pid(&self) -> u32 {
        let noted = std::fs::read(self.data().join("nats/server.json")).unwrap();
        let noted: serde_json::Value = serde_json::from_slice(&noted).unwrap();
        noted["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok()).unwrap()
    }

    fn ready_lines(&self) -> usize {
        self.process.stdout().lines().filter(|line| line.starts_with("ready http")).count()
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // nats-server outlives a killed `up` on purpose, and a test that failed.
        let noted = self.data().join("nats/server.json");
        let _ = self.process.ended();
        self.process.terminate();
        for _ in 0..200 {
            if self.process.ended().is_some() {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        if noted.exists() {
            signal(self.nats_pid(), "KILL");
        }
    }
}

fn start(environment: &[(String, String)], directory: &Path) -> Process {
    let mut command = Command::new(sysmaint());
    command
        .arg("up")
        .current_dir(directory)
        .env("SYSMAINT_DATA_DIR", directory.join("data"))
        .env("NATS_SERVER_BIN", nats_server())
        .env_remove("MEGA_PASSPHRASE")
        .env_remove("OPENAI_API_KEY")
        .env_remove("OPENAI_BASE_URL")
        .envs(environment.iter().cloned());
    Process::start(command, directory, "up")
}
