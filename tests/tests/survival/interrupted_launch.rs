//! `kill -9` of `sysmaint up` between starting nats-server and writing down that it runs.

use std::{
    fs::{self, DirBuilder},
    os::unix::fs::DirBuilderExt as _,
    process::Command,
};

use sysmaint_tests::{Stack, eventually};
use tempfile::TempDir;

use crate::attempt::processes_of;

#[tokio::test(flavor = "multi_thread")]
async fn no_nats_server_is_left_behind_that_the_next_start_does_not_know() {
    let directory = TempDir::new().unwrap();
    let data = directory.path().join("data");
    DirBuilder::new().recursive(true).mode(0o700).create(data.join("nats")).unwrap();
    // Whoever writes into a pipe that nobody reads waits: here, for the record of the server.
    let record = data.join("nats/server.new");
    assert!(Command::new("mkfifo").arg(&record).status().unwrap().success());
    let mut stack = Stack::builder().with("SYSMAINT_DATA_DIR", data.display()).launch();
    let ours = || processes_of(directory.path());
    eventually("the start of nats-server", async || (!ours().is_empty()).then_some(())).await;
    stack.kill();
    eventually("its end", async || ours().is_empty().then_some(())).await;
    fs::remove_file(&record).unwrap();

    stack.restart().await;
    assert!(stack.stop().await);
}
