//! A whole deployment is copied while it is stopped, started elsewhere, and put back.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::{fs, path::Path, process::Command};

use serde_json::Value;
use sysmaint_tests::{Elsewhere, Stack, Web, copy_files, eventually, said};
use tempfile::TempDir;

const FAR: &str = "diagprobe-far";

/// A copy as an operator makes it.
fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).output().unwrap();
    assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
}

async fn asked(web: &Web) -> Vec<String> {
    let history = web.get("/api/chat/history?limit=500").await.unwrap();
    let entries = history["entries"].as_array().unwrap().iter();
    entries.filter_map(|entry| Some(entry["prompt"].as_str()?.to_owned())).collect()
}

async fn texts(web: &Web, who: &str) -> Vec<String> {
    web.received(who).await.unwrap().into_iter().map(|(_, text)| text).collect()
}

async fn talk(web: &Web, from: &str, to: &str, text: &str) {
    let before = texts(web, to).await.len();
    web.send(from, to, text).await.unwrap();
    eventually("a direct message", async || (texts(web, to).await.len() > before).then_some(()))
        .await;
}

async fn answered(web: &Web, prompt: &str) {
    eventually("an answer", async || web.ask(prompt).await).await;
}

async fn link(web: &Web) -> Value {
    web.get("/api/status/link").await.unwrap()
}

/// When a host's newest sample was taken.
async fn newest(web: &Web, name: &str) -> Option<String> {
    let status = web.status().await?;
    let host = status["hosts"].as_array()?.iter().find(|host| host["host"] == name)?;
    Some(host["sample"]["taken_at"].as_str()?.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_deployment_goes_on_from_a_copy_elsewhere_on_other_ports() {
    let mut old = Stack::builder().start().await;
    let web = old.web();
    answered(&web, "what is the load?").await;
    talk(&web, "alice", "bob", "before the move").await;
    let devices = old.said(&["device", "list"]);
    assert!(old.stop().await);

    let elsewhere = TempDir::new().unwrap();
    let data = elsewhere.path().join("moved");
    copy(&old.data(), &data);
    // Nothing of the old place is needed.
    fs::remove_dir_all(old.data()).unwrap();
    let mut new = Stack::builder().with("SYSMAINT_DATA_DIR", data.display()).start().await;
    let web = new.web();
    assert_eq!(asked(&web).await, ["what is the load?"]);
    answered(&web, "and now?").await;
    talk(&web, "alice", "bob", "after the move").await;
    talk(&web, "bob", "alice", "welcome").await;
    assert_eq!(texts(&web, "bob").await, ["before the move", "after the move"]);
    assert_eq!(texts(&web, "alice").await, ["welcome"]);
    assert_eq!(link(&web).await["dead_letters"], 0);
    // The same devices with the same keys: nobody sees a changed one.
    assert_eq!(new.said(&["device", "list"]), devices);
    new.said(&["audit", "verify"]);
    assert!(new.stop().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn yesterdays_copy_of_everything_goes_on_and_a_host_elsewhere_finds_its_way_back() {
    let mut stack = Stack::builder().start().await;
    let web = stack.web();
    let relay = format!("http://127.0.0.1:{}", stack.relay().port());
    let mut far = Elsewhere::new(&[]);
    let line = stack.said(&["invite", "--handle", FAR, "--relay", &relay]);
    said(&far.run(&["join"], &line));
    far.launch("probe");
    eventually("the far host", async || newest(&web, FAR).await).await;
    answered(&web, "what is the load?").await;
    talk(&web, "alice", "bob", "kept").await;
    assert!(stack.stop().await);
    let elsewhere = TempDir::new().unwrap();
    let yesterday = elsewhere.path().join("yesterday");
    copy(&stack.data(), &yesterday);

    stack.restart().await;
    answered(&web, "how much memory is free?").await;
    talk(&web, "alice", "bob", "in no copy").await;
    let before = newest(&web, FAR).await.unwrap();
    eventually("more of the far host", async || {
        newest(&web, FAR).await.filter(|now| *now > before)
    })
    .await;
    assert!(stack.stop().await);

    fs::remove_dir_all(stack.data()).unwrap();
    copy(&yesterday, &stack.data());
    stack.restart().await;
    // What came after the copy is not there, and what comes now works.
    assert_eq!(asked(&web).await, ["what is the load?"]);
    answered(&web, "and now?").await;
    talk(&web, "alice", "bob", "after the restore").await;
    assert_eq!(texts(&web, "bob").await, ["kept", "after the restore"]);
    // The far host's device was not put back: it is ahead. Where the sessions of yesterday do not
    // reach what its probe seals, that is asked for, and a new session is made.
    let before = newest(&web, FAR).await.unwrap();
    eventually("the far host after the restore", async || {
        newest(&web, FAR).await.filter(|now| *now > before)
    })
    .await;
    // What it had given to the deployment that is gone is told, and nothing is left unread.
    eventually("what is gone is counted", async || {
        let told = link(&web).await;
        (told["missing"].as_u64()? > 0 && told["awaited"] == 0).then_some(())
    })
    .await;
    assert_eq!(link(&web).await["dead_letters"], 0);
    far.kill();
    assert!(stack.stop().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn yesterdays_copy_of_one_store_is_answered_and_what_is_gone_is_counted() {
    let mut stack = Stack::builder().start().await;
    let web = stack.web();
    answered(&web, "what is the load?").await;
    talk(&web, "alice", "bob", "kept").await;
    assert!(stack.stop().await);
    let elsewhere = TempDir::new().unwrap();
    copy_files(&stack.data(), elsewhere.path(), "state.db");

    stack.restart().await;
    for number in 0..3 {
        answered(&web, &format!("how much memory is free, {number}?")).await;
    }
    assert!(stack.stop().await);

    for entry in fs::read_dir(stack.data()).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with("state.db") {
            fs::remove_file(path).unwrap();
        }
    }
    copy_files(elsewhere.path(), &stack.data(), "state.db");
    stack.restart().await;
    assert_eq!(asked(&web).await, ["what is the load?"]);
    answered(&web, "and now?").await;
    talk(&web, "alice", "bob", "after the restore").await;
    assert_eq!(texts(&web, "bob").await, ["kept", "after the restore"]);
    // The broker has given what was sent since then to the store that is gone: at least an answer to
    // each of the three questions. It is told, and none of it is a message that cannot be opened.
    eventually("what is gone is counted", async || {
        (link(&web).await["missing"].as_u64()? >= 3).then_some(())
    })
    .await;
    assert_eq!(link(&web).await["dead_letters"], 0);
    assert!(stack.stop().await);
}
