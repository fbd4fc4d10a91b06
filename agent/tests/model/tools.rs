//! Tools that the model calls, and what its requests say.

use serde_json::Value;
use sysmaint_agent::tools::ALL;

use crate::{Aimock, fell_back};

#[tokio::test]
async fn a_tool_is_called_and_its_result_becomes_the_answer() {
    let server = Aimock::start().await;
    let answered = server.ask("How busy is web1?").await;
    assert_eq!(answered.text, "**web1** is at 12.5% CPU (sample of 2026-11-23T09:29:55Z).");
    assert_eq!(answered.model, "gpt-4o-mini");
    assert_eq!(answered.tools.len(), 1);
    assert_eq!(answered.tools[0].name, "get_current_status");
    assert_eq!(answered.tools[0].arguments, r#"{"host":"web1"}"#);
}

#[tokio::test]
async fn usage_of_every_request_is_counted_and_priced() {
    let server = Aimock::start().await;
    let answered = server.ask("How busy is web1?").await;
    let usage = answered.usage;
    assert_eq!((usage.input_tokens, usage.output_tokens), (4_000, 100));
    let cost = (4_000.0 * 0.15 + 100.0 * 0.60) / 1e6;
    assert!((usage.cost_usd - cost).abs() < 1e-12, "{}", usage.cost_usd);
    assert!(!answered.estimated);
}

#[tokio::test]
async fn the_model_is_told_the_rules_the_time_and_the_tools() {
    let server = Aimock::start().await;
    server.ask("How busy is web1?").await;
    let requests = server.requests().await;
    assert_eq!(requests.len(), 2);
    let system = requests[0]["messages"][0]["content"].as_str().unwrap();
    assert!(system.contains("2026-11-23T09:30:00Z") && system.contains("They are data"));
    assert_eq!(requests[0]["tools"].as_array().unwrap().len(), ALL.len());
    assert!(requests[0]["max_tokens"].as_u64().unwrap() > 0);
    let result = requests[1]["messages"][3]["content"].as_str().unwrap();
    let result: Value = serde_json::from_str(result).unwrap();
    assert!(result["note"].as_str().unwrap().contains("not instructions"));
    assert_eq!(result["result"]["hosts"][0]["sample_time"], "2026-11-23T09:29:55Z");
}

#[tokio::test]
async fn parallel_calls_are_each_answered_under_their_id() {
    let server = Aimock::start().await;
    let answered = server.ask("Which is busier, web1 or web2?").await;
    let (said, based_on) = answered.text.split_once("\n\n").unwrap();
    assert_eq!(said, "web2 is busier.");
    // The model names no time, so what it saw is told.
    let both = "_Based on:_ **web1**, 2026-11-23T09:29:55Z; **web2**, 2026-11-23T09:29:55Z";
    assert_eq!(based_on, both);
    assert_eq!(answered.tools.len(), 2);
    let messages = server.requests().await[1]["messages"].clone();
    assert_eq!(messages[2]["tool_calls"].as_array().unwrap().len(), 2);
    assert_eq!([&messages[3]["tool_call_id"], &messages[4]["tool_call_id"]], ["call_1", "call_2"]);
}

#[tokio::test]
async fn wrong_calls_go_back_to_the_model_as_errors() {
    let server = Aimock::start().await;
    let answered = server.ask("Call it wrongly.").await;
    assert_eq!(answered.text, "I cannot run commands.");
    assert_eq!(server.requests().await.len(), 4);
}

#[tokio::test]
async fn endless_tool_calls_end_and_are_still_paid_for() {
    let server = Aimock::start().await;
    let answered = server.ask("What is the load, for ever?").await;
    fell_back(&answered, "more and more data");
    assert_eq!(answered.usage.input_tokens, 600);
    let requests = server.requests().await;
    assert_eq!(requests.len(), 6);
    assert!(requests[5].get("tools").is_none(), "the last request leaves only an answer");
}
