//! Thousands of forgeries in a mailbox that honest mail comes to as well.

#![expect(clippy::panic, clippy::print_stdout, reason = "a campaign that reports")]

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use sysmaint_device::{Opened, Sealed, store::PeerStore};
use sysmaint_protocol::{
    TransferId,
    body::{self, Text},
    limits::RETRIES_PER_HOUR,
};

use crate::{
    cpu_time::{self, MUCH, is_little},
    forger::Forger,
    mallory::Mallory,
    participant::{Participant, World},
};

/// After so many forgeries comes an honest message.
const BETWEEN: u32 = 7;
/// What a hostile peer's session may grow to.
const RECORD_MAX: usize = 512 * 1024;
/// Dead letters, and messages that are asked for, that a store keeps.
const LETTERS_MAX: usize = 1_000;

#[test]
fn forgeries_are_refused_at_little_work_and_honest_mail_arrives_between_them() {
    campaign(rand::random(), 3_000);
}

#[test]
#[ignore = "some minutes"]
fn forgeries_are_refused_for_long() {
    for _ in 0..10 {
        campaign(rand::random(), 20_000);
    }
}

fn campaign(seed: u64, forgeries: u32) {
    println!("seed {seed}");
    let world = World::new();
    let (mut alice, mut bob) = (world.participant("alice"), world.participant("bob"));
    let mut device = world.participant("mallory");
    alice.meet(&mut bob);
    alice.introduce(&mut bob);
    device.introduce(&mut bob);
    let hostile = device.device.address();
    let mut forger = Forger::new(Mallory::new(&device), seed, &mut bob);
    let (mut said, mut outcomes) = (Vec::new(), BTreeMap::<String, u32>::new());
    let mut most = (Duration::ZERO, 0);
    for number in 0..forgeries {
        let (way, bytes) = forger.forge(&mut bob);
        let (opened, worked) = opened(&mut bob, &bytes, number);
        let harmless = !matches!(opened, Opened::Receipt | Opened::Answer);
        assert!(harmless, "seed {seed}, {number}: {opened:?} from way {way}");
        // What his authentic messages cost is his right.
        if !matches!(opened, Opened::Message { .. }) {
            most = most.max((worked, way));
        }
        *outcomes.entry(name(&opened)).or_default() += 1;
        if number % BETWEEN == 0 {
            let text = format!("honest {number}");
            let (_, sealed) = alice.say(&bob, &text);
            forger.capture(sealed.envelope().as_bytes());
            assert!(matches!(bob.open(&sealed), Opened::Message { .. }), "seed {seed}, {number}");
            said.push(text);
        }
        if number % 50 == 0 {
            answers(&mut bob, &mut alice);
        }
    }
    println!("{outcomes:?}, at most {most:?}");
    assert!(is_little(most.0), "seed {seed}: {most:?} by way {}", most.1);
    assert_eq!(texts_of(&bob, &alice), said, "seed {seed}");
    assert!(bob.store.dead().len() <= LETTERS_MAX);
    assert!(bob.store.awaited() <= LETTERS_MAX);
    let record = bob.store.session(hostile).unwrap().unwrap().len();
    assert!(record <= RECORD_MAX, "seed {seed}: a record of {record} bytes");
    let asked = bob.store.asked(hostile).count();
    assert!(asked <= RETRIES_PER_HOUR as usize, "{asked} requests");
    // Something was refused by each part.
    for reason in ["guard", "undecryptable", "certificate", "seal", "not_an_envelope"] {
        let met = outcomes.keys().any(|name| name.ends_with(reason));
        assert!(met, "seed {seed}: nothing was refused for {reason}: {outcomes:?}");
    }
}

/// Opens it as the endpoint does, and says what it cost: the least of some times, if it was much.
fn opened(bob: &mut Participant, bytes: &[u8], number: u32) -> (Opened, Duration) {
    // Mallory may name each of them, so that each may be asked for.
    let id = TransferId::from_bytes(u128::from(number).to_be_bytes());
    let before = bob.store.clone();
    let mut open = || {
        let outcome =
            cpu_time::of(|| catch_unwind(AssertUnwindSafe(|| bob.open_named(bytes, Some(id)))));
        match outcome {
            (Ok(opened), worked) => (opened, worked),
            (Err(_), _) => panic!("an envelope makes the device panic: {bytes:02x?}"),
        }
    };
    let (opened, mut worked) = open();
    let after = bob.store.clone();
    for _ in 0..5 {
        if worked <= MUCH {
            break;
        }
        bob.store = before.clone();
        let again = cpu_time::of(|| bob.open_named(bytes, Some(id)));
        assert_eq!(again.0, opened);
        worked = worked.min(again.1);
    }
    bob.store = after;
    (opened, worked)
}

/// What bob owes goes out; alice opens what is for her.
fn answers(bob: &mut Participant, alice: &mut Participant) {
    let queued = {
        let Participant { device, store, rng, now, .. } = bob;
        device.send_due_retries(store, rng, *now).unwrap();
        device.send_resends(store, rng, *now).unwrap();
        device.send_due_receipts(store, rng, *now).unwrap();
        store.take_outbox()
    };
    let for_alice = |sealed: &&Sealed| sealed.to().handle == alice.handle();
    let for_alice: Vec<_> = queued.iter().filter(for_alice).cloned().collect();
    for sealed in for_alice {
        assert!(matches!(alice.open(&sealed), Opened::Receipt));
    }
}

fn texts_of(bob: &Participant, alice: &Participant) -> Vec<String> {
    let sender = alice.device.address();
    let texts = bob.store.inbox().iter().filter(|entry| entry.sender == sender);
    texts.map(|entry| body::decode::<Text>(&entry.body).unwrap().text).collect()
}

fn name(opened: &Opened) -> String {
    match opened {
        Opened::Dead(reason) => format!("dead: {}", reason.name()),
        Opened::Retry(reason) => format!("asked for: {}", reason.name()),
        Opened::Message { .. } => "authentic".into(),
        other => format!("{other:?}"),
    }
}
