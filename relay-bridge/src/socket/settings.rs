//! What bounds the connections of one bridge.

use std::time::Duration;

/// Settings of all connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketSettings {
    /// `RELAY_MAX_SOCKETS`: connections at a time; more are turned away.
    pub max: usize,
    /// How often a client is asked whether it is there. One that has not said a thing when the
    /// next question is due is gone.
    pub ping_every: Duration,
    /// How long a client may leave what it was sent unread.
    pub stall: Duration,
    /// How often a mailbox is read without a hint that something arrived.
    pub reread: Duration,
}

impl Default for SocketSettings {
    fn default() -> Self {
        Self {
            max: 12_000,
            ping_every: Duration::from_secs(20),
            stall: Duration::from_secs(10),
            reread: Duration::from_secs(30),
        }
    }
}
