//! Which connection of a device counts, on one bridge and on several.

use sysmaint_protocol::{
    rest::{Registered, Transport},
    websocket::{CloseReason, ServerFrame},
};

use crate::{
    bridge::Bridge,
    client::{Client, refused, with_token},
    messages::shaped,
    person::Person,
    stage::{Stage, mailbox},
};

/// That it still delivers, and removes.
async fn assert_serves(stage: &Stage, client: &mut Client, handle: &str) {
    let id = stage.put(&mailbox(handle), shaped(400)).await;
    let delivery = client.delivery().await;
    assert_eq!(delivery.id, Some(id));
    client.ack(&[delivery.seq]).await;
}

#[tokio::test]
async fn the_newest_connection_of_a_device_takes_over() {
    let stage = Stage::new().await;
    let alice = Person::registered(&stage, "alice").await;
    let bob = Person::registered(&stage, "bob").await;
    let mut other = Client::connect(&stage.url, "bob", &bob.token).await;
    let mut client = Client::connect(&stage.url, "alice", &alice.token).await;
    for _ in 0..5 {
        let newer = Client::connect(&stage.url, "alice", &alice.token).await;
        assert_eq!(client.closed().await, CloseReason::Replaced);
        client = newer;
        assert_serves(&stage, &mut client, "alice").await;
    }
    assert_serves(&stage, &mut other, "bob").await;
    let report = stage.get("/diagnostics", None).await.json();
    assert_eq!(report["accepted"]["socket_replaced"], 5);
    assert_eq!(report["accepted"]["socket_opened"], 7);
    assert_eq!(report["sockets"]["open"], 2);
    stage.end().await;
}

#[tokio::test]
async fn the_newest_connection_takes_over_at_whichever_bridge_it_is() {
    let stage = Stage::new().await;
    let second = Bridge::beside(&stage).await;
    let alice = Person::registered(&stage, "alice").await;
    let mut client = Client::connect(&stage.url, "alice", &alice.token).await;
    assert_serves(&stage, &mut client, "alice").await;
    for bridge in [&second.url, &stage.url, &stage.url, &second.url, &second.url, &stage.url] {
        let mut newer = Client::connect(bridge, "alice", &alice.token).await;
        assert_serves(&stage, &mut newer, "alice").await;
        assert_eq!(client.closed().await, CloseReason::Replaced);
        client = newer;
    }
    second.end().await;
    assert_serves(&stage, &mut client, "alice").await;
    stage.end().await;
}

#[tokio::test]
async fn a_new_token_ends_what_was_opened_with_the_old_one_everywhere() {
    let stage = Stage::new().await;
    let second = Bridge::beside(&stage).await;
    let mut alice = Person::registered(&stage, "alice").await;
    for url in [&second.url, &stage.url] {
        let mut client = Client::connect(url, "alice", &alice.token).await;
        assert_serves(&stage, &mut client, "alice").await;
        let old = alice.token.clone();
        let again: Registered = alice.register(&stage, Transport::Relay).await.into(200);
        alice.take(&again);
        assert_eq!(client.closed().await, CloseReason::Revoked);
        let refusal = refused(with_token(url, "alice", &old)).await;
        assert_eq!(refusal, (401, "unauthenticated".to_owned()));
    }
    // The new token's connection does not suffer from it.
    let mut client = Client::connect(&second.url, "alice", &alice.token).await;
    assert_serves(&stage, &mut client, "alice").await;
    second.end().await;
    assert_eq!(client.closed().await, CloseReason::ShuttingDown);
    stage.end().await;
}

#[tokio::test]
async fn whoever_registers_anew_while_others_connect_leaves_no_old_connection() {
    let stage = Stage::new().await;
    let mut alice = Person::registered(&stage, "alice").await;
    for _ in 0..10 {
        let old = alice.token.clone();
        let connecting = tokio_tungstenite::connect_async(with_token(&stage.url, "alice", &old));
        let (opened, registered) =
            tokio::join!(connecting, alice.register(&stage, Transport::Relay));
        alice.take(&registered.into(200));
        if let Ok((stream, _)) = opened {
            assert_eq!(Client { stream }.closed().await, CloseReason::Revoked);
        }
    }
    stage.end().await;
}

#[tokio::test]
async fn a_stopping_bridge_answers_what_it_took_and_says_so() {
    let stage = Stage::new().await;
    let second = Bridge::beside(&stage).await;
    let alice = Person::registered(&stage, "alice").await;
    let bob = Person::registered(&stage, "bob").await;
    let mut idle = Client::connect(&second.url, "bob", &bob.token).await;
    let mut client = Client::connect(&second.url, "alice", &alice.token).await;
    for number in 0..40 {
        let known = crate::messages::number_of(&bob);
        let one = crate::client::outgoing("bob", known, shaped(300 + number));
        client.say(&sysmaint_protocol::websocket::ClientFrame::Send(one)).await;
    }
    let first = idle.delivery().await;
    idle.say_ack(&[first.seq]).await;
    second.stop.cancel();

    let (mut sent, mut reason) = (0, None);
    while let Some(frame) = client.next().await {
        match frame {
            ServerFrame::Sent { .. } => sent += 1,
            ServerFrame::Closed { reason: said } => reason = Some(said),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(reason, Some(CloseReason::ShuttingDown));
    let mut acked = 0;
    while let Some(frame) = idle.next().await {
        match frame {
            ServerFrame::Acked { seq } => acked += seq.len() as u64,
            ServerFrame::Deliver { .. } => {}
            ServerFrame::Closed { reason } => assert_eq!(reason, CloseReason::ShuttingDown),
            other => panic!("{other:?}"),
        }
    }
    // Nothing was taken without an answer: what was not answered was not read either.
    assert_eq!(stage.depth(&mailbox("bob")).await, sent - acked);
    second.end().await;
    stage.end().await;
}
