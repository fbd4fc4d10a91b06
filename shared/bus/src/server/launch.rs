//! Starting a server and waiting until it is ready; or taking over one that is.

use std::{
    fs::{self, File},
    io,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};

use serde::Deserialize;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    process::{Child, Command},
};

use super::{
    NatsServerConfig, ServerError, binary, port,
    process::{Process, Signal},
    state::{Place, State},
};
use crate::conf::{ServerConfig, render};

/// A large store takes a while to be read.
const READY_WITHIN: Duration = Duration::from_mins(1);
const LOOK_EVERY: Duration = Duration::from_millis(50);
const GREETING_WITHIN: Duration = Duration::from_secs(2);
const GREETING_MAX: u64 = 64 * 1024;
/// What a server gets to write its streams before it is killed.
pub(super) const ENDS_WITHIN: Duration = Duration::from_secs(15);
/// Of the server's output, what goes into an error.
const TAIL: usize = 400;
const SHELL: &str = "/bin/sh";
/// Becomes the server, under the same process id, once it is told to; ends if whoever would tell
/// it is gone. So no server ever runs that is not written down for the next start.
const GATE: &str = r#"read -r go && exec "$0" "$@" </dev/null"#;

/// All that is needed to start the server, once or again.
#[derive(Debug)]
pub(super) struct Plan {
    binary: PathBuf,
    port: u16,
    place: Place,
}

/// A running server: our child, or one that an earlier supervisor left.
#[derive(Debug)]
pub(super) struct Running {
    process: Process,
    child: Option<Child>,
}

impl Plan {
    /// Finds the binary, claims the port and writes the configuration.
    pub(super) async fn make(config: &NatsServerConfig, place: Place) -> Result<Self, ServerError> {
        let binary = binary::find().await?;
        let port = port::claim(config.port).map_err(|source| match source.kind() {
            io::ErrorKind::AddrInUse => {
                ServerError::PortTaken { port: config.port, holder: port::holder(config.port) }
            }
            _ => ServerError::Files { path: config.data_dir.clone(), source },
        })?;
        Place::write(&place.conf(), &configuration(config, &place, port))
            .map_err(|source| ServerError::Files { path: config.data_dir.clone(), source })?;
        Ok(Self { binary, port, place })
    }

    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    /// Starts the server and waits until it is ready.
    pub(super) async fn launch(&self) -> Result<Running, ServerError> {
        let started = |source| ServerError::Start { path: self.binary.clone(), source };
        let output = File::create(self.place.output()).map_err(started)?;
        let mut child = Command::new(SHELL)
            .args(["-c", GATE])
            .arg(&self.binary)
            .arg("-c")
            .arg(self.place.conf())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(output)
            // Ctrl-C at the terminal reaches us, and the server from us when all else has stopped.
            .process_group(0)
            .spawn()
            .map_err(started)?;
        let found = child.id().and_then(Process::find);
        let Some(process) = found else { return Err(self.failed(&mut child).await) };
        let state = State { process, port: self.port, store_dir: self.place.store() };
        if let Err(source) = self.place.remember(&state) {
            // The next start would not know it and find the port taken.
            if let Err(error) = child.kill().await {
                tracing::debug!(%error, "nats-server had ended already");
            }
            return Err(started(source));
        }
        if let Some(mut gate) = child.stdin.take()
            && let Err(error) = gate.write_all(b"go\n").await
        {
            tracing::debug!(%error, "nats-server ended before it began");
        }
        self.wait_ready(&mut child).await?;
        Ok(Running { process, child: Some(child) })
    }

    /// The same, together with the plan for the next time.
    pub(super) async fn launched(self) -> Result<(Self, Running), ServerError> {
        let running = self.launch().await?;
        Ok((self, running))
    }

    async fn wait_ready(&self, child: &mut Child) -> Result<(), ServerError> {
        let deadline = Instant::now() + READY_WITHIN;
        // A stranger who took the port in this very moment greets as well.
        while !(is_ready(self.port).await && self.is_held_by(child)) {
            let ended = child.try_wait().is_ok_and(|status| status.is_some());
            if ended || Instant::now() > deadline {
                return Err(self.failed(child).await);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    fn is_held_by(&self, child: &Child) -> bool {
        port::holder(self.port).is_none_or(|holder| Some(holder) == child.id())
    }

    async fn failed(&self, child: &mut Child) -> ServerError {
        if let Err(error) = child.kill().await {
            tracing::debug!(%error, "nats-server had ended already");
        }
        self.place.forget();
        if let Some(holder) = port::holder(self.port) {
            return ServerError::PortTaken { port: self.port, holder: Some(holder) };
        }
        let said = [self.place.output(), self.place.log()]
            .iter()
            .filter_map(|path| fs::read_to_string(path).ok())
            .find_map(|text| last_lines(&text));
        let reason = said.unwrap_or_else(|| "it said nothing".to_owned());
        ServerError::NotReady { reason, log: self.place.log() }
    }

    pub(super) fn forget(&self) {
        self.place.forget();
    }

    /// Whether a server could write its files.
    pub(super) fn check_room(&self) -> io::Result<()> {
        self.place.check_room()
    }
}

impl Running {
    pub(super) const fn pid(&self) -> u32 {
        self.process.pid
    }

    pub(super) const fn is_adopted(&self) -> bool {
        self.child.is_none()
    }

    /// Returns when it has ended.
    pub(super) async fn ended(&mut self) {
        match &mut self.child {
            Some(child) => {
                if let Err(error) = child.wait().await {
                    tracing::debug!(%error, "cannot wait for nats-server");
                }
            }
            None => self.process.ended().await,
        }
    }

    /// Asks it to end, and insists after a while. False if even that did nothing.
    pub(super) async fn stop(&mut self) -> bool {
        for (signal, within) in
            [(Signal::Terminate, ENDS_WITHIN), (Signal::Kill, Duration::from_secs(5))]
        {
            if let Err(error) = self.process.signal(signal) {
                tracing::warn!(%error, "cannot signal nats-server");
            }
            if tokio::time::timeout(within, self.ended()).await.is_ok() {
                return true;
            }
            tracing::warn!(pid = self.process.pid, ?signal, "nats-server does not end");
        }
        false
    }
}

/// Takes over the server of an earlier start if it runs with the very configuration that we
/// would give it; ends it if it runs with another one.
pub(super) async fn adopt(
    config: &NatsServerConfig,
    place: &Place,
) -> Result<Option<(Plan, Running)>, ServerError> {
    let Some(State { process, port, .. }) = place.survivor() else { return Ok(None) };
    let mut running = Running { process, child: None };
    let wanted = configuration(config, place, port);
    let same_port = config.port == 0 || config.port == port;
    let same = fs::read_to_string(place.conf()).is_ok_and(|written| written == wanted);
    if same_port && same && becomes_ready(&running, port).await {
        let plan = Plan { binary: binary::find().await?, port, place: place.clone() };
        return Ok(Some((plan, running)));
    }
    tracing::info!(pid = process.pid, "restarting the nats-server of an earlier start");
    if !running.stop().await {
        return Err(ServerError::DoesNotEnd(process.pid));
    }
    place.forget();
    Ok(None)
}

/// It may have been started just before its supervisor was killed.
async fn becomes_ready(running: &Running, port: u16) -> bool {
    let deadline = Instant::now() + READY_WITHIN;
    while running.process.is_alive() && Instant::now() < deadline {
        if is_ready(port).await {
            return true;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    false
}

fn configuration(config: &NatsServerConfig, place: &Place, port: u16) -> String {
    render(&ServerConfig {
        listen: format!("127.0.0.1:{port}"),
        store_dir: place.store(),
        log_file: Some(place.log()),
        durability: config.durability,
        max_file_bytes: config.max_file_bytes,
        shards: config.shards,
        users: config.users.clone(),
        issuer: config.issuer.clone(),
        tls: None,
    })
}

/// Whether a server greets there and has its streams.
async fn is_ready(port: u16) -> bool {
    tokio::time::timeout(GREETING_WITHIN, greeting(port)).await.ok().flatten().unwrap_or(false)
}

async fn greeting(port: u16) -> Option<bool> {
    #[derive(Deserialize)]
    struct Greeting {
        #[serde(default)]
        jetstream: bool,
    }
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let stream = TcpStream::connect(address).await.ok()?;
    let mut line = String::new();
    BufReader::new(stream.take(GREETING_MAX)).read_line(&mut line).await.ok()?;
    let greeting: Greeting = serde_json::from_str(line.strip_prefix("INFO ")?).ok()?;
    Some(greeting.jetstream)
}

fn last_lines(text: &str) -> Option<String> {
    let text = text.trim();
    let start = text.char_indices().rev().nth(TAIL).map_or(0, |(index, _)| index);
    (!text.is_empty()).then(|| text[start..].replace('\n', " | "))
}
