//! Over a link that loses, doubles, delays and reorders.

use std::sync::Arc;

use sysmaint_testkit::{Faults, Link, Participant, World, eventually};

use crate::conversation::{dead, keep, kept, outbox, texts};

const MESSAGES: usize = 60;
const BAD: Faults =
    Faults { lost: 0.2, unconfirmed: 0.2, doubled: 0.2, late: 0.1, unacknowledged: 0.2 };

async fn two(link: &Link) -> (Participant, Participant) {
    let world = World::new();
    let alice = world.participant("alice", Arc::new(link.clone())).await;
    let bob = world.participant("bob", Arc::new(link.clone())).await;
    alice.meet(&bob).await;
    (alice, bob)
}

fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort();
    texts
}

fn numbered(name: &str) -> Vec<String> {
    (0..MESSAGES).map(|number| format!("{name} {number:03}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_arrives_once_over_a_bad_link() {
    let link = Link::new(1, BAD);
    let (alice, bob) = two(&link).await;
    let reading = tokio::spawn(keep(bob.clone()));
    for text in numbered("alice") {
        alice.say(&bob, &text).await;
    }
    let received = kept(&bob, MESSAGES).await;
    eventually("empty queues", async || {
        let waiting = outbox(&alice).await + outbox(&bob).await;
        (waiting == 0 && link.depth(&bob.mailbox()) == 0).then_some(())
    })
    .await;
    assert_eq!(sorted(texts(&bob).await), numbered("alice"));
    assert_ne!(received, numbered("alice"), "nothing was reordered");
    assert_eq!(dead(&bob).await, []);
    let counts = link.counts();
    for happened in
        [counts.lost, counts.unconfirmed, counts.doubled, counts.late, counts.unacknowledged]
    {
        assert!(happened > 0, "{counts:?}");
    }
    reading.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_talk_at_once_over_a_bad_link_understand_each_other() {
    let link = Link::new(2, BAD);
    let (alice, bob) = two(&link).await;
    let reading = [tokio::spawn(keep(alice.clone())), tokio::spawn(keep(bob.clone()))];
    for (one, other) in numbered("alice").iter().zip(numbered("bob")) {
        tokio::join!(alice.say(&bob, one), bob.say(&alice, &other));
    }
    let (to_bob, to_alice) = tokio::join!(kept(&bob, MESSAGES), kept(&alice, MESSAGES));
    assert_eq!(sorted(to_bob), numbered("alice"));
    assert_eq!(sorted(to_alice), numbered("bob"));
    assert_eq!((dead(&alice).await, dead(&bob).await), (vec![], vec![]));
    for task in reading {
        task.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_killed_again_and_again_loses_and_repeats_nothing() {
    let link = Link::new(3, Faults { late: 0.1, unacknowledged: 0.2, ..Faults::default() });
    let (alice, mut bob) = two(&link).await;
    for (round, group) in numbered("alice").chunks(MESSAGES / 3).enumerate() {
        let reading = tokio::spawn(keep(bob.clone()));
        for text in group {
            alice.say(&bob, text).await;
        }
        // Some of them, so that it is killed in the middle of the others.
        kept(&bob, round * group.len() + 5).await;
        reading.abort();
        let _ = reading.await;
        bob = bob.restart().await;
    }
    let reading = tokio::spawn(keep(bob.clone()));
    assert_eq!(sorted(kept(&bob, MESSAGES).await), numbered("alice"));
    assert_eq!(dead(&bob).await, []);
    reading.abort();
}
