//! The pages over made-up data, for looking at them: `cargo run -p sysmaint-web --example preview`.
#![expect(clippy::unwrap_used, reason = "a tool for developing the pages")]
#![allow(dead_code, unreachable_pub, missing_debug_implementations, reason = "shared with tests")]

#[path = "../tests/support/memory.rs"]
mod memory;
#[path = "../tests/support/plausible.rs"]
mod plausible;

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use memory::{Agent, Memory, now};
use sysmaint_protocol::Handle;
use sysmaint_web::{Backend as _, Config, LoginSettings, bind, serve};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() {
    let handle = |text: &str| text.parse::<Handle>().unwrap();
    let config = Config {
        port: std::env::var("WEB_PORT").map_or(3000, |port| port.parse().unwrap()),
        bind: Ipv4Addr::LOCALHOST.into(),
        hosts: Vec::new(),
        tls: None,
        login: LoginSettings::default(),
        alice: handle("alice"),
        bob: handle("bob"),
        agent: handle("sysmaint"),
        chat_timeout: Duration::from_secs(25),
    };
    let people = [config.alice.clone(), config.bob.clone()];
    let agent = Agent::Answers(Duration::from_millis(2400));
    let memory = Memory::new(agent, people.clone());
    let empty = std::env::var_os("PREVIEW_EMPTY").is_some();
    if !empty {
        fill(&memory, &people).await;
    }
    let listener = bind(&config).await.unwrap();
    let shutdown = CancellationToken::new();
    let metrics = sysmaint_service::metrics::Metrics::start("preview", None).unwrap();
    let source = b"not an archive";
    serve(listener, config, Arc::new(memory), metrics, source, shutdown).await.unwrap();
}

async fn fill(memory: &Memory, [alice, bob]: &[Handle; 2]) {
    let minutes = |count: u64| Duration::from_secs(60 * count);
    memory.show_host(plausible::host("diagprobe-db1", now().before(minutes(14)), true));
    for (from, to, text) in [
        (alice, bob, "Are you there?"),
        (bob, alice, "Yes. Is this line private?"),
        (alice, bob, "The relay moves it and cannot read it. Look at the middle."),
    ] {
        memory.send(from, to, text.to_owned(), None).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let prompt = "What is the load, and is anything unusual?";
    memory.ask(prompt.to_owned(), false).await.unwrap();
    let memory = memory.clone();
    let people = [alice.clone(), bob.clone()];
    tokio::spawn(async move {
        let mut tick = tokio::time::interval(Duration::from_secs(2));
        loop {
            tick.tick().await;
            memory.show_host(plausible::host("diagprobe", now(), false));
            memory.show_host(plausible::host("diagprobe-web1", now(), false));
            if std::env::var_os("PREVIEW_TALK").is_some() {
                let text = "A line that talks by itself.".to_owned();
                memory.send(&people[0], &people[1], text, None).await.unwrap();
            }
        }
    });
}
