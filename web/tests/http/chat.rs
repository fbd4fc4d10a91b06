//! The conversation with the agent.

use serde_json::{Value, json};

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
async fn an_answer_is_json_unless_a_stream_is_accepted() {
    let server = Server::quick().await;
    let ask = || Request::post("/api/chat", &json!({"prompt": "Status?"}));
    let page = ask().header("Accept", "text/html").send(server.address).await;
    page.problem(406);
    let both = ask().header("Accept", "text/event-stream, application/json");
    assert_eq!(both.send(server.address).await.header("content-type"), Some("application/json"));
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

/// The events of a stream that has ended: their names and data.
fn events(text: &str) -> Vec<(String, Value)> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    lines
        .windows(2)
        .filter_map(|pair| {
            let name = pair[0].strip_prefix("event: ")?;
            let data = pair[1].strip_prefix("data: ")?;
            Some((name.to_owned(), serde_json::from_str(data).unwrap()))
        })
        .collect()
}

fn streamed(prompt: &Value) -> Request {
    let request = Request::post("/api/chat", prompt).header("Accept", "text/event-stream");
    request.header("Connection", "close")
}

#[tokio::test]
async fn an_answer_is_streamed_as_it_grows_and_ends_whole() {
    let server = Server::quick().await;
    let stream = streamed(&json!({"prompt": "Status?"})).stream(server.address).await;
    let text = stream.rest().await;
    let events = events(&text);
    let names: Vec<_> = events.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["accepted", "delta", "delta", "answer"], "{text}");
    let id = &events[0].1["id"];
    let (first, second, answer) = (&events[1].1, &events[2].1, &events[3].1);
    assert_eq!(keys(first), ["attempt", "id", "seq", "text"]);
    assert_eq!((&first["seq"], &second["seq"]), (&json!(1), &json!(2)));
    let so_far = format!("{}{}", first["text"].as_str().unwrap(), second["text"].as_str().unwrap());
    assert_eq!(keys(answer), ["id", "model", "reply", "took_ms", "usage"]);
    assert!(answer["reply"].as_str().unwrap().starts_with(&so_far), "{so_far}");
    assert_eq!(&answer["id"], id);
}

#[tokio::test]
async fn a_stream_without_an_answer_ends_with_the_problem() {
    let server = Server::start(Agent::Silent).await;
    let text = streamed(&json!({"prompt": "Anyone?"})).stream(server.address).await.rest().await;
    let events = events(&text);
    let (name, problem) = events.last().unwrap();
    assert_eq!((name.as_str(), &problem["status"]), ("problem", &json!(504)), "{text}");
    assert_eq!(problem["id"], events[0].1["id"]);
}

#[tokio::test]
async fn an_answer_can_be_stopped_once_and_by_the_rules_of_every_post() {
    let server = Server::start(Agent::Silent).await;
    let request = Request::post("/api/chat", &json!({"prompt": "Everything!"}));
    let accepted = request.header("Prefer", "respond-async").send(server.address).await;
    let id = accepted.json()["id"].as_str().unwrap().to_owned();
    let path = format!("/api/chat/{id}/stop");

    let foreign = Request::post(&path, &json!({})).header("Origin", "http://evil.example");
    foreign.send(server.address).await.problem(403);
    Request::post_raw(&path, "{}").send(server.address).await.problem(415);
    server.post("/api/chat/nonsense/stop", json!({})).await.problem(400);
    server.post("/api/chat/00000000000000000000000000000000/stop", json!({})).await.problem(404);

    let stopped = server.post(&path, json!({})).await;
    assert_eq!((stopped.status, stopped.json()), (202, json!({"id": id})));
    let entry = server.get(&format!("/api/chat/{id}")).await.json();
    assert_eq!((&entry["state"], &entry["stopped"]), (&json!("answered"), &json!(true)));
    assert_eq!(server.post(&path, json!({})).await.problem(409)["id"], json!(id));
}

#[tokio::test]
async fn a_prompt_begins_a_new_conversation_only_if_it_says_so() {
    let server = Server::quick().await;
    server.post("/api/chat", json!({"prompt": "Status?"})).await;
    server.post("/api/chat", json!({"prompt": "Status?", "fresh": true})).await;
    server.post("/api/chat", json!({"prompt": "Status?", "fresh": 1})).await.problem(400);
    assert_eq!(server.memory.fresh(), [false, true]);
}
