//! The relay's audit, checked and shown by the program itself.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::{
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;
use sysmaint_tests::{Stack, eventually, sysmaint};

fn audit(stack: &Stack, data: &Path, arguments: &[&str]) -> Output {
    Command::new(sysmaint())
        .arg("audit")
        .args(arguments)
        .arg("--data-dir")
        .arg(data)
        .env("NATS_URL", stack.nats_url())
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    let (out, error) = (&output.stdout, &output.stderr);
    format!("{}{}", String::from_utf8_lossy(out), String::from_utf8_lossy(error))
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Once the bridge has left its anchor.
async fn sound(stack: &Stack, data: &Path) -> Value {
    eventually("a sound audit", async || {
        let output = audit(stack, data, &["verify", "--json"]);
        (output.status.code() == Some(0)).then(|| json(&output))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_is_sound_while_the_relay_runs_and_after_a_kill_and_names_who_registered() {
    let mut stack = Stack::builder().start().await;
    let data = stack.data();
    let first = sound(&stack, &data).await;
    assert!(first["confirmed_through"].as_u64().unwrap() >= 1, "{first}");
    let shown = audit(&stack, &data, &["show", "--last", "100"]);
    assert_eq!(shown.status.code(), Some(0), "{}", text(&shown));
    for wanted in ["bridge started", "registered sysmaint.1, new", "registered diagprobe.1, new"] {
        assert!(text(&shown).contains(wanted), "{}", text(&shown));
    }
    stack.kill();
    stack.restart().await;
    let second = sound(&stack, &data).await;
    assert_eq!(second["bridge"], first["bridge"]);
    assert!(second["rows"].as_u64() > first["rows"].as_u64(), "{second}");

    let wrong = Command::new(sysmaint())
        .args(["audit", "show", "--data-dir"])
        .arg(&data)
        .env("MEGA_PASSPHRASE", "another passphrase altogether")
        .output()
        .unwrap();
    assert_eq!(wrong.status.code(), Some(78));
    assert!(text(&wrong).contains("wrong passphrase"), "{}", text(&wrong));
    assert!(stack.stop().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_copy_in_the_audits_place_is_found_by_its_anchors() {
    let mut stack = Stack::builder().start().await;
    let data = stack.data();
    sound(&stack, &data).await;
    assert!(stack.stop().await);
    let (file, copy) = (data.join("relay.db"), data.join("copy.db"));
    std::fs::copy(&file, &copy).unwrap();
    stack.restart().await;
    sound(&stack, &data).await;

    let name = copy.to_str().unwrap();
    let cut = audit(&stack, &data, &["verify", "--db", name]);
    assert_eq!(cut.status.code(), Some(65), "{}", text(&cut));
    assert!(text(&cut).contains("cut off"), "{}", text(&cut));
    let alone = audit(&stack, &data, &["verify", "--db", name, "--offline"]);
    assert_eq!(alone.status.code(), Some(0), "{}", text(&alone));
    let missing = audit(&stack, &data, &["verify", "--db", "/nonexistent/relay.db"]);
    assert_eq!(missing.status.code(), Some(78), "{}", text(&missing));
    assert!(stack.stop().await);
}
