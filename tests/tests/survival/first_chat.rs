//! How soon somebody can talk again.

use std::time::{Duration, Instant};

use sysmaint_tests::{Web, eventually_within};

/// What is promised.
const WITHIN: Duration = Duration::from_secs(10);

/// Asks from this moment on, as a person would, and expects an answer within ten seconds.
pub(crate) async fn first_chat(web: &Web, after: &str) {
    let asked = Instant::now();
    let answer = eventually_within(Duration::from_secs(40), "a first answer", async || {
        web.ask("what is the load?").await
    })
    .await;
    let took = asked.elapsed();
    eprintln!("first chat after {after}: {} ms", took.as_millis());
    assert!(answer["reply"].as_str().is_some_and(|reply| !reply.is_empty()), "{answer}");
    assert!(took < WITHIN, "first chat after {after} took {took:?}");
}
