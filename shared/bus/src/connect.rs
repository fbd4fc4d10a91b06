//! One connection to NATS, which looks after itself once it is made.

mod events;
mod tls;
mod version;

use std::{fmt, path::PathBuf, time::Duration};

use async_nats::{
    Auth, AuthError, Client, ConnectErrorKind, ConnectOptions, ServerAddr,
    connection::State,
    jetstream::{self, context::ContextBuilder},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use tls::{ClientIdentity, ClientTls};
pub(crate) use version::OLDEST;
pub use version::ServerVersion;

use crate::{
    Credentials,
    backoff::{Backoff, delay},
    connect::events::{Denial, Events},
};

/// How long any one answer may take.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(5);

const PING_EVERY: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);
/// Messages that one subscription holds for a slow reader. Mailboxes are never read through one
/// without a bound of their own, so this limits memory, not reliability.
const SUBSCRIPTION_HOLDS: usize = 1024;

/// How to reach NATS.
#[derive(Clone, Debug)]
pub struct BusConfig {
    /// `nats://host:port` or `tls://host:port`, several separated by commas.
    pub url: String,
    /// Whom to believe, and what to show, where the server speaks TLS.
    pub tls: ClientTls,
    /// The user; absent where the server asks for none.
    pub credentials: Option<Credentials>,
    /// What operators see of this connection, such as `sysmaint-agent`. No handle of anybody.
    pub name: String,
    /// Mailbox streams, as the relay created them.
    pub shards: u32,
}

impl BusConfig {
    /// Mailbox streams of one server.
    pub const SHARDS: u32 = 8;

    /// With the usual number of mailbox streams.
    pub fn new(url: &str, credentials: Option<Credentials>, name: &str) -> Self {
        Self {
            url: url.to_owned(),
            tls: ClientTls::default(),
            credentials,
            name: name.to_owned(),
            shards: Self::SHARDS,
        }
    }
}

/// A connection to NATS and its JetStream. Clones share it.
#[derive(Clone)]
pub struct Bus {
    pub(crate) client: Client,
    pub(crate) jetstream: jetstream::Context,
    pub(crate) shards: u32,
    events: Events,
}

/// NATS cannot be used. An outage is not an error: it is waited out.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address makes no sense.
    #[error("NATS_URL is not an address such as nats://127.0.0.1:4222: {0}")]
    Url(String),
    /// The server does not know us.
    #[error(
        "{server} refuses this user: its nats.conf must list the public key {public_key}, or the \
         relay know it from a registration; check NATS_NKEY_FILE, let the configuration be \
         rendered again, or register"
    )]
    Unauthorized {
        /// Host and port.
        server: String,
        /// Ours.
        public_key: String,
    },
    /// The server is not who it should be, or does not believe us.
    #[error("no TLS with {server}: {reason}")]
    Tls {
        /// Host and port.
        server: String,
        /// In words, with what to do.
        reason: String,
    },
    /// A file for TLS cannot be used.
    #[error("{variable} names {path}, which {reason}")]
    TlsFile {
        /// The setting.
        variable: &'static str,
        /// Its value.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The server is older than 2.11.
    #[error(
        "nats-server {found} is too old: {oldest} or later is needed, 2.15 is recommended",
        oldest = OLDEST
    )]
    TooOld {
        /// As the server says it.
        found: String,
    },
    /// The server keeps nothing.
    #[error("{0} runs without JetStream: start nats-server with the supplied nats.conf")]
    NoJetStream(String),
    /// We were told to stop before the server could be reached.
    #[error("stopped before nats could be reached")]
    Stopped,
}

impl Bus {
    /// Connects, however long that takes; later outages are bridged without a word from us.
    pub async fn connect(
        config: BusConfig,
        shutdown: &CancellationToken,
    ) -> Result<Self, ConnectError> {
        let servers = addresses(&config.url)?;
        config.tls.check()?;
        let events = Events::new();
        let connected = connect_patiently(&config, &servers, &events);
        let client = tokio::select! {
            biased;
            () = shutdown.cancelled() => return Err(ConnectError::Stopped),
            client = connected => client?,
        };
        check_server(&client, &servers)?;
        let jetstream = ContextBuilder::new()
            .timeout(ANSWER_WITHIN)
            .ack_timeout(ANSWER_WITHIN)
            .max_ack_inflight(1024)
            .build(client.clone());
        Ok(Self { client, jetstream, shards: config.shards.max(1), events })
    }

    /// Whether the connection stands at this moment.
    pub fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// Changes whenever the connection is made or lost.
    pub fn connections(&self) -> watch::Receiver<u64> {
        self.events.turns()
    }

    /// The number of mailbox streams.
    pub const fn shards(&self) -> u32 {
        self.shards
    }

    /// Sends what still waits to be sent and closes the connection. Subscriptions end.
    pub async fn close(&self) {
        if tokio::time::timeout(ANSWER_WITHIN, self.client.drain()).await.is_err() {
            tracing::debug!("the connection to nats did not drain in time");
        }
    }

    pub(crate) fn denial_of(&self, subject: &str) -> Denial {
        self.events.denial_of(subject)
    }

    pub(crate) fn gaps(&self) -> watch::Receiver<u64> {
        self.events.gaps()
    }
}

impl fmt::Debug for Bus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Bus")
            .field("connected", &self.is_connected())
            .field("shards", &self.shards)
            .finish_non_exhaustive()
    }
}

async fn connect_patiently(
    config: &BusConfig,
    servers: &[ServerAddr],
    events: &Events,
) -> Result<Client, ConnectError> {
    let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
    loop {
        let error = match options(config, events).connect(servers).await {
            Ok(client) => return Ok(client),
            Err(error) => error,
        };
        if let Some(reason) = tls::reason(&error) {
            return Err(ConnectError::Tls { server: shown(servers), reason });
        }
        match error.kind() {
            ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => {
                return Err(unauthorized(config, servers));
            }
            ConnectErrorKind::ServerParse => return Err(ConnectError::Url(error.to_string())),
            kind => {
                if backoff.should_warn() {
                    tracing::warn!(server = shown(servers), reason = %kind, "waiting for nats");
                }
            }
        }
        backoff.pause().await;
    }
}

fn options(config: &BusConfig, events: &Events) -> ConnectOptions {
    let events = events.clone();
    let options = login(config.credentials.as_ref())
        .name(&config.name)
        .ping_interval(PING_EVERY)
        .request_timeout(Some(ANSWER_WITHIN))
        .subscription_capacity(SUBSCRIPTION_HOLDS)
        .reconnect_delay_callback(reconnect_delay)
        .event_callback(move |event| {
            let events = events.clone();
            async move { events.record(event) }
        });
    let options = config.tls.apply(options);
    match &config.credentials {
        Some(credentials) => options.custom_inbox_prefix(credentials.inbox_prefix()),
        None => options,
    }
}

/// Asks the credentials anew at each login, so that a key can be rotated under a running service.
fn login(credentials: Option<&Credentials>) -> ConnectOptions {
    let Some(credentials) = credentials.cloned() else { return ConnectOptions::new() };
    ConnectOptions::with_auth_callback(move |nonce| {
        let credentials = credentials.clone();
        async move {
            let (user, signature) = credentials.sign(&nonce).map_err(AuthError::new)?;
            let mut auth = Auth::new();
            auth.nkey = Some(user);
            auth.signature = Some(signature);
            Ok(auth)
        }
    })
}

/// The first attempt comes at once, the rest with jitter: a restarted server meets its clients
/// one after the other.
fn reconnect_delay(attempt: usize) -> Duration {
    match attempt {
        0 | 1 => Duration::ZERO,
        more => delay(FIRST_PAUSE, LONGEST_PAUSE, u32::try_from(more - 2).unwrap_or(u32::MAX)),
    }
}

fn check_server(client: &Client, servers: &[ServerAddr]) -> Result<(), ConnectError> {
    let info = client.server_info();
    if !ServerVersion::find(&info.version).is_some_and(ServerVersion::is_new_enough) {
        return Err(ConnectError::TooOld { found: info.version });
    }
    if info.jetstream { Ok(()) } else { Err(ConnectError::NoJetStream(shown(servers))) }
}

fn addresses(url: &str) -> Result<Vec<ServerAddr>, ConnectError> {
    url.split(',')
        .map(|one| one.trim().parse().map_err(|error| ConnectError::Url(format!("{error}"))))
        .collect()
}

fn unauthorized(config: &BusConfig, servers: &[ServerAddr]) -> ConnectError {
    let public_key = config
        .credentials
        .as_ref()
        .map_or_else(|| "of an nkey (none was given)".to_owned(), Credentials::public_key);
    ConnectError::Unauthorized { server: shown(servers), public_key }
}

/// Hosts and ports; a URL may carry a password and is never shown.
fn shown(servers: &[ServerAddr]) -> String {
    let shown: Vec<_> =
        servers.iter().map(|server| format!("{}:{}", server.host(), server.port())).collect();
    shown.join(", ")
}
