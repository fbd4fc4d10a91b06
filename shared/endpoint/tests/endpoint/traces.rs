//! What is told of single envelopes.

use std::sync::Arc;

use sysmaint_device::{Chain, Opened};
use sysmaint_endpoint::Trace;
use sysmaint_protocol::Kind;
use sysmaint_testkit::{Faults, Link, World};

#[tokio::test(flavor = "multi_thread")]
async fn sender_and_recipient_are_told_the_same_of_a_message() {
    let (world, link) = (World::new(), Link::new(1, Faults::default()));
    let alice = world.participant("alice", Arc::new(link.clone())).await;
    let bob = world.participant("bob", Arc::new(link.clone())).await;
    alice.meet(&bob).await;
    let (mut of_alice, mut of_bob) = (alice.trace(), bob.trace());
    let id = alice.say(&bob, "a text").await;
    let sealed = loop {
        if let Trace::Sealed(queued) = of_alice.recv().await.unwrap() {
            break queued;
        }
    };
    assert_eq!((sealed.content_id, &sealed.to), (id, &bob.mailbox()));
    let (transfer_id, opened, opened_by) = loop {
        if let Trace::Arrived { transfer_id, opened, mechanics } = of_bob.recv().await.unwrap() {
            break (transfer_id, opened, mechanics.unwrap());
        }
    };
    assert_eq!(transfer_id, Some(sealed.transfer_id));
    assert!(
        matches!(opened, Opened::Message { kind: Kind::Text, content_id, .. } if content_id == id)
    );
    let sealed_by = sealed.mechanics.unwrap();
    assert_eq!((sealed_by.chain, opened_by.chain), (Chain::Opened, Chain::Opened));
    assert_eq!(sealed_by.counter, opened_by.counter);
    assert_eq!(sealed_by.post_quantum, opened_by.post_quantum);
    // A sender is not told which kind of Kyber prekey it was given.
    let one_time = |told: sysmaint_device::Mechanics| told.handshake.unwrap().one_time;
    assert_eq!((one_time(sealed_by), one_time(opened_by)), (true, true));
}
