//! Publishing until the broker confirms.

use std::sync::Arc;

use sysmaint_testkit::{Faults, Link, World, eventually};

use crate::conversation::{keep, kept, outbox};

#[tokio::test]
async fn what_is_not_confirmed_is_published_again_with_the_same_bytes() {
    let link = Link::new(1, Faults { unconfirmed: 1.0, ..Faults::default() });
    let world = World::new();
    let alice = world.participant("alice", Arc::new(link.clone())).await;
    let bob = world.participant("bob", Arc::new(link.clone())).await;
    alice.say(&bob, "hello").await;
    eventually("retries", async || (link.attempts().len() >= 3).then_some(())).await;
    assert_eq!(outbox(&alice).await, 1);

    link.set(Faults::default());
    eventually("an empty outbox", async || (outbox(&alice).await == 0).then_some(())).await;
    let attempts = link.attempts();
    assert!(attempts.iter().all(|attempt| *attempt == attempts[0]), "{attempts:?}");
    let reading = tokio::spawn(keep(bob.clone()));
    assert_eq!(kept(&bob, 1).await, ["hello"]);
    reading.abort();
}

#[tokio::test]
async fn a_sender_that_is_killed_before_it_could_publish_does_so_later() {
    let link = Link::new(2, Faults { lost: 1.0, ..Faults::default() });
    let world = World::new();
    let alice = world.participant("alice", Arc::new(link.clone())).await;
    let bob = world.participant("bob", Arc::new(link.clone())).await;
    alice.say(&bob, "hello").await;
    eventually("an attempt", async || link.attempts().first().cloned()).await;

    let alice = alice.restart().await;
    link.set(Faults::default());
    eventually("an empty outbox", async || (outbox(&alice).await == 0).then_some(())).await;
    let attempts = link.attempts();
    assert!(attempts.iter().all(|attempt| *attempt == attempts[0]), "{attempts:?}");
    let reading = tokio::spawn(keep(bob.clone()));
    assert_eq!(kept(&bob, 1).await, ["hello"]);
    reading.abort();
}
