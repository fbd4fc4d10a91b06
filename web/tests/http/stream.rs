//! Server-sent events.

use std::time::{Duration, Instant};

use serde_json::json;
use sysmaint_protocol::alert::State;
use sysmaint_web::backend::LinkState;

use crate::{Server, client::Request, memory::now, plausible};

#[tokio::test]
async fn events_arrive_while_they_happen() {
    let server = Server::quick().await;
    let mut events = Request::get("/api/events").stream(server.address).await;
    let head = events.until("event: hello").await;
    assert!(head.contains("content-type: text/event-stream"), "{head}");

    server.memory.show_host(plausible::host("diagprobe", now(), false));
    events.until("event: host\ndata: {\"host\":\"diagprobe\"").await;
    server.post("/api/chat", json!({"prompt": "Status?"})).await;
    for state in ["sealed", "sent", "delivered", "answered"] {
        events.until(&format!("\"state\":\"{state}\"")).await;
    }
    events.until("event: usage").await;
    server.memory.show_alert(plausible::alert(1, State::Resolved));
    events.until("event: alert\ndata: {\"id\":").await;
    server.memory.set_link(LinkState { outbox_waiting: 3, ..LinkState::default() });
    events.until("event: link\ndata: {\"connected\":false,\"outbox_waiting\":3").await;
    let body = json!({"from": "bob", "to": "alice", "text": "hi"});
    server.post("/api/e2ee/send", body).await;
    events.until("event: direct").await;
}

#[tokio::test]
async fn the_wire_shows_envelopes_and_nothing_that_was_said() {
    let server = Server::quick().await;
    let mut wire = Request::get("/api/demo/wire").stream(server.address).await;
    wire.until("event: hello").await;
    let body = json!({"from": "alice", "to": "bob", "text": "between us"});
    server.post("/api/e2ee/send", body).await;
    let seen = wire.until("Nats-Msg-Id").await.to_owned();
    let about = server.get("/api/about").await.json();
    let subject = about["subjects"][1].as_str().unwrap();
    assert!(subject.ends_with(".bob.1"), "{about}");
    assert!(seen.contains(&format!("\"subject\":\"{subject}\"")), "{seen}");
    assert!(seen.contains("\"hex\":\"110a2105"), "{seen}");
    assert!(!seen.contains("between us"));
}

#[tokio::test]
async fn streams_are_bounded_and_a_closed_one_makes_room() {
    let server = Server::quick().await;
    let mut open = Vec::new();
    for _ in 0..64 {
        let mut stream = Request::get("/api/events").stream(server.address).await;
        stream.until("event: hello").await;
        open.push(stream);
    }
    server.get("/api/events").await.problem(503);
    open.truncate(60);
    let deadline = Instant::now() + Duration::from_mins(1);
    while server.memory.listeners() > 60 {
        assert!(Instant::now() < deadline, "closed streams are still served");
        // What a closed socket is told makes the server notice it.
        server.memory.set_link(LinkState::default());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut again = Request::get("/api/events").stream(server.address).await;
    again.until("event: hello").await;
}
