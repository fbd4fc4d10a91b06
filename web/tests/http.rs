//! The HTTP side over a real socket, with a backend in memory behind it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]
#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    missing_debug_implementations,
    reason = "support that the preview shares"
)]

#[path = "http/chat.rs"]
mod chat;
#[path = "http/defence.rs"]
mod defence;
#[path = "http/demo.rs"]
mod demo;
#[path = "http/described.rs"]
mod described;
#[path = "http/direct.rs"]
mod direct;
#[path = "http/life.rs"]
mod life;
#[path = "http/login.rs"]
mod login;
#[path = "http/pages.rs"]
mod pages;
#[path = "http/safety.rs"]
mod safety;
#[path = "http/series.rs"]
mod series;
#[path = "http/status.rs"]
mod status;
#[path = "http/stream.rs"]
mod stream;

#[path = "support/client.rs"]
mod client;
#[path = "support/memory.rs"]
mod memory;
#[path = "support/plausible.rs"]
mod plausible;

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use client::Request;
use memory::{Agent, Memory};
use serde_json::Value;
use sysmaint_service::metrics::Metrics;
use sysmaint_web::{Config, LoginSettings, ServeError, bind, serve};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const SOURCE: &[u8] = b"\x1f\x8b the complete source";

struct Server {
    address: SocketAddr,
    memory: Memory,
    shutdown: CancellationToken,
    running: JoinHandle<Result<(), ServeError>>,
}

impl Server {
    async fn start(agent: Agent) -> Self {
        Self::with(agent, config()).await
    }

    async fn with(agent: Agent, config: Config) -> Self {
        let memory = Memory::new(agent, [config.alice.clone(), config.bob.clone()]);
        let listener = bind(&config).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let serving = serve(
            listener,
            config,
            Arc::new(memory.clone()),
            Metrics::start("0.0.0", None).unwrap(),
            SOURCE,
            shutdown.clone(),
        );
        Self { address, memory, shutdown, running: tokio::spawn(serving) }
    }

    async fn quick() -> Self {
        Self::start(Agent::Answers(Duration::from_millis(40))).await
    }

    async fn get(&self, path: &str) -> client::Response {
        Request::get(path).send(self.address).await
    }

    async fn post(&self, path: &str, body: Value) -> client::Response {
        Request::post(path, &body).send(self.address).await
    }
}

fn config() -> Config {
    Config {
        port: 0,
        bind: Ipv4Addr::LOCALHOST.into(),
        hosts: Vec::new(),
        tls: None,
        login: LoginSettings::default(),
        alice: "alice".parse().unwrap(),
        bob: "bob".parse().unwrap(),
        agent: "sysmaint".parse().unwrap(),
        chat_timeout: Duration::from_millis(300),
    }
}

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}
