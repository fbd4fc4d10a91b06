//! One connection: what it delivers, takes and refuses.

use std::time::Duration;

use sysmaint_protocol::{
    rest::Transport,
    websocket::{ClientFrame, CloseReason, SUBPROTOCOL, ServerFrame},
};
use sysmaint_relay_bridge::{Config, SocketSettings};

use crate::{
    client::{Client, as_browser, as_json, open, outgoing, refused, request, with_token},
    messages::{number_of, shaped},
    person::Person,
    stage::{Stage, eventually, mailbox},
};

/// Puts envelopes into a mailbox, each of another size; returns their bytes.
pub async fn fill(stage: &Stage, person: &Person, numbers: std::ops::Range<usize>) -> Vec<Vec<u8>> {
    let mut client = Client::connect(&stage.url, person.handle().as_str(), &person.token).await;
    let mut all = Vec::new();
    for number in numbers {
        let envelope = shaped(300 + number);
        let to = person.handle().as_str();
        client.say(&ClientFrame::Send(outgoing(to, number_of(person), envelope.clone()))).await;
        loop {
            match client.next().await {
                Some(ServerFrame::Sent { .. }) => break,
                Some(ServerFrame::Deliver { .. }) => {}
                other => panic!("not sent: {other:?}"),
            }
        }
        all.push(envelope);
    }
    all
}

#[tokio::test]
async fn what_is_sent_is_delivered_until_it_is_acknowledged() {
    let stage = Stage::new().await;
    let alice = Person::registered(&stage, "alice").await;
    let bob = Person::registered(&stage, "bob").await;
    let mut from = Client::connect(&stage.url, "alice", &alice.token).await;
    let mut to = Client::connect(&stage.url, "bob.1", &bob.token).await;

    let one = outgoing("bob", number_of(&bob), shaped(500));
    from.text(as_json(&one).to_string()).await;
    assert_eq!(from.next().await, Some(ServerFrame::Sent { id: one.id }));
    let first = to.delivery().await;
    assert_eq!((first.id, &first.envelope), (Some(one.id), &one.envelope.0));

    // Not acknowledged: it comes again.
    drop(to);
    let mut to = Client::connect(&stage.url, "bob.1", &bob.token).await;
    assert_eq!(to.delivery().await, first);
    to.ack(&[first.seq]).await;
    assert_eq!(stage.depth(&mailbox("bob")).await, 0);

    drop(to);
    let mut to = Client::connect(&stage.url, "bob.1", &bob.token).await;
    let two = outgoing("bob", number_of(&bob), shaped(600));
    from.say(&ClientFrame::Send(two.clone())).await;
    assert_eq!(from.next().await, Some(ServerFrame::Sent { id: two.id }));
    assert_eq!(to.delivery().await.id, Some(two.id));
    stage.end().await;
}

#[tokio::test]
async fn acknowledgements_in_any_order_remove_what_they_name() {
    let stage = Stage::new().await;
    let bob = Person::registered(&stage, "bob").await;
    let envelopes = fill(&stage, &bob, 0..10).await;
    let mut to = Client::connect(&stage.url, "bob", &bob.token).await;
    let all = to.deliveries(10).await;
    let bytes: Vec<_> = all.iter().map(|one| one.envelope.clone()).collect();
    assert_eq!(bytes, envelopes, "in order");

    to.ack(&[all[7].seq, all[2].seq, all[9].seq]).await;
    assert_eq!(stage.depth(&mailbox("bob")).await, 7);
    to.ack(&[all[1].seq, all[0].seq]).await;
    assert_eq!(stage.depth(&mailbox("bob")).await, 5);
    drop(to);

    let mut to = Client::connect(&stage.url, "bob", &bob.token).await;
    let left = to.deliveries(5).await;
    let expected: Vec<_> = [3, 4, 5, 6, 8].map(|index: usize| all[index].clone()).into();
    assert_eq!(left, expected);
    let sequences: Vec<_> = left.iter().map(|one| one.seq).collect();
    to.ack(&sequences).await;
    assert_eq!(stage.depth(&mailbox("bob")).await, 0);
    stage.end().await;
}

#[tokio::test]
async fn what_was_not_delivered_here_is_not_removed() {
    let stage = Stage::new().await;
    let bob = Person::registered(&stage, "bob").await;
    // Somebody whose envelopes are in the same stream, and so have other numbers.
    let shared = mailbox("bob").stream(8);
    let mut names = (0..).map(|number| format!("neighbour-{number}"));
    let neighbour = names.find(|name| mailbox(name).stream(8) == shared).unwrap();
    let other = Person::registered(&stage, &neighbour).await;
    fill(&stage, &other, 0..3).await;
    let mut from = Client::connect(&stage.url, &neighbour, &other.token).await;
    let foreign: Vec<_> = from.deliveries(3).await.iter().map(|one| one.seq).collect();

    fill(&stage, &bob, 0..2).await;
    let mut to = Client::connect(&stage.url, "bob", &bob.token).await;
    let own: Vec<_> = to.deliveries(2).await.iter().map(|one| one.seq).collect();
    let mut mixed = foreign.clone();
    mixed.extend([0, u64::MAX, own[1]]);
    to.say_ack(&mixed).await;
    assert_eq!(to.problem().await, (None, "not-delivered".to_owned()));
    assert_eq!(to.next().await, Some(ServerFrame::Acked { seq: vec![own[1]] }));
    // What is gone is not there to be acknowledged again.
    to.say_ack(&[own[1]]).await;
    assert_eq!(to.problem().await, (None, "not-delivered".to_owned()));
    assert_eq!(stage.depth(&other.mailbox()).await, 3);
    assert_eq!(stage.depth(&mailbox("bob")).await, 1);
    assert_eq!(stage.rejects("foreign_ack").await, 6);
    stage.end().await;
}

#[tokio::test]
async fn at_most_256_deliveries_are_on_their_way() {
    let stage = Stage::new().await;
    let bob = Person::registered(&stage, "bob").await;
    let own = mailbox("bob");
    let sends = (0..300).map(|number| stage.put(&own, shaped(300 + number)));
    futures_util::future::join_all(sends).await;
    let mut to = Client::connect(&stage.url, "bob", &bob.token).await;
    let all = to.deliveries(256).await;
    assert!(all.is_sorted_by_key(|one| one.seq));
    assert_eq!(to.next_within(Duration::from_millis(300)).await, None);

    to.say_ack(&[all[255].seq, all[0].seq]).await;
    let mut more = Vec::new();
    while more.len() < 2 {
        match to.next().await {
            Some(ServerFrame::Deliver { seq, .. }) => more.push(seq),
            Some(ServerFrame::Acked { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(more[0] > all[255].seq && more[1] > more[0]);
    assert_eq!(to.next_within(Duration::from_millis(300)).await, None);
    stage.end().await;
}

#[tokio::test]
async fn only_the_devices_own_token_opens_a_connection() {
    let stage = Stage::new().await;
    let alice = Person::registered(&stage, "alice").await;
    let bob = Person::registered(&stage, "bob").await;
    let carol = Person::new(&stage, "carol");
    let carol_token = carol.register(&stage, Transport::Nats).await.json();
    let url = &stage.url;
    let turned_away = [
        (request(url, "alice"), 401, "unauthenticated"),
        (with_token(url, "alice", "guess"), 401, "unauthenticated"),
        (as_browser(url, "alice", "guess"), 401, "unauthenticated"),
        (with_token(url, "alice", &bob.token), 403, "other-device"),
        (with_token(url, "alice.2", &alice.token), 403, "other-device"),
        (with_token(url, "Alice", &alice.token), 400, "invalid-request"),
        (with_token(url, "alice.0", &alice.token), 400, "invalid-request"),
        (with_token(url, "", &alice.token), 400, "invalid-request"),
        (with_token(url, "carol", carol_token["token"].as_str().unwrap()), 409, "other-transport"),
    ];
    for (request, status, kind) in turned_away {
        let asked = format!("{:?}", request.uri());
        assert_eq!(refused(request).await, (status, kind.to_owned()), "{asked}");
    }
    stage.get("/ws?client_id=alice", Some(&alice.token)).await.problem(426, "not-a-websocket");
    stage.end().await;
}

#[tokio::test]
async fn a_browser_shows_its_token_as_a_subprotocol_and_never_sees_it_again() {
    let stage = Stage::new().await;
    let alice = Person::registered(&stage, "alice").await;
    let (mut client, response) = open(as_browser(&stage.url, "alice", &alice.token)).await;
    assert_eq!(response.headers()["sec-websocket-protocol"], SUBPROTOCOL);
    assert!(!format!("{response:?}").contains(&alice.token));
    let one = outgoing("alice", number_of(&alice), shaped(400));
    client.say(&ClientFrame::Send(one.clone())).await;
    assert_eq!(client.next().await, Some(ServerFrame::Sent { id: one.id }));
    assert_eq!(client.delivery().await.id, Some(one.id));
    stage.end().await;
}

#[tokio::test]
async fn an_envelope_is_judged_as_over_http() {
    let stage = Stage::new().await;
    let alice = Person::registered(&stage, "alice").await;
    let bob = Person::registered(&stage, "bob").await;
    let mut from = Client::connect(&stage.url, "alice", &alice.token).await;
    let known = number_of(&bob);
    let good = || outgoing("bob", known, shaped(500));
    let mut other_device = good();
    other_device.device_id = 2_u8.try_into().unwrap();
    let cases = [
        (outgoing("bob", known, b"plain text".to_vec()), "not-an-envelope"),
        (outgoing("bob", known, shaped(96 * 1024)), "envelope-too-large"),
        (outgoing("nobody", known, shaped(500)), "unknown-identity"),
        (outgoing("bob", known + 1, shaped(500)), "stale-devices"),
        (other_device, "mismatched-devices"),
    ];
    for (envelope, kind) in cases {
        from.say(&ClientFrame::Send(envelope.clone())).await;
        assert_eq!(from.problem().await, (Some(envelope.id), kind.to_owned()));
    }
    let one = good();
    let mut bare = as_json(&one);
    bare["envelope"] = "a secret, in plain words".into();
    from.text(bare.to_string()).await;
    assert_eq!(from.problem().await, (Some(one.id), "not-an-envelope".to_owned()));
    assert_eq!(stage.rejects("not_an_envelope").await, 2);
    assert_eq!(stage.depth(&mailbox("bob")).await, 0);
    // The connection goes on, and a repetition is stored once.
    for _ in 0..3 {
        from.say(&ClientFrame::Send(one.clone())).await;
        assert_eq!(from.next().await, Some(ServerFrame::Sent { id: one.id }));
    }
    assert_eq!(stage.depth(&mailbox("bob")).await, 1);
    stage.end().await;
}

#[tokio::test]
async fn what_is_no_frame_ends_the_connection() {
    let stage = Stage::new().await;
    let alice = Person::registered(&stage, "alice").await;
    let ack = format!("{{\"type\":\"ack\",\"seq\":{:?}}}", [1; 257]);
    let garbage =
        ["", "hello", "[]", "{\"type\":\"deliver\"}", "{\"type\":\"ack\",\"seq\":7}", &ack];
    for text in garbage {
        let mut client = Client::connect(&stage.url, "alice", &alice.token).await;
        client.text(text.to_owned()).await;
        assert_eq!(client.problem().await, (None, "invalid-request".to_owned()), "{text}");
        assert_eq!(client.closed().await, CloseReason::Violation, "{text}");
    }
    let mut client = Client::connect(&stage.url, "alice", &alice.token).await;
    futures_util::SinkExt::send(&mut client.stream, vec![1_u8, 2, 3].into()).await.unwrap();
    assert_eq!(client.closed().await, CloseReason::Violation);

    // More than any frame has: cut off before it is all read.
    let mut client = Client::connect(&stage.url, "alice", &alice.token).await;
    let long = "a".repeat(4 * 1024 * 1024);
    let _cut_off = futures_util::SinkExt::send(&mut client.stream, long.into()).await;
    while client.next().await.is_some() {}
    eventually("all to be counted", async || {
        stage.rejects("socket_violation").await == garbage.len() as u64 + 2
    })
    .await;
    stage.end().await;
}

#[tokio::test]
async fn there_is_room_for_so_many_and_no_more() {
    let sockets = SocketSettings { max: 2, ..SocketSettings::default() };
    let stage = Stage::with(Config { port: 0, sockets, ..Config::default() }).await;
    let alice = Person::registered(&stage, "alice").await;
    let bob = Person::registered(&stage, "bob").await;
    let carol = Person::registered(&stage, "carol").await;
    let first = Client::connect(&stage.url, "alice", &alice.token).await;
    let _second = Client::connect(&stage.url, "bob", &bob.token).await;
    let third = || with_token(&stage.url, "carol", &carol.token);
    assert_eq!(refused(third()).await, (503, "too-many-sockets".to_owned()));
    let report = stage.get("/diagnostics", None).await.json();
    assert_eq!(report["sockets"], serde_json::json!({ "open": 2, "max": 2 }));
    drop(first);
    eventually("the first one's room", async || {
        tokio_tungstenite::connect_async(third()).await.is_ok()
    })
    .await;
    stage.end().await;
}
