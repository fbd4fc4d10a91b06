//! Envelopes that an enrolled attacker would send: sealed and certified, and aimed at libsignal.

use std::time::{Duration, Instant};

use libsignal_protocol::{CiphertextMessageType, KeyPair, PublicKey};
use rand::Rng;
use sysmaint_device::{Opened, store::DeadReason};
use sysmaint_protocol::{Address, DeviceId, ServiceId};

use crate::{
    mallory::{GOOD_PQ, Mallory},
    participant::{NOW, Participant, World, acquainted},
};

/// Alice and Bob with a complete session, and Mallory who holds Alice's keys but not her session.
fn besieged() -> (Participant, Participant, Mallory) {
    let (_world, mut alice, mut bob) = acquainted();
    let (_, sealed) = alice.say(&bob, "open");
    bob.open(&sealed);
    for receipt in bob.receipts() {
        alice.open(&receipt);
    }
    let mallory = Mallory::new(&alice);
    (alice, bob, mallory)
}

fn honest_traffic_goes_on(alice: &mut Participant, bob: &mut Participant) {
    let (_, sealed) = alice.say(bob, "still here");
    assert!(matches!(bob.open(&sealed), Opened::Message { .. }));
    assert_eq!(bob.texts().last().unwrap(), "still here");
}

#[test]
fn malformed_post_quantum_parts_never_reach_the_library() {
    let (mut alice, mut bob, mut mallory) = besieged();
    let parts: [&[u8]; 6] = [&[], &[1, 1, 1], &[1], &[1, 0, 1, 0], &[2, 1, 1, 0], &[1, 1, 1, 1, 1]];
    for pq in parts {
        let key = KeyPair::generate(&mut mallory.rng).public_key;
        let message = mallory.whisper(&bob, key, 0, pq);
        let bytes = mallory.seal(&mut bob, CiphertextMessageType::Whisper, &message);
        assert_eq!(bob.open_bytes(&bytes, NOW), Opened::Dead(DeadReason::Guard), "{pq:?}");
    }
    honest_traffic_goes_on(&mut alice, &mut bob);
}

#[cfg_attr(target_arch = "wasm32", ignore = "there is no stopwatch")]
#[test]
fn a_counter_far_ahead_is_refused_at_once() {
    let (mut alice, mut bob, mut mallory) = besieged();
    for counter in [300, 24_999, u32::MAX] {
        let key = KeyPair::generate(&mut mallory.rng).public_key;
        let message = mallory.whisper(&bob, key, counter, &GOOD_PQ);
        let bytes = mallory.seal(&mut bob, CiphertextMessageType::Whisper, &message);
        let started = Instant::now();
        assert_eq!(bob.open_bytes(&bytes, NOW), Opened::Dead(DeadReason::Guard));
        // Unguarded, the middle one takes seconds and the last one days.
        assert!(started.elapsed() < Duration::from_secs(1));
    }
    honest_traffic_goes_on(&mut alice, &mut bob);
}

#[test]
fn a_post_quantum_index_far_ahead_is_refused() {
    let (mut alice, mut bob, mut mallory) = besieged();
    let key = KeyPair::generate(&mut mallory.rng).public_key;
    let message = mallory.whisper(&bob, key, 0, &[1, 1, 0xff, 0xff, 1, 0]);
    let bytes = mallory.seal(&mut bob, CiphertextMessageType::Whisper, &message);
    assert_eq!(bob.open_bytes(&bytes, NOW), Opened::Dead(DeadReason::Guard));
    honest_traffic_goes_on(&mut alice, &mut bob);
}

#[test]
fn a_ratchet_key_of_low_order_is_refused() {
    let (mut alice, mut bob, mut mallory) = besieged();
    let zero = PublicKey::from_djb_public_key_bytes(&[0; 32]).unwrap();
    let message = mallory.whisper(&bob, zero, 0, &GOOD_PQ);
    let bytes = mallory.seal(&mut bob, CiphertextMessageType::Whisper, &message);
    assert_eq!(bob.open_bytes(&bytes, NOW), Opened::Dead(DeadReason::Guard));
    honest_traffic_goes_on(&mut alice, &mut bob);
}

#[test]
fn a_forged_message_is_undecryptable_and_harmless() {
    let (mut alice, mut bob, mut mallory) = besieged();
    let key = KeyPair::generate(&mut mallory.rng).public_key;
    let message = mallory.whisper(&bob, key, 3, &GOOD_PQ);
    let bytes = mallory.seal(&mut bob, CiphertextMessageType::Whisper, &message);
    assert_eq!(bob.open_bytes(&bytes, NOW), Opened::Dead(DeadReason::Undecryptable));
    honest_traffic_goes_on(&mut alice, &mut bob);
}

#[test]
fn what_is_neither_message_nor_prekey_message_is_refused() {
    let (mut alice, mut bob, mut mallory) = besieged();
    let kinds = [CiphertextMessageType::SenderKey, CiphertextMessageType::Plaintext];
    for kind in kinds {
        let bytes = mallory.seal(&mut bob, kind, &[0xc0; 300]);
        assert_eq!(bob.open_bytes(&bytes, NOW), Opened::Dead(DeadReason::Content));
    }
    for kind in [CiphertextMessageType::Whisper, CiphertextMessageType::PreKey] {
        let bytes = mallory.seal(&mut bob, kind, &[0x44; 300]);
        assert_eq!(bob.open_bytes(&bytes, NOW), Opened::Dead(DeadReason::Undecryptable));
    }
    honest_traffic_goes_on(&mut alice, &mut bob);
}

#[test]
fn an_envelope_for_somebody_else_is_refused() {
    let world = World::new();
    let (mut alice, mut bob) = (world.participant("alice"), world.participant("bob"));
    let mut carol = world.participant("carol");
    alice.meet(&mut bob);
    let (_, sealed) = alice.say(&bob, "for bob");
    assert_eq!(carol.open(&sealed), Opened::Dead(DeadReason::Seal));
}

#[test]
fn a_message_whose_header_names_another_recipient_is_refused_and_moves_no_ratchet() {
    let (world, mut alice, mut bob) = acquainted();
    // Alice is tricked into believing that another service id has bob's key.
    let other = Address { service_id: ServiceId::from_bytes([9; 16]), device_id: DeviceId::FIRST };
    let mut bundle = bob.bundle();
    bundle.service_id = other.service_id;
    bundle.identity = "carol".parse().unwrap();
    let key = sysmaint_device::key::IdentityKey::parse(&bundle.devices[0].identity_key.0).unwrap();
    let issued = world.authority.issue(&mut alice.rng, other, &key, NOW).unwrap();
    bundle.devices[0].certificate = sysmaint_protocol::Base64Bytes(issued.certificate);
    let carol = "carol".parse().unwrap();
    alice.device.accept_bundle(&mut alice.store, &mut alice.rng, NOW, &carol, &bundle).unwrap();
    let text = sysmaint_protocol::body::Text { text: "for carol".into() };
    alice.device.send(&mut alice.store, &mut alice.rng, NOW, &carol, None, &text).unwrap();
    let misled = alice.store.take_outbox().pop().unwrap();
    assert_eq!(bob.open(&misled), Opened::Dead(DeadReason::Address));
    assert!(bob.texts().is_empty());
    honest_traffic_goes_on(&mut alice, &mut bob);
}

#[test]
fn random_bytes_and_mutated_envelopes_are_counted_drops() {
    let (mut alice, mut bob, mut mallory) = besieged();
    let (_, sealed) = alice.say(&bob, "original");
    let original = sealed.envelope().as_bytes();
    for _ in 0..500 {
        let mut bytes = original.to_vec();
        for _ in 0..mallory.rng.random_range(1..4) {
            let index = mallory.rng.random_range(0..bytes.len());
            bytes[index] ^= mallory.rng.random_range(1..=255_u8);
        }
        bytes.truncate(mallory.rng.random_range(0..=bytes.len() * 2).min(bytes.len()));
        assert!(matches!(bob.open_bytes(&bytes, NOW), Opened::Dead(_)));
    }
    assert_eq!(bob.store.dead().len(), 500);
    assert!(matches!(bob.open(&sealed), Opened::Message { .. }));
}
