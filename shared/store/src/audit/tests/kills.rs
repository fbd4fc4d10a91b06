//! What a kill in the middle of writing leaves.

use std::{
    process::{Command, Stdio},
    time::Instant,
};

use super::*;

/// Where the process that is to be killed writes.
const PLACE: &str = "SYSMAINT_TEST_AUDIT";

#[tokio::test]
#[ignore = "runs in a process of its own, which the next test starts and kills"]
async fn writes_until_it_is_killed() {
    // Whoever runs the ignored tests by hand starts it too.
    let Some(path) = std::env::var_os(PLACE) else { return };
    let log = AuditLog::open(path.as_ref(), &passphrase()).unwrap();
    let deadline = Instant::now() + Duration::from_mins(1);
    let mut number = 0;
    while Instant::now() < deadline {
        number += 1;
        log.room().await.unwrap().fill(vec![accepted(number); 3], NOW);
    }
}

#[tokio::test]
async fn a_kill_in_the_middle_of_writing_leaves_a_chain_that_verifies_and_goes_on() {
    let scratch = Scratch::new();
    let mut rows = 0;
    for _ in 0..3 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--ignored", "audit::tests::kills::writes_until_it_is_killed"])
            .env(PLACE, scratch.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        let count =
            || AuditFile::open(&scratch.path(), &passphrase()).and_then(|file| file.count());
        while !count().is_ok_and(|count| count > rows + 500) {
            assert!(Instant::now() < deadline, "the other process writes nothing");
            std::thread::sleep(Duration::from_millis(10));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let outcome = scratch.verify(None);
        assert!(outcome.is_sound(), "{outcome:?}");
        assert!(outcome.rows > rows && outcome.rows.is_multiple_of(3), "records are whole");
        rows = outcome.rows;
    }
    let log = scratch.open();
    log.write(vec![accepted(0)], NOW).await.unwrap();
    let outcome = scratch.verify(None);
    assert!(outcome.is_sound() && outcome.rows == rows + 1, "{outcome:?}");
}
