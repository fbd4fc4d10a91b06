//! Wrong passphrases, locks, other files and full disks.

use super::*;
use crate::{
    Store,
    audit::{AuditReadError, AuditWriteError},
};

#[tokio::test]
async fn a_wrong_passphrase_is_said_by_writer_and_reader() {
    let scratch = Scratch::with_rows(1).await;
    drop(scratch.open());
    let wrong = Passphrase::new("wrong".to_owned().into());
    let read = AuditFile::open(&scratch.path(), &wrong).unwrap_err().to_string();
    assert!(read.contains("wrong passphrase"), "{read}");
    let written = loop {
        match AuditLog::open(&scratch.path(), &wrong) {
            Err(OpenError::Lock(_)) => std::thread::yield_now(),
            other => break other.unwrap_err().to_string(),
        }
    };
    assert!(written.contains("wrong passphrase"), "{written}");
}

#[tokio::test]
async fn a_second_bridge_is_told_who_writes_the_file() {
    let scratch = Scratch::new();
    let _log = scratch.open();
    let error = AuditLog::open(&scratch.path(), &passphrase()).unwrap_err().to_string();
    assert!(error.contains("in use") && error.contains("relay.db"), "{error}");
}

#[tokio::test]
async fn a_store_is_no_audit_and_an_audit_no_store() {
    let scratch = Scratch::with_rows(1).await;
    let error = loop {
        match Store::open(&scratch.path(), &passphrase()) {
            Err(OpenError::Lock(_)) => std::thread::yield_now(),
            other => break other.unwrap_err(),
        }
    };
    assert!(error.to_string().contains("is not a service's store"), "{error}");
    let store = scratch.dir.path().join("agent.db");
    drop(Store::open(&store, &passphrase()).unwrap());
    let error = AuditFile::open(&store, &passphrase()).unwrap_err();
    assert!(error.to_string().contains("is not a bridge's audit"), "{error}");
}

#[test]
fn a_file_that_is_not_there_is_said_and_not_made() {
    let scratch = Scratch::new();
    let error = AuditFile::open(&scratch.path(), &passphrase()).unwrap_err();
    assert!(matches!(error, AuditReadError::Missing(_)), "{error}");
    assert!(error.to_string().contains("RELAY_DB") && !scratch.path().exists(), "{error}");
}

/// A full disk, as SQLite sees one: the file may not grow.
#[tokio::test]
async fn a_full_disk_is_said_at_once_and_nothing_that_waits_is_lost() {
    let scratch = Scratch::new();
    let log = scratch.open();
    log.write(vec![accepted(1)], NOW).await.unwrap();
    let blocker = scratch.connection();
    blocker
        .execute_batch(
            "CREATE TRIGGER full BEFORE INSERT ON row BEGIN \
                           SELECT raise(ABORT, 'database or disk is full'); END",
        )
        .unwrap();
    let error = log.write(vec![accepted(2)], NOW).await.unwrap_err();
    assert!(error.to_string().contains("disk is full"), "{error}");
    assert!(log.trouble().is_some());
    assert!(matches!(log.room().await.unwrap_err(), AuditWriteError::Failing(_)));
    log.record(vec![accepted(3)], NOW).await.unwrap();
    blocker.execute_batch("DROP TRIGGER full").unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while log.head().sequence < 3 {
        assert!(Instant::now() < deadline, "{:?}", log.trouble());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(log.trouble(), None);
    log.room().await.unwrap().fill(vec![accepted(4)], NOW);
    log.write(vec![accepted(5)], NOW).await.unwrap();
    assert!(scratch.verify(None).is_sound());
    assert_eq!(scratch.rows().len(), 5);
}
