//! The wrong passphrase opens nothing and breaks nothing.

use sysmaint_tests::{Stack, eventually};

use crate::{digest::digests, first_chat::first_chat, traffic::Traffic};

const RIGHT: &str = "the right passphrase";
const WRONG: &str = "the wrong passphrase";

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_passphrase_ends_with_a_sentence_and_changes_nothing() {
    let mut stack = Stack::builder().with("MEGA_PASSPHRASE", RIGHT).start().await;
    first_chat(&stack.web(), "the start").await;
    assert!(stack.stop().await);
    check_wrong(&mut stack).await;
    stack.set("MEGA_PASSPHRASE", RIGHT);
    stack.restart().await;
    first_chat(&stack.web(), "the right passphrase").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_passphrase_after_a_kill_leaves_the_journals_alone_too() {
    let mut stack = Stack::builder().with("MEGA_PASSPHRASE", RIGHT).start().await;
    let traffic = Traffic::start(&stack.web());
    first_chat(&stack.web(), "the start").await;
    stack.kill();
    // The next start must not find it gone, nor anything written by it while digests are taken.
    stack.signal_nats("STOP");
    let journals: u64 = ["agent.db-wal", "probe.db-wal", "state.db-wal"]
        .map(|name| std::fs::metadata(stack.data().join(name)).unwrap().len())
        .into_iter()
        .sum();
    assert!(journals > 0, "the kill left no journal, and the test shows nothing");
    check_wrong(&mut stack).await;
    stack.signal_nats("CONT");
    stack.set("MEGA_PASSPHRASE", RIGHT);
    stack.restart().await;
    first_chat(&stack.web(), "the right passphrase").await;
    let ledger = traffic.stop().await;
    ledger.check(2).await;
}

async fn check_wrong(stack: &mut Stack) {
    let before = digests(&stack.data());
    let said_before = stack.process().stderr().len();
    stack.set("MEGA_PASSPHRASE", WRONG);
    stack.relaunch();
    let status = eventually("its end", async || stack.process().ended()).await;
    let said = stack.process().stderr().split_off(said_before);
    assert_eq!(status.code(), Some(78), "{said}");
    assert!(said.contains("wrong passphrase") && said.contains("MEGA_PASSPHRASE"), "{said}");
    assert!(!said.contains(WRONG) && !said.contains(RIGHT), "a passphrase was printed");
    assert!(before.keys().any(|name| name == "agent.db"));
    assert_eq!(digests(&stack.data()), before, "files were changed");
}
