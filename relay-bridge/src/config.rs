//! What can be set.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr},
    str::FromStr,
    time::Duration,
};

use secrecy::SecretString;
use sysmaint_bus::{BusConfig, EffectiveDurability};
use sysmaint_service::http_server::{Limits, TlsFiles};

use crate::{LimitSettings, SocketSettings};

/// A bridge's settings.
#[derive(Clone, Debug)]
pub struct Config {
    /// `RELAY_PORT`: where HTTP is served; 0 takes any free port.
    pub port: u16,
    /// `RELAY_BIND`: on which address. Off loopback every registration over HTTP needs a one-time
    /// code.
    pub bind: IpAddr,
    /// Mailbox streams; the same number for every bridge and device of one broker.
    pub shards: u32,
    /// Copies of each stream: 1 on a single server, 3 in a cluster.
    pub replicas: usize,
    /// What the broker was found to do with its disk, for `/diagnostics`: only a connection to the
    /// system account can tell, and a bridge has none.
    pub durability: EffectiveDurability,
    /// `RELAY_AUDIT_DAYS`: how long rows of the audit are kept.
    pub audit_retention: Duration,
    /// Who presents it as bearer token may read `/diagnostics` from anywhere.
    pub operator_token: Option<SecretString>,
    /// `RELAY_DIAGNOSTICS`: who else may.
    pub diagnostics: DiagnosticsAccess,
    /// What bounds WebSocket connections.
    pub sockets: SocketSettings,
    /// `RELAY_MAX_CONNECTIONS`, `RELAY_MAX_CONNECTIONS_PER_PEER`, `RELAY_HEADER_TIMEOUT_MS`: what
    /// clients may take of the listener.
    pub http: Limits,
    /// `RELAY_TLS_CERT_FILE` and `RELAY_TLS_KEY_FILE`: HTTPS in place of HTTP.
    pub tls: Option<TlsFiles>,
    /// How often who may ask.
    pub limits: LimitSettings,
}

impl Config {
    /// How long rows of the audit are kept unless configured otherwise: 90 days.
    pub const AUDIT_RETENTION: Duration = Duration::from_hours(24 * 90);

    /// Whether a registration over HTTP needs a one-time code even from this machine: a relay
    /// that others reach may sit behind a proxy, whose requests come from loopback too.
    pub fn requires_code(&self) -> bool {
        !self.bind.is_loopback()
    }
}

impl Default for Config {
    /// The documented defaults: 127.0.0.1:8080, eight mailbox streams, one copy of each.
    fn default() -> Self {
        Self {
            port: 8080,
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            shards: BusConfig::SHARDS,
            replicas: 1,
            durability: EffectiveDurability::Unknown,
            audit_retention: Self::AUDIT_RETENTION,
            operator_token: None,
            diagnostics: DiagnosticsAccess::default(),
            sockets: SocketSettings::default(),
            http: Limits::default(),
            tls: None,
            limits: LimitSettings::default(),
        }
    }
}

/// Who may read `/diagnostics` and `/metrics` without the operator's token: totals and settings,
/// no names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DiagnosticsAccess {
    /// The relay's own machine, by a loopback address.
    #[default]
    Local,
    /// Whoever reaches the relay. For a port that nobody but you can reach.
    Open,
}

/// Neither of them.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("use local (this machine, and the operator's token) or open (whoever reaches the relay)")]
pub struct UnknownDiagnosticsAccess;

impl FromStr for DiagnosticsAccess {
    type Err = UnknownDiagnosticsAccess;

    fn from_str(text: &str) -> Result<Self, UnknownDiagnosticsAccess> {
        match text {
            "local" => Ok(Self::Local),
            "open" => Ok(Self::Open),
            _ => Err(UnknownDiagnosticsAccess),
        }
    }
}

impl fmt::Display for DiagnosticsAccess {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Local => "local",
            Self::Open => "open",
        })
    }
}
