//! A store that was lost and made anew, and what its peers decide.

use sysmaint_endpoint::{ContactError, SendError};
use sysmaint_protocol::body::Text;
use sysmaint_testkit::{Faults, Participant, eventually};

use crate::{
    conversation::{dead, keep, kept, texts},
    site::Site,
};

/// Bob knows alice, whose store was lost and registered anew by an operator's decision.
async fn reborn() -> (Site, Participant, Participant) {
    let site = Site::new(Faults::default()).await;
    let (alice, bob) = site.two().await;
    alice.say(&bob, "before").await;
    bob.inbox().next().await;
    drop(alice);
    site.world.revoke("alice");
    let alice = site.participant("alice").await;
    alice.say(&bob, "after").await;
    alice.say(&bob, "and once more").await;
    eventually("held mail", async || (bob.status().borrow().repair.held == 2).then_some(())).await;
    (site, alice, bob)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_store_that_was_registered_anew_is_held_until_it_is_accepted() {
    let (_site, alice, bob) = reborn().await;
    let reading = [tokio::spawn(keep(bob.clone())), tokio::spawn(keep(alice.clone()))];
    kept(&bob, 1).await;
    eventually("a change", async || {
        (bob.changed_handles().await.unwrap() == [alice.handle().clone()]).then_some(())
    })
    .await;
    let sent = bob.send(alice.handle(), &Text { text: "secret".into() }).await;
    assert!(matches!(sent, Err(SendError::Seal(_) | SendError::Contact(ContactError::Bundle(_)))));
    let (hers, his) = (alice.standing(bob.handle()).await, bob.standing(alice.handle()).await);
    let changed = his.unwrap()[0].changed_number.clone().unwrap();
    assert_eq!(hers.unwrap()[0].safety_number.digits(), changed.digits());

    assert_eq!(bob.accept_key(alice.handle()).await.unwrap(), 2);
    assert_eq!(kept(&bob, 3).await, ["before", "after", "and once more"]);
    bob.say(&alice, "welcome back").await;
    assert_eq!(kept(&alice, 1).await, ["welcome back"]);
    assert_eq!(dead(&bob).await, []);
    for task in reading {
        task.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_held_of_a_rejected_key_is_counted_as_lost() {
    let (_site, alice, bob) = reborn().await;
    let reading = tokio::spawn(keep(bob.clone()));
    eventually("a change", async || {
        (!bob.changed_handles().await.unwrap().is_empty()).then_some(())
    })
    .await;
    assert_eq!(bob.reject_key(alice.handle()).await.unwrap(), 2);
    assert!(bob.changed_handles().await.unwrap().is_empty());
    assert_eq!(dead(&bob).await, [("rejected".to_owned(), 2)]);
    alice.say(&bob, "again").await;
    eventually("another dead letter", async || {
        (dead(&bob).await == [("rejected".to_owned(), 3)]).then_some(())
    })
    .await;
    assert_eq!(kept(&bob, 1).await, ["before"]);
    assert_eq!(texts(&bob).await.len(), 1);
    reading.abort();
}
