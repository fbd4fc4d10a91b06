//! Answers as they come: followed, stopped, and from servers that differ.

use sysmaint_agent::{live::Live, query::Query};
use tokio_util::sync::CancellationToken;

use crate::{Aimock, ask, ask_live, scripted::Scripted};

const STOP: &str = r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#;

#[tokio::test]
async fn what_the_model_says_can_be_followed_while_it_says_it() {
    let server = Aimock::start().await;
    let live = Live::new(7, CancellationToken::new());
    let mut said = live.follow();
    let query = Query::new("Tell me slowly about web1.");
    let answering = ask_live(&server.base_url, &query, &live);
    let following = async {
        let mut seen = Vec::new();
        while !seen.last().is_some_and(|text: &String| text.ends_with("the end.")) {
            said.changed().await.unwrap();
            seen.push(said.borrow_and_update().text.clone());
        }
        seen
    };
    let (answered, seen) = tokio::join!(answering, following);
    assert_eq!(answered.text, *seen.last().unwrap());
    assert!(seen.len() > 5, "{seen:?}");
    assert!(seen.windows(2).all(|pair| pair[1].starts_with(&pair[0])), "{seen:?}");
    assert_eq!(live.follow().borrow().attempt, 7);
}

#[tokio::test]
async fn what_is_said_before_a_tool_is_called_is_not_part_of_the_answer() {
    let server = Aimock::start().await;
    let live = Live::new(7, CancellationToken::new());
    let answered = ask_live(&server.base_url, &Query::new("Think aloud about web1."), &live).await;
    assert!(
        answered.text.starts_with("It is idle.\n\n_Based on:_ **web1**, "),
        "{}",
        answered.text
    );
    let said = live.follow().borrow().clone();
    assert_eq!((said.attempt, said.text.as_str()), (8, "It is idle."));
}

#[tokio::test]
async fn a_stopped_answer_ends_with_what_was_said() {
    let server = Aimock::start().await;
    let stop = CancellationToken::new();
    let live = Live::new(7, stop.clone());
    let mut said = live.follow();
    let query = Query::new("Tell me slowly about web1.");
    let answering = ask_live(&server.base_url, &query, &live);
    let stopping = async {
        said.wait_for(|said| said.text.len() > 20).await.unwrap();
        stop.cancel();
    };
    let (answered, ()) = tokio::join!(answering, stopping);
    assert!(answered.stopped && answered.text.starts_with("Slowly:"), "{answered:?}");
    assert!(answered.text.contains("Stopped") && !answered.text.contains("the end."));
    assert_eq!(answered.model, "gpt-4o-mini");
    assert!(answered.estimated && answered.usage.input_tokens > 0, "{answered:?}");
}

#[tokio::test]
async fn what_is_stopped_before_it_begins_costs_nothing() {
    let server = Aimock::start().await;
    let stop = CancellationToken::new();
    stop.cancel();
    let answered =
        ask_live(&server.base_url, &Query::new("How busy is web1?"), &Live::new(7, stop)).await;
    assert!(answered.stopped && answered.text.contains("Stopped before"), "{answered:?}");
    assert!(server.requests().await.is_empty());
}

#[tokio::test]
async fn a_server_that_does_not_count_has_its_tokens_estimated() {
    let server = Scripted::stream(&[r#"{"choices":[{"delta":{"content":"Idle."}}]}"#, STOP]).await;
    let answered = ask(&server.base_url, "How busy is web1?").await;
    assert_eq!(answered.text, "Idle.");
    assert!(answered.estimated && answered.usage.estimated, "{answered:?}");
    assert!(answered.usage.input_tokens > 100 && answered.usage.output_tokens > 0);
}

#[tokio::test]
async fn a_server_that_answers_whole_is_understood() {
    let server = Scripted::whole(
        "{\n \"choices\": [{\"message\": {\"content\": \"Idle.\"}, \"finish_reason\": \"stop\"}],\n \
         \"usage\": {\"prompt_tokens\": 30, \"completion_tokens\": 2}\n}",
    )
    .await;
    let answered = ask(&server.base_url, "How busy is web1?").await;
    assert_eq!((answered.text.as_str(), answered.usage.input_tokens), ("Idle.", 30));
    assert!(!answered.estimated);
}

#[tokio::test]
async fn an_answer_whose_end_nobody_named_is_marked() {
    let server = Scripted::stream(&[r#"{"choices":[{"delta":{"content":"Idle, or"}}]}"#]).await;
    let answered = ask(&server.base_url, "How busy is web1?").await;
    assert!(answered.text.starts_with("Idle, or"), "{}", answered.text);
    assert!(answered.text.contains("may be missing"), "{}", answered.text);
}

#[tokio::test]
async fn an_unknown_reason_to_end_and_unknown_fields_are_no_obstacle() {
    let server = Scripted::stream(&[
        r#"{"id":7,"x":{},"choices":[{"index":"0","delta":{"role":"assistant","content":"Idle."},"z":1}]}"#,
        r#"{"choices":[{"delta":{},"finish_reason":"eos_token"}],"usage":null}"#,
        r#"{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3,"details":{}}}"#,
    ])
    .await;
    let answered = ask(&server.base_url, "How busy is web1?").await;
    assert_eq!((answered.text.as_str(), answered.usage.output_tokens), ("Idle.", 3));
}
