//! A full disk: said, survived, and over once there is room again.

use std::{
    fs::File,
    io::Write as _,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use sysmaint_tests::{Stack, eventually, eventually_within, sysmaint};

use crate::{
    evidence::{Evidence, caught_up},
    first_chat::first_chat,
    mount::Mount,
    traffic::Traffic,
};

/// nats-server is looked at every few seconds and restarted.
const RECOVERS_WITHIN: Duration = Duration::from_mins(2);

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_loses_nothing_that_was_accepted_and_is_over_when_there_is_room() {
    let Some(mount) = Mount::tmpfs("96m") else { return };
    let data = mount.path().join("data");
    let mut stack = Stack::builder().with("SYSMAINT_DATA_DIR", data.display()).start().await;
    let web = stack.web();
    let traffic = Traffic::start(&web);
    caught_up(&web).await;
    // Sessions and journals as they are after a while.
    tokio::time::sleep(Duration::from_secs(3)).await;

    let filler = mount.path().join("filler");
    fill(&filler);
    eventually("words about it", async || {
        let said = stack.process().stderr();
        (said.contains("full") || said.contains("No space")).then_some(())
    })
    .await;
    eventually("a message that is refused rather than lost", async || {
        web.send("bob", "alice", "is anybody there?").await.is_none().then_some(())
    })
    .await;
    // A while in which everybody meets the full disk.
    tokio::time::sleep(Duration::from_secs(8)).await;
    assert!(stack.process().ended().is_none(), "it did not survive a full disk");

    std::fs::remove_file(&filler).unwrap();
    let freed = Instant::now();
    eventually_within(RECOVERS_WITHIN, "an answer again", async || {
        web.ask("what is the load?").await
    })
    .await;
    eprintln!("answered {} ms after there was room again", freed.elapsed().as_millis());
    first_chat(&web, "a full disk").await;
    caught_up(&web).await;
    let ledger = traffic.stop().await;
    let prompts = ledger.check(3).await;
    assert!(stack.stop().await);
    let passphrase = std::fs::read_to_string(data.join("passphrase")).unwrap();
    let agent = Evidence::of(&data, "agent.db", &passphrase).await;
    agent.check_complete().check_answers(prompts);
    Evidence::of(&data, "state.db", &passphrase).await.check_complete();
    let audit = ["audit", "verify", "--offline", "--data-dir"];
    let audit = Command::new(sysmaint()).args(audit).arg(&data).status().unwrap();
    assert!(audit.success(), "the audit is not whole");
    drop(stack);
}

/// Until nothing more fits.
fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    for size in [1 << 20, 4096, 1] {
        let block = vec![0xa5; size];
        while file.write_all(&block).is_ok() {}
    }
}
