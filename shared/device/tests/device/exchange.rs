//! Honest traffic.

use std::time::Duration;

use sysmaint_device::{Opened, SealError};
use sysmaint_protocol::{Envelope, body::Text};

use crate::participant::{World, acquainted};

#[test]
fn a_message_arrives_with_its_sender() {
    let (_world, mut alice, mut bob) = acquainted();
    let (content_id, sealed) = alice.say(&bob, "hello");
    let Opened::Message { sender, content_id: arrived, .. } = bob.open(&sealed) else {
        panic!("not opened")
    };
    assert_eq!(sender, alice.device.address());
    assert_eq!(arrived, content_id);
    assert_eq!(bob.texts(), ["hello"]);
}

#[test]
fn a_hundred_exchanges_turn_both_ratchets() {
    let (_world, mut alice, mut bob) = acquainted();
    for round in 0..100 {
        let (_, sealed) = alice.say(&bob, &format!("ping {round}"));
        assert!(matches!(bob.open(&sealed), Opened::Message { .. }));
        let (_, sealed) = bob.say(&alice, &format!("pong {round}"));
        assert!(matches!(alice.open(&sealed), Opened::Message { .. }));
    }
    assert_eq!((bob.texts().len(), alice.texts().len()), (100, 100));
}

#[test]
fn order_of_arrival_does_not_matter() {
    let (_world, mut alice, mut bob) = acquainted();
    let sealed: Vec<_> = (0..40).map(|n| alice.say(&bob, &n.to_string()).1).collect();
    for sealed in sealed.iter().rev() {
        assert!(matches!(bob.open(sealed), Opened::Message { .. }));
    }
    assert_eq!(bob.texts().len(), 40);
}

#[test]
fn the_same_bytes_are_opened_once() {
    let (_world, mut alice, mut bob) = acquainted();
    let (_, sealed) = alice.say(&bob, "once");
    assert!(matches!(bob.open(&sealed), Opened::Message { .. }));
    assert_eq!(bob.open(&sealed), Opened::Duplicate);
    assert_eq!(bob.texts(), ["once"]);
    assert!(bob.store.dead().is_empty());
}

#[test]
fn both_may_open_a_session_at_the_same_time() {
    let world = World::new();
    let (mut alice, mut bob) = (world.participant("alice"), world.participant("bob"));
    alice.meet(&mut bob);
    bob.meet(&mut alice);
    let (_, to_bob) = alice.say(&bob, "a");
    let (_, to_alice) = bob.say(&alice, "b");
    assert!(matches!(bob.open(&to_bob), Opened::Message { .. }));
    assert!(matches!(alice.open(&to_alice), Opened::Message { .. }));
    for round in 0..10 {
        let (_, sealed) = alice.say(&bob, &round.to_string());
        assert!(matches!(bob.open(&sealed), Opened::Message { .. }));
        let (_, sealed) = bob.say(&alice, &round.to_string());
        assert!(matches!(alice.open(&sealed), Opened::Message { .. }));
    }
}

#[test]
fn an_empty_pool_still_opens_a_session_but_not_twice_with_the_same_bytes() {
    let world = World::new();
    let (mut alice, mut bob) = (world.participant("alice"), world.participant("bob"));
    bob.exhaust_prekeys();
    alice.meet(&mut bob);
    let (_, sealed) = alice.say(&bob, "last resort");
    let forgetful = bob.store.clone();
    assert!(matches!(bob.open(&sealed), Opened::Message { .. }));
    assert_eq!(bob.open(&sealed), Opened::Duplicate);
    // Bob's store before the message knows nothing of it, and takes it as new.
    bob.store = forgetful;
    assert!(matches!(bob.open(&sealed), Opened::Message { .. }));
}

#[test]
fn without_a_session_nothing_is_sealed() {
    let world = World::new();
    let (mut alice, bob) = (world.participant("alice"), world.participant("bob"));
    let text = Text { text: "hello".into() };
    assert!(matches!(alice.try_send(&bob, &text), Err(SealError::NoSession(_))));
    assert_eq!(alice.store.queued().count(), 0);
}

#[test]
fn a_session_that_nobody_answered_for_a_month_is_not_used_any_more() {
    let (_world, mut alice, mut bob) = acquainted();
    alice.wait(Duration::from_hours(31 * 24));
    let text = Text { text: "hello".into() };
    assert!(matches!(alice.try_send(&bob, &text), Err(SealError::NoSession(_))));
    alice.meet(&mut bob);
    let (_, sealed) = alice.say(&bob, "hello");
    assert!(matches!(bob.open(&sealed), Opened::Message { .. }));
}

#[test]
fn the_wire_shows_size_classes_only() {
    let (_world, mut alice, mut bob) = acquainted();
    // Completes the session, so that neither side sends prekey messages any more.
    let (_, sealed) = alice.say(&bob, "open");
    bob.open(&sealed);
    let (_, sealed) = bob.say(&alice, "complete");
    alice.open(&sealed);
    let mut size = |text: &str| {
        let (_, sealed) = alice.say(&bob, text);
        Envelope::parse(sealed.envelope().as_bytes().to_vec()).unwrap().as_bytes().len()
    };
    let (short, longer, next) = (size("x"), size(&"x".repeat(300)), size(&"x".repeat(900)));
    // The post-quantum ratchet's own part varies by less than 48 bytes.
    assert!(short.abs_diff(longer) < 48, "{short} {longer}");
    assert!(next > longer + 400, "{longer} {next}");
}

#[test]
fn a_rolled_back_transaction_leaves_no_trace() {
    let (_world, mut alice, mut bob) = acquainted();
    let (_, sealed) = alice.say(&bob, "hello");
    let before = bob.store.clone();
    assert!(matches!(bob.open(&sealed), Opened::Message { .. }));
    bob.store = before;
    assert!(matches!(bob.open(&sealed), Opened::Message { .. }));
    assert_eq!(bob.texts(), ["hello"]);
}
