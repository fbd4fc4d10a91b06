//! A nats-server that a person runs: with a rendered configuration, and as the test wants it.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use sysmaint_bus::{
    Role,
    conf::{NatsUser, ServerConfig},
};

use crate::site::{credentials, issuer, mailbox};

/// Its process ends with the value.
pub struct Manual {
    child: Child,
    conf: PathBuf,
}

impl Manual {
    pub fn start(conf: &Path, text: &str) -> Self {
        std::fs::write(conf, text).unwrap();
        Self { child: spawn(conf), conf: conf.to_owned() }
    }

    /// As `kill -9` does it.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// With the configuration that it had.
    pub fn start_again(&mut self) {
        self.child = spawn(&self.conf);
    }
}

impl Drop for Manual {
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
        let _collected_already = self.child.wait();
    }
}

fn spawn(conf: &Path) -> Child {
    let named = std::env::var("NATS_SERVER_BIN").unwrap_or_else(|_| "nats-server".to_owned());
    let mut options = std::fs::File::options();
    let log = options.create(true).append(true).open(conf.with_extension("log")).unwrap();
    Command::new(named)
        .arg("-c")
        .arg(conf)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap()
}

/// Ports that were free a moment ago.
pub fn free_ports<const N: usize>() -> [u16; N] {
    let listeners = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

/// What a rendered configuration of a test starts from.
pub fn server_config(directory: &Path, name: &str, port: u16) -> ServerConfig {
    let user = |name: &str, role| NatsUser::new(name, &credentials(directory, name), role);
    ServerConfig {
        max_file_bytes: 1024 * 1024 * 1024,
        users: vec![
            user("relay", Role::Relay),
            user("alice", Role::Service(vec![mailbox("alice")])),
            user("bob", Role::Service(vec![mailbox("bob")])),
            user("system", Role::System),
            user("callout", Role::Callout),
        ],
        issuer: Some(issuer(directory).public_key().to_owned()),
        ..ServerConfig::new(&format!("127.0.0.1:{port}"), directory.join(name))
    }
}
