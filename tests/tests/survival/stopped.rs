//! Stopping as asked, and going on at the next start.

use std::time::{Duration, Instant};

use sysmaint_protocol::Timestamp;
use sysmaint_tests::{Stack, eventually};

use crate::{attempt::processes_of, first_chat::first_chat, random::Moments, traffic::Traffic};

/// A service manager kills what takes longer (systemd after 90 s).
const WITHIN: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_is_quick_and_clean_and_the_next_start_carries_on() {
    let mut stack = Stack::builder().start().await;
    let web = stack.web();
    let traffic = Traffic::start(&web);
    first_chat(&web, "the start").await;
    let before = web.newest_sample().await.unwrap();
    stop_in_time(&mut stack, "amid traffic").await;
    stack.restart().await;
    first_chat(&web, "a stop and a start").await;
    let history = web.get("/api/status/history?host=diagprobe&range=1h").await.unwrap();
    let first = history["points"][0]["time"].as_str().unwrap().to_owned();
    let moment = |text: &str| Timestamp::try_from(text.to_owned()).unwrap();
    assert!(
        moment(&first) <= moment(&before),
        "the history begins at {first}, and {before} was there before"
    );
    let ledger = traffic.stop().await;
    ledger.check(2).await;
    stop_in_time(&mut stack, "at rest").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_during_the_start_is_a_stop_as_asked() {
    let mut moments = Moments::new("stops of a start");
    let mut stack = Stack::builder().launch();
    for round in 0..4 {
        // Before that, nobody listens to signals.
        eventually("a first line", async || (!stack.process().stderr().is_empty()).then_some(()))
            .await;
        moments.pass(0..1500).await;
        stop_in_time(&mut stack, &format!("during start {round}")).await;
        stack.relaunch();
        moments.pass(100..200).await;
    }
    eventually("a first sample", async || stack.web().newest_sample().await).await;
}

async fn stop_in_time(stack: &mut Stack, when: &str) {
    let asked = Instant::now();
    stack.process().terminate();
    let status = eventually("its end", async || stack.process().ended()).await;
    let took = asked.elapsed();
    eprintln!("stopped {when} in {} ms", took.as_millis());
    assert_eq!(status.code(), Some(0), "{}", stack.process().stderr());
    assert!(took < WITHIN, "stopping {when} took {took:?}");
    let left = processes_of(&stack.data());
    assert!(left.is_empty(), "still running: {left:?}");
}
