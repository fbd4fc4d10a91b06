//! The conversation with the agent.

use serde_json::json;

use crate::{Server, client::Request, keys, memory::Agent};

#[tokio::test]
async fn a_chat_call_returns_the_documented_answer() {
    let server = Server::quick().await;
    let response = server.post("/api/chat", json!({"prompt": "Status?"})).await;
    assert_eq!(response.status, 200);
    let reply = response.json();
    assert_eq!(keys(&reply), ["id", "model", "reply", "took_ms", "usage"]);
    assert_eq!(keys(&reply["usage"]), ["cost_usd", "input_tokens", "output_tokens"]);
    assert!(reply["reply"].as_str().unwrap().contains("Status?"));

    let id = reply["id"].as_str().unwrap();
    let entry = server.get(&format!("/api/chat/{id}")).await.json();
    assert_eq!((&entry["state"], &entry["reply"]), (&json!("answered"), &reply["reply"]));
    assert_eq!(keys(&entry["times"]), ["answered", "delivered", "sealed", "sent"]);
    assert_eq!(entry["tools"][0]["name"], "get_current_status");

    let history = server.get("/api/chat/history?limit=5").await.json();
    assert_eq!(history["entries"], json!([entry]));
}

#[tokio::test]
async fn a_late_answer_is_a_504_that_says_where_it_will_be() {
    let server = Server::start(Agent::Silent).await;
    let response = server.post("/api/chat", json!({"prompt": "Anyone?"})).await;
    let problem = response.problem(504);
    assert_eq!(problem["type"], "urn:sysmaint:timed-out");
    let id = problem["id"].as_str().unwrap();
    let entry = server.get(&format!("/api/chat/{id}")).await.json();
    assert_eq!((&entry["state"], &entry["prompt"]), (&json!("sealed"), &json!("Anyone?")));
    assert!(entry.get("reply").is_none());
}

#[tokio::test]
async fn a_caller_that_prefers_not_to_wait_gets_the_id_at_once() {
    let server = Server::start(Agent::Silent).await;
    let request = Request::post("/api/chat", &json!({"prompt": "Later"}));
    let response = request.header("Prefer", "respond-async").send(server.address).await;
    assert_eq!(response.status, 202);
    let id = response.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(response.header("location"), Some(format!("/api/chat/{id}").as_str()));
}

#[tokio::test]
async fn only_json_can_be_accepted_from_a_chat_call() {
    let server = Server::quick().await;
    let ask = || Request::post("/api/chat", &json!({"prompt": "Status?"}));
    let stream = ask().header("Accept", "text/event-stream").send(server.address).await;
    stream.problem(406);
    let either = ask().header("Accept", "text/html, */*;q=0.1").send(server.address).await;
    assert_eq!(either.status, 200);
}

#[tokio::test]
async fn an_unknown_or_malformed_id_is_refused() {
    let server = Server::quick().await;
    server.get("/api/chat/00000000000000000000000000000000").await.problem(404);
    server.get("/api/chat/nonsense").await.problem(400);
    server.get("/api/chat/history?limit=0").await.problem(400);
}
