//! Clients that do not read, clients that are gone, and a broker that goes away.

use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, future::join_all};
use sysmaint_protocol::websocket::{ClientFrame, CloseReason, ServerFrame};
use sysmaint_relay_bridge::{Config, SocketSettings};

use crate::{
    bridge::Bridge,
    client::{Client, outgoing},
    messages::{number_of, shaped},
    person::Person,
    stage::{Stage, eventually, mailbox},
};

async fn with(sockets: SocketSettings) -> Stage {
    Stage::with(Config { port: 0, sockets, ..Config::default() }).await
}

/// Far more than the system keeps for a connection.
async fn fill_with_large_ones(stage: &Stage, handle: &str) {
    let own = mailbox(handle);
    for _ in 0..5 {
        join_all((0..50).map(|_| stage.put(&own, shaped(90 * 1024)))).await;
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut_off() {
    let stall = Duration::from_millis(1500);
    let stage = with(SocketSettings { stall, ..SocketSettings::default() }).await;
    let alice = Person::registered(&stage, "alice").await;
    fill_with_large_ones(&stage, "alice").await;
    let mut client = Client::connect(&stage.url, "alice", &alice.token).await;
    eventually("the client to be cut off", async || stage.rejects("socket_too_slow").await == 1)
        .await;
    eventually("its place to be free", async || {
        stage.get("/diagnostics", None).await.json()["sockets"]["open"] == 0
    })
    .await;
    // What the system had taken still comes; then it ends. Nothing is lost.
    while client.stream.next().await.is_some_and(|message| message.is_ok()) {}
    assert_eq!(stage.depth(&mailbox("alice")).await, 250);
    stage.end().await;
}

#[tokio::test]
async fn a_client_that_pauses_misses_nothing_and_gets_nothing_twice() {
    let stage = Stage::new().await;
    let alice = Person::registered(&stage, "alice").await;
    fill_with_large_ones(&stage, "alice").await;
    let mut client = Client::connect(&stage.url, "alice", &alice.token).await;
    let first = client.delivery().await;
    // Longer than the bridge keeps in memory what a client does not take.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let mut sequences = vec![first.seq];
    sequences.extend(client.deliveries(249).await.iter().map(|one| one.seq));
    assert!(sequences.windows(2).all(|pair| pair[0] < pair[1]), "{sequences:?}");
    client.ack(&sequences).await;
    assert_eq!(stage.depth(&mailbox("alice")).await, 0);
    stage.end().await;
}

#[tokio::test]
async fn who_does_not_answer_pings_is_gone_and_who_does_stays() {
    let ping_every = Duration::from_millis(250);
    let stage = with(SocketSettings { ping_every, ..SocketSettings::default() }).await;
    let alice = Person::registered(&stage, "alice").await;
    let bob = Person::registered(&stage, "bob").await;
    let mut there = Client::connect(&stage.url, "bob", &bob.token).await;
    let mut silent = Client::connect(&stage.url, "alice", &alice.token).await;
    assert_eq!(there.next_within(ping_every * 8).await, None);
    assert_eq!(silent.closed().await, CloseReason::TooSlow);
    let id = stage.put(&mailbox("bob"), shaped(400)).await;
    assert_eq!(there.delivery().await.id, Some(id));
    stage.end().await;
}

#[tokio::test]
async fn an_outage_of_the_broker_is_waited_out() {
    let stage = Stage::new().await;
    let second = Bridge::beside(&stage).await;
    let alice = Person::registered(&stage, "alice").await;
    let bob = Person::registered(&stage, "bob").await;
    let own = mailbox("alice");
    join_all((0..20).map(|number| stage.put(&own, shaped(300 + number)))).await;
    let mut client = Client::connect(&stage.url, "alice", &alice.token).await;
    let mut from = Client::connect(&second.url, "bob", &bob.token).await;
    let before = client.deliveries(20).await;

    stage.kill_server();
    // Said into the outage, and answered after it.
    let sequences: Vec<_> = before.iter().map(|one| one.seq).collect();
    client.say_ack(&sequences).await;
    let mut left = sequences.len();
    while left > 0 {
        match client.next().await {
            Some(ServerFrame::Acked { seq }) => left -= seq.len(),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(stage.depth(&own).await, 0);

    let one = outgoing("alice", number_of(&alice), shaped(500));
    let deadline = Instant::now() + crate::stage::PATIENCE;
    loop {
        from.say(&ClientFrame::Send(one.clone())).await;
        match from.next().await {
            Some(ServerFrame::Sent { id }) => break assert_eq!(id, one.id),
            Some(ServerFrame::Error { retry_after_s: Some(_), .. }) => {
                assert!(Instant::now() < deadline);
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(client.delivery().await.id, Some(one.id));
    second.end().await;
    stage.end().await;
}
