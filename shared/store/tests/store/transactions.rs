//! Group commit, savepoints and panics.

use sysmaint_protocol::ContentId;
use sysmaint_store::{SqlError, WriteError};

use crate::{NOW, Scratch, handle};

fn id(number: u32) -> ContentId {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    ContentId::from_bytes(bytes)
}

#[tokio::test]
async fn many_writers_at_once_are_all_served() {
    let scratch = Scratch::new();
    let writes = (0..500).map(|number| {
        let store = scratch.store.clone();
        tokio::spawn(async move {
            store.write(move |tx| tx.chat().ask(id(number), "prompt", NOW)).await
        })
    });
    for write in writes.collect::<Vec<_>>() {
        write.await.unwrap().unwrap();
    }
    let history = scratch.store.read(|view| view.chat().history(1000)).await.unwrap();
    assert_eq!(history.len(), 500);
}

#[tokio::test]
async fn a_step_that_fails_or_panics_is_rolled_back_alone() {
    let scratch = Scratch::new();
    let good = scratch.store.write(|tx| tx.chat().ask(id(1), "first", NOW));
    let failing = scratch.store.write(|tx| {
        tx.chat().ask(id(2), "second", NOW).unwrap();
        Err::<(), &str>("changed my mind")
    });
    let panicking = scratch.store.write(|tx| {
        tx.chat().ask(id(3), "third", NOW).unwrap();
        panic!("as a hostile envelope might");
        #[expect(unreachable_code, reason = "gives the closure its type")]
        Ok::<(), SqlError>(())
    });
    let last = scratch.store.write(|tx| tx.chat().ask(id(4), "fourth", NOW));
    let (good, failing, panicking, last) = tokio::join!(good, failing, panicking, last);
    good.unwrap();
    assert!(matches!(failing, Err(WriteError::Step("changed my mind"))));
    assert!(matches!(panicking, Err(WriteError::Panicked)));
    last.unwrap();
    let history = scratch.store.read(|view| view.chat().history(10)).await.unwrap();
    let prompts: Vec<_> = history.iter().map(|row| row.prompt.as_str()).collect();
    assert_eq!(prompts, ["first", "fourth"]);
}

#[tokio::test]
async fn a_look_cannot_write() {
    let scratch = Scratch::new();
    let write = |view: &sysmaint_store::View<'_>| view.chat().ask(id(1), "x", NOW);
    assert!(scratch.store.read(write).await.is_err());
    let add = |tx: &sysmaint_store::Tx<'_>| tx.device(&handle("alice")).map(|_| ());
    scratch.store.write(add).await.unwrap();
}
