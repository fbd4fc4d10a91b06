//! The server's life.

use std::{collections::HashSet, process::Command, time::Duration};

use sysmaint_bus::{
    Bus, BusConfig, EffectiveDurability, Mailbox as _, NatsMailbox, NatsServer, NatsServerConfig,
    ServerError, StreamTable, conf::Durability,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use tokio_util::sync::CancellationToken;

use crate::site::{
    Directory, PATIENCE, Site, config, connect, envelope, eventually, mailbox, sealed,
};

fn kill(pid: u32) {
    assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
}

fn runs(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit_once(')').unwrap().1.starts_with(" Z"))
}

#[tokio::test]
async fn a_killed_server_is_started_again_and_has_lost_nothing() {
    let (site, relay) = Site::new().await;
    relay.ensure_mailbox(&mailbox("bob")).await.unwrap();
    let alice = NatsMailbox::new(site.bus("alice").await);
    let bob = NatsMailbox::new(site.bus("bob").await);
    let mut deliveries = bob.open(&mailbox("bob")).await.unwrap();
    for number in 0..50 {
        alice.publish(&sealed("bob", number)).await.unwrap();
    }
    let before = site.server.pid();
    kill(before);
    eventually("another server", async || (site.server.pid() != before).then_some(())).await;

    let mut expected: HashSet<_> = (0..51).map(envelope).collect();
    eventually("a confirmed publish", async || alice.publish(&sealed("bob", 50)).await.ok()).await;
    while !expected.is_empty() {
        let group = tokio::time::timeout(PATIENCE, deliveries.next(16)).await.unwrap().unwrap();
        for delivery in group {
            if delivery.acknowledgement.acknowledge().await.is_ok() {
                expected.remove(&delivery.bytes);
            }
        }
    }
    assert_eq!(relay.mailbox_depth(&mailbox("bob")).await.unwrap(), 0);
    site.server.stop().await;
}

#[tokio::test]
async fn a_taken_port_is_an_error_that_names_it() {
    let directory = Directory::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let outcome = NatsServer::start(config(directory.path(), port)).await;
    let Err(error @ ServerError::PortTaken { .. }) = outcome else { panic!("{outcome:?}") };
    let text = error.to_string();
    assert!(text.contains(&port.to_string()) && text.contains("NATS_PORT"), "{text}");
    assert!(text.contains(&format!("process {}", std::process::id())), "{text}");
}

#[tokio::test]
async fn a_server_that_outlived_its_supervisor_is_adopted_with_its_clients() {
    let (site, relay) = Site::new().await;
    let Site { server, directory } = site;
    let (pid, url) = (server.pid(), server.url());
    drop(server);
    assert!(runs(pid));

    let server = NatsServer::start(config(directory.path(), 0)).await.unwrap();
    assert!(server.was_adopted());
    assert_eq!((server.pid(), server.url()), (pid, url));
    assert!(relay.is_connected());
    relay.diagnostics().await.unwrap();

    // An adopted server is watched like any other,
    kill(pid);
    eventually("another server", async || (server.pid() != pid).then_some(())).await;
    eventually("its streams", async || relay.diagnostics().await.ok()).await;
    // and stopped like any other.
    let pid = server.pid();
    server.stop().await;
    assert!(!runs(pid));
}

#[tokio::test]
async fn a_survivor_with_another_configuration_is_restarted_and_keeps_its_streams() {
    let (site, _relay) = Site::new().await;
    let Site { server, directory } = site;
    let pid = server.pid();
    drop(server);
    let changed = NatsServerConfig { durability: Durability::Power, ..config(directory.path(), 0) };
    let server = NatsServer::start(changed).await.unwrap();
    assert!(!server.was_adopted() && !runs(pid));
    let system = connect(&server.url(), directory.path(), "system").await;
    assert_eq!(system.durability().await.unwrap(), EffectiveDurability::Power);
    let relay = connect(&server.url(), directory.path(), "relay").await;
    assert_eq!(relay.diagnostics().await.unwrap().streams.len(), 16);
    server.stop().await;
}

#[tokio::test]
async fn stopping_ends_it_and_the_next_start_carries_on() {
    let (site, relay) = Site::new().await;
    let alice = NatsMailbox::new(site.bus("alice").await);
    alice.publish(&sealed("bob", 1)).await.unwrap();
    drop(relay);
    let Site { server, directory } = site;
    let pid = server.pid();
    server.stop().await;
    assert!(!runs(pid));

    let server = NatsServer::start(config(directory.path(), 0)).await.unwrap();
    assert!(!server.was_adopted());
    let relay = connect(&server.url(), directory.path(), "relay").await;
    relay.ensure_streams(&StreamTable::single_server()).await.unwrap();
    assert_eq!(relay.mailbox_depth(&mailbox("bob")).await.unwrap(), 1);
    server.stop().await;
}

#[tokio::test]
async fn a_configuration_that_does_not_work_is_reported_with_the_servers_words() {
    let directory = Directory::new();
    let mut wrong = config(directory.path(), 0);
    wrong.users[0].public_key = "nonsense".to_owned();
    let outcome = tokio::time::timeout(Duration::from_secs(10), NatsServer::start(wrong)).await;
    let Err(error @ ServerError::NotReady { .. }) = outcome.unwrap() else { panic!("started") };
    assert!(error.to_string().to_lowercase().contains("nkey"), "{error}");
}

/// Greets as nats-server does and answers the first ping.
async fn greet(greeting: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("nats://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(format!("INFO {greeting}\r\n").as_bytes()).await.unwrap();
        let mut asked = Vec::new();
        while !asked.ends_with(b"PING\r\n") {
            stream.read_buf(&mut asked).await.unwrap();
        }
        stream.write_all(b"PONG\r\n").await.unwrap();
        // Held open until the client has made up its mind.
        stream.read_buf(&mut asked).await.unwrap_or_default();
    });
    url
}

#[tokio::test]
async fn a_server_that_cannot_do_the_work_is_refused_with_the_reason() {
    let old = r#"{"version":"2.9.10","jetstream":true,"headers":true,"max_payload":1048576}"#;
    let bare = r#"{"version":"2.15.1","headers":true,"max_payload":1048576}"#;
    for (greeting, reason) in [(old, "2.9.10 is too old: 2.11"), (bare, "without JetStream")] {
        let config = BusConfig::new(&greet(greeting).await, None, "sysmaint-test");
        let outcome = Bus::connect(config, &CancellationToken::new()).await;
        let error = outcome.unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
}
