//! The main job: live numbers, true answers, messages that arrive.

use std::time::Duration;

use sysmaint_tests::{Services, Stack, eventually, eventually_within};

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_sees_live_numbers_and_gets_a_true_answer() {
    let mut stack = Stack::builder().start().await;
    let web = stack.web();
    let status = web.status().await.unwrap();
    let sample = &status["hosts"][0]["sample"];
    assert_eq!(status["hosts"][0]["host"], "diagprobe");
    let installed = std::fs::read_to_string("/proc/meminfo").unwrap();
    let installed: u64 = installed
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))
        .and_then(|rest| rest.trim().strip_suffix(" kB"))
        .map(|kilobytes| kilobytes.parse::<u64>().unwrap() * 1024)
        .unwrap();
    assert_eq!(sample["memory_total_bytes"].as_u64().unwrap(), installed);

    let answer = web.ask("what is the load, and is anything unusual?").await.unwrap();
    let reply = answer["reply"].as_str().unwrap();
    assert!(reply.contains("diagprobe") && reply.contains("load"), "{reply}");
    assert_eq!(answer["model"], "offline-analyst");
    let load = sample["load_1"].as_f64().unwrap();
    let said: f64 =
        reply.split("load ").find_map(|part| part.split_whitespace().next()?.parse().ok()).unwrap();
    assert!((said - load).abs() < 2.0, "said {said}, was {load}");

    let first = web.newest_sample().await.unwrap();
    eventually("the next sample", async || {
        web.newest_sample().await.filter(|newest| *newest > first)
    })
    .await;
    assert!(stack.stop().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn direct_messages_arrive_both_ways_once_and_in_order() {
    let stack = Stack::builder().start().await;
    let web = stack.web();
    for number in 0..20 {
        web.send("alice", "bob", &format!("to bob {number}")).await.unwrap();
        web.send("bob", "alice", &format!("to alice {number}")).await.unwrap();
    }
    for (reader, wanted) in [("bob", "to bob"), ("alice", "to alice")] {
        let received = eventually("all twenty", async || {
            web.received(reader).await.filter(|messages| messages.len() >= 20)
        })
        .await;
        let texts: Vec<_> = received.into_iter().map(|(_, text)| text).collect();
        let expected: Vec<_> = (0..20).map(|number| format!("{wanted} {number}")).collect();
        assert_eq!(texts, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_services_run_one_by_one_with_a_key_each() {
    let services = Services::start().await;
    // Dashboard and agent get their samples independently.
    eventually("an answer about the host", async || {
        let answer = services.web().ask("System status summary in one line.").await?;
        answer["reply"].as_str()?.contains("diagprobe").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_passes_its_limit_reaches_the_operator_unasked() {
    // Any memory at all is too much here, for as long as a rule must ask at least.
    let rule = "memory_used_percent>0.001/30s";
    let stack = Stack::builder().with("SYSMAINT_ALERTS", rule).start().await;
    let web = stack.web();
    let alert = eventually_within(Duration::from_mins(2), "an alert", async || {
        let told = web.get("/api/alerts").await?;
        told["alerts"].as_array()?.first().cloned()
    })
    .await;
    assert_eq!((&alert["host"], &alert["state"]), (&"diagprobe".into(), &"firing".into()));
    assert_eq!(alert["rule"], rule);
    let summary = alert["summary"].as_str().unwrap();
    assert!(summary.starts_with("memory averaged "), "{summary}");
}
