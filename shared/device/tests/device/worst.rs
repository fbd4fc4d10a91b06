//! The most that a certified peer can make a forgery cost, with a session that he prepared for it.

use libsignal_protocol::{CiphertextMessageType, KeyPair, PublicKey};
use sysmaint_device::{Opened, store::PeerStore};
use sysmaint_protocol::Address;

use crate::{
    cpu_time::{self, is_little},
    mallory::{Mallory, inner},
    participant::{NOW, Participant, World},
};

/// As far as the guard lets a chain be moved by one message.
const JUMP: u32 = 128;
/// Keys of skipped messages that libsignal keeps for a chain, if nobody else forgets some.
const KEPT: u32 = 2_000;
/// What a record may grow to.
const RECORD_MAX: usize = 1024 * 1024;
/// States that a record holds: the current one and the archived ones.
const STATES: usize = 5;

/// Bob, and Mallory who is known to him.
fn prepared() -> (Participant, Mallory, Address) {
    let world = World::new();
    let (mut bob, mut device) = (world.participant("bob"), world.participant("mallory"));
    device.introduce(&mut bob);
    let address = device.device.address();
    (bob, Mallory::new(&device), address)
}

/// Has bob store as many keys of skipped messages on the current chain as he lets himself be.
/// Returns the chain and its next counter.
fn fill(bob: &mut Participant, mallory: &mut Mallory, skipped: u32) -> (PublicKey, u32) {
    let mut message = mallory.encrypt(bob);
    let mut left = skipped;
    loop {
        let bytes = mallory.seal_message(bob, &message);
        let opened = bob.open_bytes(&bytes, NOW);
        assert!(matches!(opened, Opened::Message { .. }), "{opened:?}");
        if left == 0 {
            break;
        }
        let step = left.min(JUMP);
        left -= step;
        message = mallory.skip(bob, step);
    }
    let inner = inner(&message);
    (*inner.sender_ratchet_key(), inner.counter() + 1)
}

/// The least work of a few times that bob refuses it in.
fn refused(bob: &mut Participant, bytes: &[u8]) -> std::time::Duration {
    let before = bob.store.clone();
    let mut least = std::time::Duration::MAX;
    for _ in 0..5 {
        bob.store = before.clone();
        let (opened, worked) = cpu_time::of(|| bob.open_bytes(bytes, NOW));
        assert!(matches!(opened, Opened::Dead(_)), "{opened:?}");
        least = least.min(worked);
    }
    least
}

#[test]
fn a_forgery_on_a_long_chain_is_not_walked_in_the_sessions_beside_it() {
    let (mut bob, mut mallory, _) = prepared();
    let mut chain = None;
    for session in 1..=STATES {
        mallory.meet(&mut bob);
        // Only the last chain is long; in the others it would begin at 0.
        chain = Some(fill(&mut bob, &mut mallory, if session == STATES { 5_000 } else { 0 }));
    }
    let (key, next) = chain.unwrap();
    let message = mallory.whisper(&bob, key, next, &[1, 1, 1, 0]);
    let bytes = mallory.seal(&mut bob, CiphertextMessageType::Whisper, &message);
    let worked = refused(&mut bob, &bytes);
    assert!(is_little(worked), "{worked:?}");
}

#[test]
fn a_forgery_on_chains_full_of_skipped_keys_is_refused_in_time() {
    let (mut bob, mut mallory, address) = prepared();
    let mut chain = None;
    for _ in 0..STATES {
        mallory.meet(&mut bob);
        chain = Some(fill(&mut bob, &mut mallory, 2 * KEPT));
    }
    let (key, next) = chain.unwrap();
    // On the full chain, and on a new one in every state.
    let fresh = KeyPair::generate(&mut mallory.rng).public_key;
    for (key, counter) in [(key, next + JUMP), (key, next), (fresh, JUMP)] {
        let message = mallory.whisper(&bob, key, counter, &[1, 1, 1, 0]);
        let bytes = mallory.seal(&mut bob, CiphertextMessageType::Whisper, &message);
        let worked = refused(&mut bob, &bytes);

        assert!(is_little(worked), "{counter}: {worked:?}");
    }
    let record = bob.store.session(address).unwrap().unwrap();

    assert!(record.len() < RECORD_MAX, "{}", record.len());
}

#[test]
fn keys_of_the_post_quantum_ratchet_do_not_make_a_forgery_dear() {
    let world = World::new();
    let (mut bob, mut device) = (world.participant("bob"), world.participant("mallory"));
    device.meet(&mut bob);
    device.introduce(&mut bob);
    // Until the ratchet has keys of its own.
    for _ in 0..100 {
        let (_, sealed) = device.say(&bob, "there");
        bob.open(&sealed);
        let (_, sealed) = bob.say(&device, "back");
        device.open(&sealed);
    }
    let mut mallory = Mallory::new(&device);
    mallory.take_session(&device, &bob);
    let (key, next) = fill(&mut bob, &mut mallory, 2 * KEPT);
    let last = mallory.encrypt(&bob);
    let pq = inner(&last).pq_ratchet().clone();
    let fresh = KeyPair::generate(&mut mallory.rng).public_key;
    for (key, counter) in [(key, next + JUMP), (fresh, JUMP)] {
        let message = mallory.whisper(&bob, key, counter, &pq);
        let bytes = mallory.seal(&mut bob, CiphertextMessageType::Whisper, &message);
        let worked = refused(&mut bob, &bytes);
        assert!(is_little(worked), "{counter}: {worked:?}");
    }
    let record = bob.store.session(device.device.address()).unwrap().unwrap();
    assert!(record.len() < RECORD_MAX / STATES, "{}", record.len());
}
