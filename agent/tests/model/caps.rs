//! What was said before a question, and what it may cost.

use sysmaint_agent::{
    live::Live,
    query::{Allowance, Exchange, Query},
};
use sysmaint_protocol::Timestamp;

use crate::{Aimock, NOW, ask, ask_live, fell_back, scripted::Scripted};

#[tokio::test]
async fn earlier_turns_go_before_the_question() {
    let server = Aimock::start().await;
    let exchange = |prompt: &str, answer: &str| Exchange {
        prompt: prompt.to_owned(),
        answer: answer.to_owned(),
    };
    let query = Query {
        earlier: vec![exchange("How busy is web2?", "75 %."), exchange("Since when?", "09:00.")],
        ..Query::new("Which one did I mean?")
    };
    let answered = ask_live(&server.base_url, &query, &Live::alone()).await;
    assert_eq!(answered.text, "web2.");
    let request = &server.requests().await[0];
    let messages = request["messages"].as_array().unwrap();
    let told: Vec<_> = messages[1..]
        .iter()
        .map(|message| [message["role"].as_str().unwrap(), message["content"].as_str().unwrap()])
        .collect();
    assert_eq!(
        told,
        [
            ["user", "How busy is web2?"],
            ["assistant", "75 %."],
            ["user", "Since when?"],
            ["assistant", "09:00."],
            ["user", "Which one did I mean?"],
        ]
    );
}

#[tokio::test]
async fn no_model_is_asked_once_the_cap_is_reached_and_the_answer_says_until_when() {
    let server = Aimock::start().await;
    let until = Timestamp::from_millis(NOW + 52_200_000);
    let query = Query {
        allowance: Allowance::Spent { cap_usd: 0.5, until },
        ..Query::new("What is the load?")
    };
    let answered = ask_live(&server.base_url, &query, &Live::alone()).await;
    fell_back(&answered, "the daily spending cap of $0.5 is reached");
    assert!(answered.text.contains("2026-11-24T00:00:00Z"), "{}", answered.text);
    assert!(server.requests().await.is_empty());
}

#[tokio::test]
async fn a_cap_that_is_reached_on_the_way_ends_the_asking() {
    let server = Aimock::start().await;
    // Each request costs 100 × 0.15 + 10 × 0.60 millionths of a dollar.
    let query =
        Query { allowance: Allowance::Left(0.000_03), ..Query::new("What is the load, for ever?") };
    let answered = ask_live(&server.base_url, &query, &Live::alone()).await;
    fell_back(&answered, "the daily spending cap was reached");
    assert_eq!(server.requests().await.len(), 2);
    assert_eq!(answered.usage.input_tokens, 200);
}

#[tokio::test]
async fn an_answer_that_takes_too_many_tokens_is_given_up() {
    let server = Scripted::stream(&[
        r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"get_current_status","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}"#,
        r#"{"choices":[],"usage":{"prompt_tokens":70000,"completion_tokens":9}}"#,
    ])
    .await;
    let answered = ask(&server.base_url, "What is the load?").await;
    fell_back(&answered, "used 70009 tokens");
    assert_eq!(answered.usage.input_tokens, 70_000);
}
