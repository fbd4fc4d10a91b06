//! What the web server is told at its start.

use std::{net::IpAddr, time::Duration};

use sysmaint_protocol::Handle;
use sysmaint_service::http_server::TlsFiles;

/// Where to listen, and whose devices answer.
#[derive(Clone, Debug)]
pub struct Config {
    /// `WEB_PORT`, 3000 unless told otherwise; 0 takes any free port.
    pub port: u16,
    /// `WEB_BIND`, 127.0.0.1 unless told otherwise. Only a loopback address is accepted.
    pub bind: IpAddr,
    /// `WEB_TLS_CERT_FILE` and `WEB_TLS_KEY_FILE`: HTTPS in place of HTTP.
    pub tls: Option<TlsFiles>,
    /// `ALICE_ID`: the operator who chats with the agent.
    pub alice: Handle,
    /// `BOB_ID`: the other side of the demo.
    pub bob: Handle,
    /// `SYSMAINT_ID`: the agent.
    pub agent: Handle,
    /// `SYSMAINT_CHAT_TIMEOUT_MS`: how long `POST /api/chat` waits for the answer.
    pub chat_timeout: Duration,
}

impl Config {
    /// Whether this server holds a device of `handle`.
    pub fn holds(&self, handle: &Handle) -> bool {
        *handle == self.alice || *handle == self.bob
    }
}
