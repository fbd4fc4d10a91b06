//! Ports that nobody uses.

use std::net::TcpListener;

/// A free port on loopback. Somebody else could take it before it is used, which no test has seen.
pub fn free_port() -> u16 {
    let [port] = free_ports();
    port
}

/// Several, each another one: what was just given back may be given out again at once.
pub fn free_ports<const N: usize>() -> [u16; N] {
    let listeners = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.each_ref().map(|listener| listener.local_addr().unwrap().port())
}
