//! Opening, locking, versions and what is on the disk.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    time::{Duration, Instant},
};

use sysmaint_store::{OpenError, Passphrase, SqlError, Store, load_or_create_authority};

use crate::{NOW, Scratch, handle, passphrase};

/// Waits until the writer thread has closed the file.
fn reopen(path: &std::path::Path, passphrase: &Passphrase) -> Result<Store, OpenError> {
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        match Store::open(path, passphrase) {
            Err(OpenError::Lock(_)) if Instant::now() < deadline => std::thread::yield_now(),
            outcome => return outcome,
        }
    }
}

#[tokio::test]
async fn what_was_written_is_there_after_reopening() {
    let scratch = Scratch::new();
    let path = scratch.path();
    let write = |tx: &sysmaint_store::Tx<'_>| {
        tx.direct_messages().add(
            &handle("bob"),
            sysmaint_protocol::ContentId::from_bytes([1; 16]),
            &handle("alice"),
            "kept",
            NOW,
        )
    };
    scratch.store.write(write).await.unwrap();
    let Scratch { dir: _dir, store } = scratch;
    drop(store);
    let store = reopen(&path, &passphrase()).unwrap();
    let look =
        move |view: &sysmaint_store::View<'_>| view.direct_messages().after(&handle("bob"), 0, 10);
    assert_eq!(store.read(look).await.unwrap()[0].text, "kept");
}

#[tokio::test]
async fn a_wrong_passphrase_is_said_and_changes_nothing() {
    let scratch = Scratch::new();
    let path = scratch.path();
    let Scratch { dir, store } = scratch;
    drop(store);
    drop(reopen(&path, &passphrase()).unwrap());
    let before = loop {
        // The lock is free once the last connection has written its log back.
        match Store::open(&path, &Passphrase::new("wrong".to_owned().into())) {
            Err(OpenError::Lock(_)) => std::thread::yield_now(),
            Err(OpenError::Passphrase { .. }) => break fs::read(&path).unwrap(),
            other => panic!("{other:?}"),
        }
    };
    let error = Store::open(&path, &Passphrase::new("wrong".to_owned().into())).unwrap_err();
    assert!(error.to_string().contains("wrong passphrase"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
    drop(dir);
}

#[tokio::test]
async fn a_wrong_passphrase_leaves_the_journal_of_a_killed_process_alone() {
    let scratch = Scratch::new();
    let write = |tx: &sysmaint_store::Tx<'_>| {
        tx.chat().ask(sysmaint_protocol::ContentId::from_bytes([1; 16]), "in the journal", NOW)
    };
    scratch.store.write::<_, SqlError>(write).await.unwrap();
    // As a kill would leave them.
    let left = tempfile::TempDir::new().unwrap();
    let names = ["test.db", "test.db-wal"];
    for name in names {
        fs::copy(scratch.dir.path().join(name), left.path().join(name)).unwrap();
    }
    let content = || names.map(|name| fs::read(left.path().join(name)).unwrap());
    let before = content();
    assert!(!before[1].is_empty());
    let path = left.path().join("test.db");
    let error = Store::open(&path, &Passphrase::new("wrong".to_owned().into())).unwrap_err();
    assert!(matches!(error, OpenError::Passphrase { .. }), "{error}");
    assert!(content() == before, "something was written");
    let store = Store::open(&path, &passphrase()).unwrap();
    let history = store.read(|view| view.chat().history(10)).await.unwrap();
    assert_eq!(history[0].prompt, "in the journal");
}

#[tokio::test]
async fn a_second_process_is_told_who_has_the_store() {
    let scratch = Scratch::new();
    let error = Store::open(&scratch.path(), &passphrase()).unwrap_err().to_string();
    assert!(error.contains(&std::process::id().to_string()), "{error}");
}

#[tokio::test]
async fn nothing_on_the_disk_is_readable_and_only_the_owner_may_try() {
    let scratch = Scratch::new();
    let write = |tx: &sysmaint_store::Tx<'_>| {
        tx.device(&handle("canary-handle"))?;
        tx.chat().ask(sysmaint_protocol::ContentId::from_bytes([1; 16]), "canary-prompt", NOW)
    };
    scratch.store.write::<_, SqlError>(write).await.unwrap();
    for entry in fs::read_dir(scratch.dir.path()).unwrap() {
        let entry = entry.unwrap();
        let bytes = fs::read(entry.path()).unwrap();
        for needle in [&b"canary"[..], b"SQLite format", b"CREATE TABLE", b"local_device"] {
            let found = bytes.windows(needle.len()).any(|window| window == needle);
            assert!(!found, "{:?} in {:?}", needle, entry.path());
        }
        let is_lock = entry.path().extension().is_some_and(|extension| extension == "lock");
        let mode = entry.metadata().unwrap().permissions().mode();
        assert!(is_lock || mode.trailing_zeros() >= 6, "{:?} {mode:o}", entry.path());
    }
}

#[test]
fn a_directory_that_is_not_there_is_named() {
    let path = std::path::Path::new("/nonexistent/x.db");
    let error = Store::open(path, &passphrase()).unwrap_err().to_string();
    assert!(error.contains("/nonexistent/x.db"), "{error}");
}

#[test]
fn the_authority_is_made_once() {
    let dir = tempfile::TempDir::new().unwrap();
    let path = dir.path().join("authority.db");
    let first = load_or_create_authority(&path, &passphrase()).unwrap();
    let second = load_or_create_authority(&path, &passphrase()).unwrap();
    assert_eq!(first.trust_root(), second.trust_root());
    assert!(load_or_create_authority(&path, &Passphrase::new("x".to_owned().into())).is_err());
}
