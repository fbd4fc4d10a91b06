//! What a process that ends can rely on.

use std::{fs::File, sync::Arc, thread, time::Duration};

use futures_util::FutureExt;
use sysmaint_endpoint::{Endpoint, StepError};
use sysmaint_store::{Passphrase, Store};
use sysmaint_testkit::{Faults, Link, World};
use tempfile::TempDir;

#[tokio::test]
async fn an_endpoint_that_is_dropped_has_let_go_of_its_file_whatever_a_step_was_doing() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("device.db");
    let passphrase = Passphrase::new("a passphrase for tests".to_owned().into());
    let store = Store::open(&path, &passphrase).unwrap();
    let lock = File::open(path.with_extension("db.lock")).unwrap();
    let mailbox = Arc::new(Link::new(1, Faults::default()));
    let config = World::new().endpoint_config("alice".parse().unwrap(), store, mailbox);
    let endpoint = Endpoint::start(config).await.unwrap();
    assert!(lock.try_lock().is_err(), "it is in use");

    // A slow step, and nobody who waits for it any more.
    let step = |_: &mut sysmaint_endpoint::Step<'_, '_>| -> Result<(), StepError> {
        thread::sleep(Duration::from_millis(200));
        Ok(())
    };
    assert!(endpoint.step(step).now_or_never().is_none());
    drop(endpoint);
    // The writer has ended, or the process would end under it.
    lock.try_lock().unwrap();
}
