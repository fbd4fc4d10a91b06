//! The demo's faults over the real stack: what arrives, exactly once, and what is told of it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use serde_json::{Value, json};
use sysmaint_tests::{Stack, Web, eventually};

/// Sends a text from alice to bob with something done to it on its way; its id.
async fn send(web: &Web, text: &str, fault: &str) -> String {
    let body = json!({ "from": "alice", "to": "bob", "text": text, "fault": fault });
    let (status, answer) = web.post("/api/e2ee/send", &body).await.unwrap();
    assert_eq!(status, 202, "{answer}");
    answer["id"].as_str().unwrap().to_owned()
}

async fn release(web: &Web, id: &str) -> u16 {
    web.post("/api/demo/release", &json!({ "id": id })).await.unwrap().0
}

async fn trail(web: &Web, id: &str) -> Option<Value> {
    let trails = web.get("/api/demo/trails").await?;
    trails["trails"].as_array()?.iter().find(|trail| trail["id"] == *id).cloned()
}

/// What happened to a message, in order.
fn events(trail: &Value) -> Vec<&str> {
    let events = trail["events"].as_array().unwrap().iter();
    events.map(|event| event["what"].as_str().unwrap()).collect()
}

/// Waits until these things, and no others, have happened to a message.
async fn became(web: &Web, id: &str, wanted: &[&str]) -> Value {
    eventually(&format!("{wanted:?}"), async || {
        trail(web, id).await.filter(|trail| events(trail) == wanted)
    })
    .await
}

/// Waits until bob has these texts, each once and in this order.
async fn bob_has(web: &Web, wanted: &[&str]) {
    let texts = eventually("texts", async || {
        let received = web.received("bob").await?;
        (received.len() >= wanted.len()).then_some(received)
    })
    .await;
    let texts: Vec<_> = texts.into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, wanted);
}

/// The same, and the link holds the true bytes.
async fn is_held(web: &Web, id: &str, wanted: &[&str]) -> Value {
    eventually(&format!("{wanted:?}, held"), async || {
        trail(web, id).await.filter(|trail| events(trail) == wanted && trail["held"] == true)
    })
    .await
}

fn event<'a>(trail: &'a Value, what: &str) -> &'a Value {
    let found = trail["events"].as_array().unwrap().iter().find(|event| event["what"] == what);
    found.unwrap_or_else(|| panic!("{what} in {trail}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_is_refused_and_the_true_bytes_arrive_once() {
    let stack = Stack::builder().start().await;
    let web = stack.web();
    let id = send(&web, "true", "tamper").await;
    let refused = is_held(&web, &id, &["sealed", "flipped", "refused"]).await;
    assert_eq!(event(&refused, "refused")["reason"], "seal");
    assert_eq!(event(&refused, "refused")["envelope"], event(&refused, "flipped")["envelope"]);
    assert_eq!(web.dead_letters().await, Some(1));
    bob_has(&web, &[]).await;
    assert_eq!(release(&web, &id).await, 202);
    let wanted = ["sealed", "flipped", "refused", "released", "opened"];
    let opened = became(&web, &id, &wanted).await;
    assert_eq!(event(&opened, "opened")["envelope"], event(&opened, "sealed")["envelope"]);
    bob_has(&web, &["true"]).await;
    eventually("nothing is held", async || {
        trail(&web, &id).await.filter(|trail| trail["held"] == false)
    })
    .await;
    assert_eq!(release(&web, &id).await, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_bytes_published_twice_are_opened_once() {
    let stack = Stack::builder().start().await;
    let web = stack.web();
    let id = send(&web, "once", "replay").await;
    let trail = eventually("the second copy", async || {
        trail(&web, &id).await.filter(|trail| events(trail).contains(&"duplicate"))
    })
    .await;
    let mut all = events(&trail);
    all.sort_unstable();
    assert_eq!(all, ["duplicate", "opened", "repeated", "sealed"]);
    assert_eq!(event(&trail, "duplicate")["envelope"], event(&trail, "repeated")["envelope"]);
    assert_eq!(web.dead_letters().await, Some(0));
    bob_has(&web, &["once"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_text_survives_a_restart_and_arrives_once_when_it_is_sent_again() {
    let mut stack = Stack::builder().start().await;
    let web = stack.web();
    let id = send(&web, "lost", "drop").await;
    is_held(&web, &id, &["sealed", "dropped"]).await;
    web.send("alice", "bob", "later").await.unwrap();
    bob_has(&web, &["later"]).await;
    eventually("an empty outbox", async || (web.outbox_waiting().await? == 0).then_some(())).await;
    stack.kill();
    stack.restart().await;
    let held = trail(&web, &id).await.unwrap();
    assert_eq!((&held["held"], &held["fault"]), (&true.into(), &"drop".into()));
    assert_eq!(held["text"], "lost");
    bob_has(&web, &["later"]).await;
    assert_eq!(release(&web, &id).await, 202);
    became(&web, &id, &["released", "opened"]).await;
    bob_has(&web, &["later", "lost"]).await;
    assert!(stack.stop().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_text_arrives_after_the_next_one() {
    let stack = Stack::builder().start().await;
    let web = stack.web();
    web.send("alice", "bob", "zero").await.unwrap();
    bob_has(&web, &["zero"]).await;
    let late = send(&web, "one", "reorder").await;
    is_held(&web, &late, &["sealed", "delayed"]).await;
    let next = web.send("alice", "bob", "two").await.unwrap();
    let opened = became(&web, &late, &["sealed", "delayed", "released", "opened"]).await;
    bob_has(&web, &["zero", "two", "one"]).await;
    let next = became(&web, &next, &["sealed", "opened"]).await;
    let counter = |trail: &Value, what| event(trail, what)["mechanics"]["counter"].as_u64();
    assert!(counter(&opened, "opened") < counter(&next, "opened"), "{opened} {next}");
    assert_eq!(counter(&opened, "opened"), counter(&opened, "sealed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_text_that_comes_too_late_to_be_opened_is_sealed_again() {
    let stack = Stack::builder().start().await;
    let web = stack.web();
    web.send("alice", "bob", "0").await.unwrap();
    web.send("bob", "alice", "0").await.unwrap();
    bob_has(&web, &["0"]).await;
    let lost = send(&web, "lost", "drop").await;
    is_held(&web, &lost, &["sealed", "dropped"]).await;
    // libsignal forgets the keys of turns of a conversation that are this long over.
    for turn in 1..=8 {
        for (from, to) in [("alice", "bob"), ("bob", "alice")] {
            web.send(from, to, &turn.to_string()).await.unwrap();
            eventually("an answer", async || {
                web.received(to).await.filter(|texts| texts.len() == turn + 1)
            })
            .await;
        }
    }
    assert_eq!(release(&web, &lost).await, 202);
    let wanted = ["sealed", "dropped", "released", "asked", "sealed", "opened"];
    became(&web, &lost, &wanted).await;
    let received = web.received("bob").await.unwrap();
    assert_eq!(received.iter().filter(|(_, text)| text == "lost").count(), 1);
    assert_eq!(web.dead_letters().await, Some(0));
}
