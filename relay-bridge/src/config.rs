//! What can be set.

use std::net::{IpAddr, Ipv4Addr};

use secrecy::SecretString;
use sysmaint_bus::{BusConfig, EffectiveDurability};

use crate::LimitSettings;

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
    /// Who presents it as bearer token may read `/diagnostics` from anywhere.
    pub operator_token: Option<SecretString>,
    /// How often who may ask.
    pub limits: LimitSettings,
}

impl Config {
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
            operator_token: None,
            limits: LimitSettings::default(),
        }
    }
}
