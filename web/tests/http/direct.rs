//! Direct messages.

use serde_json::json;

use crate::{Server, keys};

#[tokio::test]
async fn pulling_with_the_same_cursor_gives_the_same_messages() {
    let server = Server::quick().await;
    for text in ["one", "two"] {
        let body = json!({"from": "alice", "to": "bob", "text": text});
        let sent = server.post("/api/e2ee/send", body).await;
        assert_eq!((sent.status, keys(&sent.json())), (202, vec!["id"]));
    }
    let first = server.get("/api/e2ee/pull?as=bob").await.json();
    assert_eq!(keys(&first), ["cursor", "messages"]);
    assert_eq!(keys(&first["messages"][0]), ["from", "id", "sent_at", "text"]);
    assert_eq!(first["messages"].as_array().unwrap().len(), 2);
    assert_eq!(server.get("/api/e2ee/pull?as=bob&after=0").await.json(), first);

    let rest = server.get("/api/e2ee/pull?as=bob&after=1").await.json();
    assert_eq!(rest["messages"], json!([first["messages"][1]]));
    let end = format!("/api/e2ee/pull?as=bob&after={}", first["cursor"]);
    assert_eq!(server.get(&end).await.json(), json!({"messages": [], "cursor": first["cursor"]}));
    assert_eq!(server.get("/api/e2ee/pull?as=alice").await.json()["messages"], json!([]));
}

#[tokio::test]
async fn only_the_devices_held_here_can_send_and_read() {
    let server = Server::quick().await;
    let send = |from, to| json!({"from": from, "to": to, "text": "hi"});
    server.post("/api/e2ee/send", send("sysmaint", "bob")).await.problem(404);
    server.post("/api/e2ee/send", send("alice", "nobody")).await.problem(404);
    server.post("/api/e2ee/send", send("alice", "alice")).await.problem(400);
    server.post("/api/e2ee/send", send("alice", "Bob")).await.problem(400);
    server.get("/api/e2ee/pull?as=sysmaint").await.problem(404);
    server.get("/api/e2ee/pull?as=b.o.b").await.problem(400);
    server.get("/api/e2ee/pull").await.problem(400);
    server.get("/api/e2ee/pull?as=bob&after=-1").await.problem(400);
    server.get("/api/e2ee/pull?as=bob&before=1").await.problem(400);
}
