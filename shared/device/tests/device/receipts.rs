//! Delivery receipts.

use std::time::Duration;

use sysmaint_device::Opened;
use sysmaint_protocol::{
    ContentId,
    body::{NumberedSample, Telemetry},
    sample::Sample,
};

use crate::participant::{NOW, Participant, acquainted};

fn telemetry(sequence: u64) -> Telemetry {
    let sample = NumberedSample { sequence, sample: Sample::empty(NOW) };
    Telemetry { stream: ContentId::from_bytes([1; 16]), samples: vec![sample], lost: Vec::new() }
}

fn deliver(from: &mut Participant, to: &mut Participant, count: u64) -> Vec<ContentId> {
    (1..=count)
        .map(|sequence| {
            let (content_id, sealed) = from.send(to, &telemetry(sequence));
            assert!(matches!(to.open(&sealed), Opened::Message { .. }));
            content_id
        })
        .collect()
}

#[test]
fn the_first_message_of_a_session_is_receipted_at_once_and_completes_it() {
    let (_world, mut alice, mut bob) = acquainted();
    let sent = deliver(&mut alice, &mut bob, 1);
    let receipts = bob.receipts();
    assert_eq!(receipts.len(), 1);
    assert_eq!(alice.open(&receipts[0]), Opened::Receipt);
    assert_eq!(alice.store.delivered(), sent);
    // The session is complete: no more prekey messages of two kilobytes.
    let (_, sealed) = alice.say(&bob, "short");
    assert!(sealed.envelope().as_bytes().len() < 1_400);
}

#[test]
fn telemetry_is_receipted_every_half_window_or_every_minute() {
    let (_world, mut alice, mut bob) = acquainted();
    deliver(&mut alice, &mut bob, 1);
    for receipt in bob.receipts() {
        alice.open(&receipt);
    }
    deliver(&mut alice, &mut bob, 14);
    assert!(bob.receipts().is_empty());
    deliver(&mut alice, &mut bob, 1);
    assert_eq!(bob.receipts().len(), 1);
    deliver(&mut alice, &mut bob, 1);
    assert!(bob.receipts().is_empty());
    bob.wait(Duration::from_mins(1));
    assert_eq!(bob.receipts().len(), 1);
}

#[test]
fn one_way_telemetry_turns_the_ratchets_through_its_receipts() {
    let (_world, mut alice, mut bob) = acquainted();
    for _ in 0..60 {
        deliver(&mut alice, &mut bob, 50);
        for receipt in bob.receipts() {
            assert_eq!(alice.open(&receipt), Opened::Receipt);
        }
    }
    assert_eq!(alice.store.delivered().len(), 3_000);
    assert!(bob.store.dead().is_empty());
}

#[test]
fn a_receipt_is_not_receipted() {
    let (_world, mut alice, mut bob) = acquainted();
    let (_, sealed) = alice.say(&bob, "hello");
    bob.open(&sealed);
    for receipt in bob.receipts() {
        assert_eq!(alice.open(&receipt), Opened::Receipt);
    }
    assert!(alice.receipts().is_empty());
    assert!(alice.store.inbox().is_empty());
}
