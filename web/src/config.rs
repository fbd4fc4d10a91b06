//! What the web server is told at its start.

use std::{net::IpAddr, time::Duration};

use sysmaint_protocol::Handle;
use sysmaint_service::http_server::TlsFiles;

use crate::{HostName, LoginSettings};

/// Where to listen, and whose devices answer.
#[derive(Clone, Debug)]
pub struct Config {
    /// `WEB_PORT`, 3000 unless told otherwise; 0 takes any free port.
    pub port: u16,
    /// `WEB_BIND`, 127.0.0.1 unless told otherwise.
    pub bind: IpAddr,
    /// `WEB_HOSTS`: what the server is called beside its address.
    pub hosts: Vec<HostName>,
    /// `WEB_TLS_CERT_FILE` and `WEB_TLS_KEY_FILE`: HTTPS in place of HTTP.
    pub tls: Option<TlsFiles>,
    /// `WEB_LOGIN`, `WEB_PASSWORD` and what belongs to them.
    pub login: LoginSettings,
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

#[cfg(test)]
impl Config {
    /// On loopback, as it is without any setting.
    pub(crate) fn sample() -> Self {
        use std::net::Ipv4Addr;

        use sysmaint_protocol::identities;

        Self {
            port: 0,
            bind: Ipv4Addr::LOCALHOST.into(),
            hosts: Vec::new(),
            tls: None,
            login: LoginSettings::default(),
            alice: identities::alice(),
            bob: identities::bob(),
            agent: identities::agent(),
            chat_timeout: Duration::from_secs(25),
        }
    }
}
