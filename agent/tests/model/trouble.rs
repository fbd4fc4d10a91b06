//! Servers that fail, each in its way: the offline analyst answers, and says why.

use std::time::{Duration, Instant};

use sysmaint_protocol::Timestamp;
use tokio::net::TcpListener;

use crate::{Aimock, DEADLINE, KEY, NOW, agent, ask, fell_back, log::Log, scripted::Scripted};

#[tokio::test]
async fn a_rate_limit_is_waited_out() {
    let server = Aimock::start().await;
    let answered = server.ask("Are you overloaded?").await;
    assert_eq!(answered.text, "Not any more.");
    assert_eq!(answered.model, "gpt-4o-mini");
}

#[tokio::test]
async fn a_broken_server_leaves_the_answer_to_the_analyst() {
    let server = Aimock::start().await;
    let answered = server.ask("What is the load on a broken server?").await;
    fell_back(&answered, "status 500");
    assert!(!answered.text.contains("internal secret detail"), "{}", answered.text);
    assert!(server.requests().await.len() > 1, "it was tried again");
}

#[tokio::test]
async fn what_a_server_says_never_reaches_the_log() {
    let (log, _logging) = Log::begin();
    let server = Aimock::start().await;
    server.ask("What is the load on a broken server?").await;
    let log = log.text();
    assert!(log.contains("the model did not answer"), "{log}");
    for secret in ["internal secret detail", "broken server", KEY] {
        assert!(!log.contains(secret), "{secret:?} is in the log:\n{log}");
    }
}

#[tokio::test]
async fn an_empty_account_is_said_to_be_one() {
    let server = Aimock::start().await;
    let answered = server.ask("What is the load without money?").await;
    fell_back(&answered, "quota is used up");
    assert_eq!(server.requests().await.len(), 1, "trying again would not help");
}

#[tokio::test]
async fn a_wrong_key_is_named_as_the_thing_to_check() {
    let server = Aimock::start().await;
    let agent = agent(&server.base_url, "sk-wrong", DEADLINE);
    let answered = agent.answer("What is the load?", Timestamp::from_millis(NOW)).await;
    fell_back(&answered, "check the API key");
    assert!(!answered.text.contains("sk-wrong"), "{}", answered.text);
}

#[tokio::test]
async fn an_empty_answer_is_none() {
    let server = Aimock::start().await;
    fell_back(&server.ask("Say nothing about the load.").await, "its answer was empty");
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
    let agent = agent(&base_url, KEY, Duration::from_secs(2));
    let answered = agent.answer("What is the load?", Timestamp::from_millis(NOW)).await;
    fell_back(&answered, "did not answer within");
    assert!(answered.took_ms >= 2_000);
}

#[tokio::test]
async fn a_server_that_is_not_there_leaves_the_answer_to_the_analyst() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
    drop(listener);
    let answered = ask(&base_url, "What is the load?").await;
    fell_back(&answered, "could not be reached");
    assert!(!answered.text.contains("127.0.0.1"), "{}", answered.text);
}

#[tokio::test]
async fn a_pause_that_a_server_asks_for_is_kept() {
    let server = Aimock::start().await;
    let began = Instant::now();
    let answered = server.ask("Are you overloaded for a while?").await;
    assert_eq!(answered.text, "Not any more.");
    assert!(began.elapsed() >= Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(server.requests().await.len(), 2);
}

#[tokio::test]
async fn a_pause_that_is_too_long_is_not_waited_for() {
    let server = Aimock::start().await;
    let answered = server.ask("What is the load, next hour?").await;
    fell_back(&answered, "status 429 (rate limit)");
    assert!(answered.took_ms < 60_000, "{}", answered.took_ms);
    assert_eq!(server.requests().await.len(), 1);
}

#[tokio::test]
async fn a_connection_that_is_lost_in_the_middle_of_an_answer_leaves_it_to_the_analyst() {
    let server = Aimock::start().await;
    let answered = server.ask("What is the load, and hang up?").await;
    fell_back(&answered, "its answer broke off");
    assert!(!answered.text.contains("The load is somewhere"), "{}", answered.text);
    assert!(answered.usage.input_tokens > 0 && answered.estimated, "{answered:?}");
}

#[tokio::test]
async fn an_answer_that_is_no_json_leaves_it_to_the_analyst() {
    let server = Aimock::start().await;
    fell_back(&server.ask("What is the load, in noise?").await, "was not understood");
}

#[tokio::test]
async fn a_chunk_that_is_no_json_leaves_the_answer_to_the_analyst() {
    let (log, _logging) = Log::begin();
    let server = Scripted::stream(&[
        r#"{"choices":[{"delta":{"content":"The load is somewhere"}}]}"#,
        r#"{"choices":[{"delta":{"content":"a private matter"#,
    ])
    .await;
    let answered = ask(&server.base_url, "What is the load?").await;
    fell_back(&answered, "was not understood");
    assert!(!answered.text.contains("somewhere"), "{}", answered.text);
    let log = log.text();
    assert!(log.contains("the model did not answer"), "{log}");
    assert!(!log.contains("private matter") && !log.contains("somewhere"), "{log}");
}

#[tokio::test]
async fn an_error_in_the_middle_of_an_answer_leaves_it_to_the_analyst() {
    let server = Scripted::stream(&[
        r#"{"choices":[{"delta":{"content":"The load is somewhere"}}]}"#,
        r#"{"error":{"message":"internal secret detail","code":500}}"#,
    ])
    .await;
    let answered = ask(&server.base_url, "What is the load?").await;
    fell_back(&answered, "its answer broke off");
    assert!(!answered.text.contains("secret detail"), "{}", answered.text);
}

#[tokio::test]
async fn an_answer_without_end_is_cut() {
    let server = Scripted::endless(r#"{"choices":[{"delta":{"reasoning_content":"hm"}}]}"#).await;
    let answered = ask(&server.base_url, "What is the load?").await;
    fell_back(&answered, "its answer broke off");
    let line = Scripted::endless_line().await;
    fell_back(&ask(&line.base_url, "What is the load?").await, "its answer broke off");
}
