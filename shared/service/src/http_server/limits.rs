//! What one client, and all of them together, may take of a listener.

use std::time::Duration;

/// The bounds of one listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections open at a time, sockets included.
    pub connections: usize,
    /// Of these, from one peer: an IPv4 address or an IPv6 /64. Loopback peers are exempt, since
    /// a proxy on this machine brings everybody's connections.
    pub connections_per_peer: usize,
    /// What a request line and its headers may take to arrive, and a TLS handshake.
    pub header_time: Duration,
    /// How long a connection may wait for its next request.
    pub idle_time: Duration,
    /// How long a client may take no byte of what is sent to it.
    pub stall_time: Duration,
    /// Bytes of a request line and its headers.
    pub header_bytes: usize,
    /// Headers of a request.
    pub headers: usize,
    /// How long open requests may go on after the shutdown was asked for.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 16_384,
            connections_per_peer: 256,
            header_time: Duration::from_secs(10),
            idle_time: Duration::from_secs(75),
            stall_time: Duration::from_secs(30),
            header_bytes: 16 * 1024,
            headers: 64,
            grace: Duration::from_secs(5),
        }
    }
}
