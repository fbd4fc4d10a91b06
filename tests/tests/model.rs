//! A language model answers through tool calls, over the whole stack.

use serde_json::{Value, json};
use sysmaint_tests::{Aimock, Stack, StackBuilder, Web, eventually};

/// A stack whose agent asks this model.
fn asking(model: &Aimock) -> StackBuilder {
    Stack::builder()
        .with("OPENAI_BASE_URL", model.base_url())
        .with("OPENAI_API_KEY", "sk-of-a-test")
        .with("OPENAI_MODEL", "a-model")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_answers_through_its_tools_and_its_cost_adds_up_until_it_is_reset() {
    let model = Aimock::start("stack").await;
    let stack = asking(&model).start().await;
    let web = stack.web();
    let answer = web.ask("How is this machine?").await.unwrap();
    let reply = answer["reply"].as_str().unwrap();
    // The model names no time, so the answer is told what it rests on.
    assert!(
        reply.starts_with("**diagprobe** reports in.\n\n_Based on:_ **diagprobe**, 20"),
        "{reply}"
    );
    assert_eq!(answer["model"], "a-model");
    assert_eq!(answer["usage"]["input_tokens"], 3_000);
    assert_eq!(answer["usage"]["output_tokens"], 100);
    let cost = answer["usage"]["cost_usd"].as_f64().unwrap();
    assert!((cost - (3_000.0 * 0.15 + 100.0 * 0.60) / 1e6).abs() < 1e-12, "{cost}");

    let id = answer["id"].as_str().unwrap();
    let entry = web.get(&format!("/api/chat/{id}")).await.unwrap();
    assert_eq!(entry["tools"][0]["name"], "get_current_status", "{entry}");

    web.ask("How is this machine?").await.unwrap();
    let usage = web.status().await.unwrap()["usage"].clone();
    assert_eq!((usage["answers"].as_u64(), usage["input_tokens"].as_u64()), (Some(2), Some(6_000)));
    let (status, _) = web.post("/api/status/usage/reset", &json!({})).await.unwrap();
    assert!((200..300).contains(&status), "{status}");
    eventually("the reset", async || {
        let usage = web.status().await?["usage"].clone();
        (usage["answers"] == 0 && usage["input_tokens"] == 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_model_the_offline_analyst_answers_and_says_so() {
    // Nothing listens there.
    let stack = Stack::builder()
        .with("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
        .with("OPENAI_API_KEY", "sk-of-a-test")
        .start()
        .await;
    let answer = stack.web().ask("What is the load?").await.unwrap();
    assert_eq!(answer["model"], "offline-analyst");
    let reply = answer["reply"].as_str().unwrap();
    assert!(reply.contains("load") && reply.contains("language model"), "{reply}");
    assert!(!reply.contains("sk-of-a-test"), "{reply}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_grows_where_it_was_asked_and_one_durable_answer_replaces_it() {
    let model = Aimock::start("stack").await;
    let stack = asking(&model).start().await;
    let web = stack.web();
    let wire = tokio::spawn({
        let web = web.clone();
        async move { web.watch_wire(|seen| seen.matches("Nats-TTL").count() >= 3).await }
    });
    let events = web.follow("Tell me slowly.").await.unwrap();
    let names: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!((names[0], *names.last().unwrap()), ("accepted", "answer"), "{events:?}");
    let deltas: Vec<&Value> =
        events.iter().filter_map(|(name, data)| (name == "delta").then_some(data)).collect();
    assert!(deltas.len() >= 3, "{events:?}");
    let text: String = deltas.iter().map(|delta| delta["text"].as_str().unwrap()).collect();
    let answer = &events.last().unwrap().1;
    let reply = answer["reply"].as_str().unwrap();
    assert!(reply.starts_with(&text) && reply.ends_with("the end."), "{text:?} of {reply:?}");
    assert_eq!(answer["usage"]["input_tokens"], 1_000);

    // What is ephemeral says so to the broker and says nothing else.
    let wire = wire.await.unwrap().unwrap();
    assert!(wire.contains("[\"Nats-TTL\",\"60s\"]"), "{wire}");
    assert!(!wire.contains("Slowly"));
    let entry = web.get(&format!("/api/chat/{}", answer["id"].as_str().unwrap())).await.unwrap();
    assert!(entry.get("draft").is_none(), "{entry}");
    assert_eq!(web.dead_letters().await, Some(0));
}

/// Waits until something of an answer was said; the prompt as it stands.
async fn begun(web: &Web, id: &str) -> Value {
    eventually("the beginning of an answer", async || {
        let entry = web.get(&format!("/api/chat/{id}")).await?;
        entry.get("draft").is_some().then_some(entry)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_stopped_ends_with_what_was_said() {
    let model = Aimock::start("stack").await;
    let stack = asking(&model).start().await;
    let web = stack.web();
    let id = web.ask_later("Tell me slowly.").await.unwrap();
    let draft = begun(&web, &id).await["draft"]["text"].as_str().unwrap().to_owned();
    let (status, _) = web.post(&format!("/api/chat/{id}/stop"), &json!({})).await.unwrap();
    assert_eq!(status, 202);
    let entry = eventually("the rest", async || {
        let entry = web.get(&format!("/api/chat/{id}")).await?;
        entry.get("reply").is_some().then_some(entry)
    })
    .await;
    assert_eq!(entry["stopped"], true, "{entry}");
    let reply = entry["reply"].as_str().unwrap();
    assert!(
        reply.starts_with(draft.trim_end()) && !reply.contains("the end."),
        "{draft:?}: {reply:?}"
    );
    let (status, _) = web.post(&format!("/api/chat/{id}/stop"), &json!({})).await.unwrap();
    assert_eq!(status, 409);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_goes_on_after_a_restart_until_a_new_one_begins() {
    let model = Aimock::start("stack").await;
    let mut stack = asking(&model).start().await;
    stack.web().ask("My favourite host is web1.").await.unwrap();
    assert!(stack.stop().await);
    stack.restart().await;
    let web = stack.web();
    web.ask("Which is my favourite?").await.unwrap();
    let fresh = json!({ "prompt": "Which is my favourite?", "fresh": true });
    web.post("/api/chat", &fresh).await.unwrap();
    let requests = model.requests().await;
    let told = |request: &Value| -> Vec<String> {
        let messages = request["messages"].as_array().unwrap().iter().skip(1);
        messages.map(|message| message["content"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        told(&requests[1]),
        ["My favourite host is web1.", "Noted.", "Which is my favourite?"]
    );
    assert_eq!(told(&requests[2]), ["Which is my favourite?"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daily_cap_holds_through_a_restart_and_a_reset() {
    let model = Aimock::start("stack").await;
    let mut stack = asking(&model).with("OPENAI_DAILY_USD_CAP", "0.0005").start().await;
    let answer = stack.web().ask("How is this machine?").await.unwrap();
    assert_eq!(answer["model"], "a-model", "{answer}");
    let asked = model.requests().await.len();
    stack.web().post("/api/status/usage/reset", &json!({})).await.unwrap();
    for _ in 0..2 {
        let answer = stack.web().ask("How is this machine?").await.unwrap();
        assert_eq!(answer["model"], "offline-analyst", "{answer}");
        let reply = answer["reply"].as_str().unwrap();
        assert!(reply.contains("daily spending cap of $0.0005 is reached"), "{reply}");
        assert!(reply.contains("T00:00:00Z"), "{reply}");
        assert!(stack.stop().await);
        stack.restart().await;
    }
    assert_eq!(model.requests().await.len(), asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_a_crash_cut_short_is_made_again_and_comes_once() {
    let model = Aimock::start("stack").await;
    let mut stack = asking(&model).start().await;
    let id = stack.web().ask_later("Tell me slowly.").await.unwrap();
    begun(&stack.web(), &id).await;
    stack.kill();
    stack.restart().await;
    let web = stack.web();
    let entry = eventually("the whole answer", async || {
        let entry = web.get(&format!("/api/chat/{id}")).await?;
        entry.get("reply").is_some().then_some(entry)
    })
    .await;
    assert!(entry["reply"].as_str().unwrap().ends_with("the end."), "{entry}");
    assert!(entry.get("stopped").is_none() && entry.get("draft").is_none(), "{entry}");
    let history = web.get("/api/chat/history").await.unwrap();
    assert_eq!(history["entries"].as_array().unwrap().len(), 1);
    assert_eq!(web.status().await.unwrap()["usage"]["answers"], 1);
    assert_eq!(web.dead_letters().await, Some(0));
}
