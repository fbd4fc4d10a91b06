//! How soon somebody can talk again.

use std::time::{Duration, Instant};

use sysmaint_tests::{Web, eventually_within};

/// A machine of its own takes a few seconds; a test that shares one cannot be judged by them.
const WITHIN: Duration = Duration::from_mins(2);

/// Asks from this moment on, as a person would, and prints how long the first answer took.
pub(crate) async fn first_chat(web: &Web, after: &str) {
    let asked = Instant::now();
    let answer =
        eventually_within(WITHIN, "a first answer", async || web.ask("what is the load?").await)
            .await;
    eprintln!("first chat after {after}: {} ms", asked.elapsed().as_millis());
    assert!(answer["reply"].as_str().is_some_and(|reply| !reply.is_empty()), "{answer}");
}
