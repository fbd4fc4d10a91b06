//! What does not open must not stop what does.

use std::sync::Arc;

use sysmaint_testkit::{Faults, Link, World, eventually};

use crate::conversation::{dead, keep, kept};

#[tokio::test]
async fn garbage_in_a_mailbox_becomes_dead_letters_and_the_mailbox_goes_on() {
    let link = Link::new(1, Faults::default());
    let world = World::new();
    let alice = world.participant("alice", Arc::new(link.clone())).await;
    let bob = world.participant("bob", Arc::new(link.clone())).await;
    let reading = tokio::spawn(keep(bob.clone()));
    alice.say(&bob, "before").await;
    kept(&bob, 1).await;

    let mut tampered = link.attempts()[0].envelope().as_bytes().to_vec();
    *tampered.last_mut().unwrap() ^= 1;
    link.inject(&bob.mailbox(), b"not an envelope");
    link.inject(&bob.mailbox(), &tampered);
    alice.say(&bob, "after").await;
    assert_eq!(kept(&bob, 2).await, ["before", "after"]);
    let expected = [("not_an_envelope".to_owned(), 1), ("seal".to_owned(), 1)];
    assert_eq!(dead(&bob).await, expected);
    let emptied = async || (link.depth(&bob.mailbox()) == 0).then_some(());
    eventually("an empty mailbox", emptied).await;
    reading.abort();
}
