//! Slow, greedy and many clients.

use std::{
    fmt::Write as _,
    net::IpAddr,
    time::{Duration, Instant},
};

use sysmaint_service::http_server::Limits;
use tokio::net::TcpSocket;

use crate::stage::{Client, PATIENCE, Stage, eventually};

const SOON: Duration = Duration::from_millis(300);

#[tokio::test]
async fn headers_that_take_too_long_are_cut_off() {
    let stage = Stage::new(Limits { header_time: SOON, ..Limits::default() }).await;
    let (mut silent, mut slow) = (stage.connect().await, stage.connect().await);
    let began = Instant::now();
    slow.say("GET / HTTP/1.1\r\nHost: localhost\r\n").await;
    let dripping = async {
        // A header every now and then keeps nothing alive.
        while slow.0.writable().await.is_ok() && slow.0.try_write(b"X-A: b\r\n").is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, dripping).await.unwrap();
    assert_eq!(silent.rest().await, "");
    assert!(began.elapsed() >= SOON);
    assert_eq!(stage.event("slow_headers"), 2);
    stage.end().await;
}

#[tokio::test]
async fn a_second_request_has_as_little_time_for_its_headers() {
    let limits =
        Limits { header_time: SOON, idle_time: Duration::from_mins(10), ..Limits::default() };
    let stage = Stage::new(limits).await;
    let mut client = stage.connect().await;
    assert!(client.get("/").await.ends_with("here"));
    // Waiting is allowed for longer than headers may take.
    tokio::time::sleep(SOON * 3).await;
    assert!(client.get("/").await.ends_with("here"));
    client.say("GET").await;
    client.rest().await;
    assert_eq!(stage.event("slow_headers"), 1);
    stage.end().await;
}

#[tokio::test]
async fn a_connection_that_is_not_used_is_closed() {
    let stage = Stage::new(Limits { idle_time: SOON, ..Limits::default() }).await;
    let mut client = stage.connect().await;
    client.get("/").await;
    assert_eq!(client.rest().await, "");
    assert_eq!((stage.event("idle"), stage.event("slow_headers")), (1, 0));
    stage.end().await;
}

#[tokio::test]
async fn an_answer_may_take_longer_than_waiting_may() {
    let limits = Limits { idle_time: SOON, header_time: SOON, ..Limits::default() };
    let stage = Stage::new(limits).await;
    assert!(stage.connect().await.get("/slow").await.ends_with("at last"));
    stage.end().await;
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_given_up() {
    let stage = Stage::new(Limits { stall_time: SOON, ..Limits::default() }).await;
    let mut client = stage.connect().await;
    client.say("GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    stage.events("stalled", 1).await;
    eventually("its place to be free", || stage.connections.open() == 0).await;
    stage.end().await;
}

#[tokio::test]
async fn headers_are_bounded_in_number_and_size() {
    let stage = Stage::new(Limits::default()).await;
    let ask = async |headers: String| {
        let mut client = stage.connect().await;
        client.say(&format!("GET / HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n")).await;
        client.answer().await
    };
    let many = |count: usize| {
        (0..count).fold(String::new(), |mut text, index| {
            write!(text, "X-{index}: a\r\n").unwrap();
            text
        })
    };
    let long = |bytes: usize| format!("X-Long: {}\r\n", "a".repeat(bytes));
    assert!(ask(many(60)).await.starts_with("HTTP/1.1 200"));
    assert!(ask(long(12_000)).await.starts_with("HTTP/1.1 200"));
    assert!(ask(many(65)).await.starts_with("HTTP/1.1 431"));
    assert!(ask(long(17_000)).await.starts_with("HTTP/1.1 431"));
    stage.events("malformed", 2).await;
    stage.end().await;
}

#[tokio::test]
async fn what_is_not_http_is_refused() {
    let stage = Stage::new(Limits::default()).await;
    let mut client = stage.connect().await;
    client.say("\x16\x03\x01 hello\r\n\r\n").await;
    let answer = client.rest().await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
    stage.events("malformed", 1).await;
    stage.end().await;
}

#[tokio::test]
async fn more_connections_than_there_are_places_are_told_so() {
    let stage = Stage::new(Limits { connections: 2, ..Limits::default() }).await;
    let (mut first, mut second) = (stage.connect().await, stage.connect().await);
    first.get("/").await;
    second.get("/").await;
    let mut third = stage.connect().await;
    let refused = third.get("/").await;
    assert!(refused.starts_with("HTTP/1.1 503") && refused.contains("Retry-After"), "{refused}");
    assert_eq!(stage.event("refused_full"), 1);
    drop(first);
    eventually("a free place", || stage.connections.open() == 1).await;
    assert!(stage.connect().await.get("/").await.ends_with("here"));
    stage.end().await;
}

#[tokio::test]
async fn loopback_peers_are_exempt_from_the_bound_of_one_peer() {
    let limits = Limits { connections_per_peer: 1, ..Limits::default() };
    let stage = Stage::new(limits).await;
    let mut near: Vec<Client> = Vec::new();
    for _ in 0..5 {
        let mut client = stage.connect().await;
        assert!(client.get("/").await.ends_with("here"));
        near.push(client);
    }
    assert_eq!(stage.event("refused_peer"), 0);
    stage.end().await;
}

#[tokio::test]
async fn handlers_are_told_the_peer() {
    let stage = Stage::new(Limits::default()).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((IpAddr::from([127, 0, 0, 2]), 0).into()).unwrap();
    let stream = socket.connect(stage.address).await.unwrap();
    let own = stream.local_addr().unwrap().to_string();
    assert!(Client(stream).get("/peer").await.ends_with(&own));
    stage.end().await;
}
