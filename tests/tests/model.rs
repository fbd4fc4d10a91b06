//! A language model answers through tool calls, over the whole stack.

use serde_json::json;
use sysmaint_tests::{Aimock, Stack, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_model_answers_through_its_tools_and_its_cost_adds_up_until_it_is_reset() {
    let model = Aimock::start("stack").await;
    let stack = Stack::builder()
        .with("OPENAI_BASE_URL", model.base_url())
        .with("OPENAI_API_KEY", "sk-of-a-test")
        .with("OPENAI_MODEL", "a-model")
        .start()
        .await;
    let web = stack.web();
    let answer = web.ask("How is this machine?").await.unwrap();
    assert_eq!(answer["reply"], "**diagprobe** reports in.", "{answer}");
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
