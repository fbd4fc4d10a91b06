//! Ports that nobody uses.

use std::net::TcpListener;

/// A free port on loopback. Somebody else could take it before it is used, which no test has seen.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
