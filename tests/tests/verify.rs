//! `sysmaint verify`: what the devices of a machine believe, and what people decide about it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::Value;
use sysmaint_tests::{RemoteDevice, Stack, eventually};

fn json(stack: &Stack, arguments: &[&str]) -> Value {
    serde_json::from_str(&stack.said(arguments)).unwrap()
}

/// The safety number that one of the stack's devices has with a handle.
fn number(stack: &Stack, of: &str, with: &str) -> String {
    let pairs = json(stack, &["verify", with, "--of", of, "--json"]);
    pairs[0]["number"]["digits"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_show_one_number_and_remember_that_it_was_compared() {
    let mut stack = Stack::builder().start().await;
    let _answer = stack.web().ask("what is the load?").await.unwrap();
    let hers = number(&stack, "alice", "sysmaint");
    assert_eq!(hers, number(&stack, "sysmaint", "alice"));
    assert_eq!(hers.chars().filter(char::is_ascii_digit).count(), 60);
    let shown = stack.said(&["verify", "sysmaint", "--of", "alice", "--qr"]);
    assert!(shown.contains(&hers[..23]) && shown.contains("\x1b[30;107m"), "{shown}");
    assert!(stack.said(&["verify"]).contains("pinned"));

    let wrong = stack.command(&["verify", "sysmaint", "--number", &hers.replace('1', "2")]);
    assert_eq!(wrong.status.code(), Some(65));
    let spoken = hers.replace(' ', "-");
    let verified = stack.said(&["verify", "sysmaint", "--number", &spoken]);
    assert_eq!(verified, "alice has sysmaint as verified\n");
    let known = json(&stack, &["verify", "--json"]);
    let of_alice = |one: &&Value| one["of"] == "alice" && one["handle"] == "sysmaint";
    let entry = known.as_array().unwrap().iter().find(of_alice).unwrap();
    assert_eq!(entry["key"], "verified");
    let nothing = stack.command(&["verify", "sysmaint", "--accept", "--yes"]);
    assert_eq!(nothing.status.code(), Some(64), "there is nothing to accept");
    assert!(stack.stop().await);
    let nobody = stack.command(&["verify"]);
    assert_eq!(nobody.status.code(), Some(69), "nothing runs");
}

/// Carol writes, loses everything, is made anew under the same handle, and writes again.
async fn carol_made_anew(stack: &Stack) -> RemoteDevice {
    let mut before = RemoteDevice::enrol(stack.relay(), "carol").await;
    before.upload_prekeys().await;
    let first = before.seal("alice", "before").await;
    before.send(&first).await;
    received(stack, "before").await;
    let revoked = stack.command(&["device", "revoke", "carol", "--yes"]);
    assert!(revoked.status.success(), "{}", String::from_utf8_lossy(&revoked.stderr));
    let mut anew = RemoteDevice::enrol(stack.relay(), "carol").await;
    anew.upload_prekeys().await;
    let second = anew.seal("alice", "after").await;
    anew.send(&second).await;
    eventually("a changed key", async || {
        let pairs = json(stack, &["verify", "carol", "--of", "alice", "--json"]);
        (pairs[0]["key"] == "changed").then_some(())
    })
    .await;
    anew
}

async fn received(stack: &Stack, text: &str) {
    let web = stack.web();
    eventually("a text", async || {
        let all = web.received("alice").await?;
        all.iter().any(|(_, received)| received == text).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_key_is_held_until_one_command_accepts_it() {
    let mut stack = Stack::builder().start().await;
    let _carol = carol_made_anew(&stack).await;
    let shown = stack.said(&["verify", "carol"]);
    assert!(shown.contains("CHANGED") && shown.contains("--accept"), "{shown}");
    let unasked = stack.command(&["verify", "carol", "--accept"]);
    assert_eq!(unasked.status.code(), Some(64), "nobody was asked, and it was done");
    let done = stack.said(&["verify", "carol", "--accept", "--yes"]);
    assert!(done.contains("alice believes carol's new key; 1 held message"), "{done}");
    received(&stack, "after").await;
    assert!(stack.stop().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_key_that_is_rejected_says_nothing_any_more() {
    let mut stack = Stack::builder().start().await;
    let mut carol = carol_made_anew(&stack).await;
    let done = stack.said(&["verify", "carol", "--reject", "--yes"]);
    assert!(done.contains("alice keeps carol's old key; 1 held message"), "{done}");
    let third = carol.seal("alice", "once more").await;
    carol.send(&third).await;
    let web = stack.web();
    eventually("two dead letters", async || (web.dead_letters().await? >= 2).then_some(())).await;
    let texts = web.received("alice").await.unwrap();
    assert_eq!(texts.len(), 1, "{texts:?}");
    assert!(stack.stop().await);
}
