//! nats-server as `sysmaint up` runs it: found, configured, started, watched, stopped.
//!
//! The server outlives a supervisor that was killed, with all its mail and connections; the next
//! one adopts it instead of interrupting everybody.

mod binary;
mod launch;
mod port;
mod process;
mod state;
mod supervise;

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::{sync::Notify, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use self::{
    launch::Plan,
    process::{Process, Signal},
    state::Place,
    supervise::{Orders, Supervisor},
};
use crate::{
    ServerVersion,
    conf::{Durability, NatsUser, ServerConfig},
    connect::OLDEST,
};

/// How to run it.
#[derive(Clone, Debug)]
pub struct NatsServerConfig {
    /// The server's files go into `nats` below it.
    pub data_dir: PathBuf,
    /// On the loopback interface; 0 takes a free one.
    pub port: u16,
    /// What a confirmed message is to survive.
    pub durability: Durability,
    /// What all streams may fill together.
    pub max_file_bytes: u64,
    /// Mailbox streams.
    pub shards: u32,
    /// Everybody who may log in whatever the relay says.
    pub users: Vec<NatsUser>,
    /// The public key of whoever may let others in.
    pub issuer: Option<String>,
}

impl NatsServerConfig {
    /// With the usual limits.
    pub const fn new(data_dir: PathBuf, port: u16, users: Vec<NatsUser>) -> Self {
        Self {
            data_dir,
            port,
            durability: Durability::Power,
            max_file_bytes: ServerConfig::MAX_FILE_BYTES,
            shards: crate::BusConfig::SHARDS,
            users,
            issuer: None,
        }
    }
}

/// A running nats-server and the task that keeps it running. Dropped without
/// [`stop`](Self::stop), it leaves the server alone, as a killed supervisor would.
#[derive(Debug)]
pub struct NatsServer {
    port: u16,
    pid: tokio::sync::watch::Receiver<u32>,
    adopted: bool,
    stopping: CancellationToken,
    restart: Arc<Notify>,
    task: JoinHandle<()>,
}

/// A server that somebody runs over a data directory at this moment.
#[derive(Clone, Debug)]
pub struct RunningServer {
    process: Process,
    port: u16,
    conf: PathBuf,
}

impl RunningServer {
    /// The one of this data directory, if there is one.
    pub fn find(data_dir: &Path) -> Option<Self> {
        let place = Place::find(data_dir)?;
        let state = place.survivor()?;
        Some(Self { process: state.process, port: state.port, conf: place.conf() })
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        local_url(self.port)
    }

    /// Its process.
    pub const fn pid(&self) -> u32 {
        self.process.pid
    }

    /// The configuration that it was started with and reads again.
    pub fn conf(&self) -> &Path {
        &self.conf
    }

    /// Has it read its configuration again. Users that are gone from it are disconnected, the
    /// others notice nothing.
    pub fn reload(&self) -> io::Result<()> {
        self.process.signal(Signal::Reload)
    }
}

fn local_url(port: u16) -> String {
    format!("nats://127.0.0.1:{port}")
}

/// The server cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// None is installed.
    #[error(
        "no nats-server found: install version {OLDEST} or later, or name one in NATS_SERVER_BIN; \
         or use a running server with NATS_URL"
    )]
    NoBinary,
    /// The one that was named does not run.
    #[error("NATS_SERVER_BIN names {0}, which does not run as nats-server")]
    NotABinary(PathBuf),
    /// The one that was found is too old.
    #[error("{path} is nats-server {found}; {OLDEST} or later is needed, 2.15 is recommended")]
    TooOld {
        /// Which one.
        path: PathBuf,
        /// Its version.
        found: ServerVersion,
    },
    /// Somebody else is there.
    #[error(
        "port {port} on 127.0.0.1 is taken{}; set NATS_PORT to another one, or NATS_URL to use \
         the server that is there", .holder.map(|pid| format!(" by process {pid}")).unwrap_or_default()
    )]
    PortTaken {
        /// Which port.
        port: u16,
        /// By whom, if the system says so.
        holder: Option<u32>,
    },
    /// The server's directory cannot be used.
    #[error("cannot use the server's directory below {path}: {source}")]
    Files {
        /// The data directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The binary cannot be started.
    #[error("cannot start {path}: {source}")]
    Start {
        /// Which binary.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It ended or did not become ready.
    #[error("nats-server did not come up: {reason}; its log is {log}")]
    NotReady {
        /// What it said last.
        reason: String,
        /// Where it says more.
        log: PathBuf,
    },
    /// One that runs with another configuration does not end.
    #[error("the nats-server of an earlier start (process {0}) does not end")]
    DoesNotEnd(u32),
}

impl NatsServer {
    /// Adopts the server of an earlier start or starts one, waits until it is ready, and keeps
    /// it running from then on.
    pub async fn start(config: NatsServerConfig) -> Result<Self, ServerError> {
        let files = |source| ServerError::Files { path: config.data_dir.clone(), source };
        let place = Place::create(&config.data_dir).map_err(files)?;
        let (plan, process) = match launch::adopt(&config, &place).await? {
            Some(adopted) => adopted,
            None => Plan::make(&config, place).await?.launched().await?,
        };
        let port = plan.port();
        let was_adopted = process.is_adopted();
        let stopping = CancellationToken::new();
        let (pid_sender, pid) = tokio::sync::watch::channel(process.pid());
        let restart = Arc::new(Notify::new());
        let orders = Orders { stopping: stopping.clone(), restart: restart.clone() };
        let supervisor = Supervisor::new(plan, process, pid_sender, orders);
        let task = tokio::spawn(supervisor.run());
        tracing::info!(port, pid = *pid.borrow(), adopted = was_adopted, "nats-server is ready");
        Ok(Self { port, pid, adopted: was_adopted, stopping, restart, task })
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        local_url(self.port)
    }

    /// The process that runs at this moment.
    pub fn pid(&self) -> u32 {
        *self.pid.borrow()
    }

    /// Whether it is the server of an earlier start.
    pub const fn was_adopted(&self) -> bool {
        self.adopted
    }

    /// Has it stopped and started again, unless there is no room on its disk: then it would not
    /// come up.
    pub fn restart(&self) {
        self.restart.notify_one();
    }

    /// Stops it: asks first, and insists if it does not end.
    pub async fn stop(mut self) {
        self.stopping.cancel();
        if let Err(error) = (&mut self.task).await {
            tracing::warn!(%error, "the supervisor of nats-server failed");
        }
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}
