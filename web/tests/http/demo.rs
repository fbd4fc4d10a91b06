//! Faults on the way of direct messages, and what became of them.

use serde_json::json;

use crate::{Server, keys};

#[tokio::test]
async fn what_is_lost_on_the_way_is_held_until_it_is_let_go() {
    let server = Server::quick().await;
    let lost = json!({"from": "alice", "to": "bob", "text": "lost", "fault": "drop"});
    let sent = server.post("/api/e2ee/send", lost).await;
    assert_eq!((sent.status, keys(&sent.json())), (202, vec!["id"]));
    let id = sent.json()["id"].clone();
    assert_eq!(server.get("/api/e2ee/pull?as=bob").await.json()["messages"], json!([]));

    let trails = server.get("/api/demo/trails").await.json();
    let trail = &trails["trails"][0];
    assert_eq!(keys(trail), ["at", "events", "fault", "from", "held", "id", "text", "to"]);
    assert_eq!(
        (&trail["id"], &trail["fault"], &trail["held"]),
        (&id, &json!("drop"), &json!(true))
    );
    assert_eq!(keys(&trail["events"][0]), ["at", "envelope", "what"]);
    assert_eq!(trail["events"][0]["what"], "dropped");

    let released = server.post("/api/demo/release", json!({"id": id})).await;
    assert_eq!((released.status, released.json()), (202, json!({"id": id})));
    assert_eq!(server.get("/api/e2ee/pull?as=bob").await.json()["messages"][0]["text"], "lost");
    server.post("/api/demo/release", json!({"id": id})).await.problem(404);
}

#[tokio::test]
async fn only_known_faults_and_known_messages_are_taken() {
    let server = Server::quick().await;
    let send = |fault| json!({"from": "alice", "to": "bob", "text": "hi", "fault": fault});
    for fault in ["tamper", "replay", "drop", "reorder"] {
        assert_eq!(server.post("/api/e2ee/send", send(fault)).await.status, 202, "{fault}");
    }
    for fault in ["", "Tamper", "burn"] {
        let problem = server.post("/api/e2ee/send", send(fault)).await.problem(400);
        assert!(problem["detail"].as_str().unwrap().contains("tamper"), "{problem}");
    }
    let null = json!({"from": "alice", "to": "bob", "text": "hi", "fault": null});
    assert_eq!(server.post("/api/e2ee/send", null).await.status, 202);
    server.post("/api/demo/release", json!({"id": "no id"})).await.problem(400);
    server.post("/api/demo/release", json!({})).await.problem(400);
    server.post("/api/demo/release", json!({"id": "0".repeat(32)})).await.problem(404);
}
