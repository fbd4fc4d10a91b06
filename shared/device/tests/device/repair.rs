//! What cannot be opened is asked for and said again, and nothing is deleted for it.

use std::time::Duration;

use sysmaint_device::{Opened, store::DeadReason};
use sysmaint_protocol::{
    ContentId, Timestamp,
    body::{Delta, NumberedSample, Telemetry, decode},
    limits::{RETRIES, RETRIES_PER_HOUR},
    sample::Sample,
};

use crate::participant::{NOW, Participant, acquainted};

/// Two who have exchanged something in both directions.
fn in_conversation() -> (Participant, Participant) {
    let (_world, mut alice, mut bob) = acquainted();
    talk(&mut alice, &mut bob);
    settle(&mut alice, &mut bob);
    (alice, bob)
}

/// Turns both ratchets often enough that an old copy of either side opens nothing any more.
fn talk(alice: &mut Participant, bob: &mut Participant) {
    for round in 0..4 {
        let (_, sealed) = alice.say(bob, &format!("ping {round}"));
        assert!(matches!(bob.open(&sealed), Opened::Message { .. }));
        let (_, sealed) = bob.say(alice, &format!("pong {round}"));
        assert!(matches!(alice.open(&sealed), Opened::Message { .. }));
    }
}

/// Carries requests, resends, answers and receipts until nothing moves any more.
fn settle(alice: &mut Participant, bob: &mut Participant) {
    for round in 0.. {
        assert!(round < 10, "repair does not come to an end");
        let (to_bob, to_alice) = (alice.repair(bob), bob.repair(alice));
        if to_bob.is_empty() && to_alice.is_empty() {
            return;
        }
        for sealed in to_bob {
            bob.open(&sealed);
        }
        for sealed in to_alice {
            alice.open(&sealed);
        }
    }
}

/// Both directions work at once.
fn understand_each_other(alice: &mut Participant, bob: &mut Participant) {
    let (_, sealed) = alice.say(bob, "fine?");
    assert!(matches!(bob.open(&sealed), Opened::Message { .. }));
    let (_, sealed) = bob.say(alice, "fine");
    assert!(matches!(alice.open(&sealed), Opened::Message { .. }));
}

fn count(participant: &Participant, text: &str) -> usize {
    participant.texts().iter().filter(|said| *said == text).count()
}

#[test]
fn a_receiver_that_was_put_back_to_an_old_copy_gets_everything_again_once() {
    let (mut alice, mut bob) = in_conversation();
    let yesterday = bob.store.clone();
    talk(&mut alice, &mut bob);
    bob.store = yesterday;
    let (_, one) = alice.say(&bob, "one");
    let (_, two) = alice.say(&bob, "two");
    assert!(matches!(bob.open(&one), Opened::Retry(_)));
    assert!(matches!(bob.open(&two), Opened::Retry(_)));
    assert_eq!(bob.store.awaited(), 2);
    settle(&mut alice, &mut bob);
    assert_eq!((count(&bob, "one"), count(&bob, "two")), (1, 1));
    // Receipts may have been among it.
    assert_eq!(bob.store.awaited(), 0);
    assert!(bob.store.repaired() >= 2);
    assert!(bob.store.dead().is_empty());
    understand_each_other(&mut alice, &mut bob);
}

#[test]
fn a_sender_that_was_put_back_to_an_old_copy_uses_no_key_twice_in_silence() {
    let (mut alice, mut bob) = in_conversation();
    let yesterday = alice.store.clone();
    for round in 0..4 {
        let (_, sealed) = alice.say(&bob, &format!("since {round}"));
        bob.open(&sealed);
    }
    alice.store = yesterday;
    let (_, sealed) = alice.say(&bob, "after the backup");
    assert_eq!(bob.open(&sealed), Opened::Retry(DeadReason::ReusedKey));
    settle(&mut alice, &mut bob);
    assert_eq!(count(&bob, "after the backup"), 1);
    assert_eq!(bob.store.awaited(), 0);
    assert!(bob.store.repaired() >= 1);
    understand_each_other(&mut alice, &mut bob);
}

#[test]
fn the_same_bytes_that_come_again_are_a_duplicate_and_nobody_is_asked() {
    let (mut alice, mut bob) = in_conversation();
    let (_, sealed) = alice.say(&bob, "once");
    bob.open(&sealed);
    assert_eq!(bob.open(&sealed), Opened::Duplicate);
    assert_eq!(bob.store.awaited(), 0);
}

#[test]
fn a_message_is_asked_for_five_times_and_then_it_is_lost_and_counted() {
    let (mut alice, mut bob) = in_conversation();
    let yesterday = alice.store.clone();
    let (_, sealed) = alice.say(&bob, "known");
    bob.open(&sealed);
    alice.store = yesterday;
    let (_, sealed) = alice.say(&bob, "unknown");
    assert!(matches!(bob.open(&sealed), Opened::Retry(_)));
    let mut asked = 0;
    for _ in 0..40 {
        asked += bob.repair(&mut alice).len();
        bob.wait(Duration::from_hours(12));
    }
    // One of them is the receipt for what did arrive.
    assert_eq!(asked, RETRIES as usize + 1);
    assert_eq!(bob.store.awaited(), 0);
    assert_eq!(bob.store.dead().len(), 1);
    assert_eq!(bob.store.dead()[0].reason, DeadReason::ReusedKey);
}

#[test]
fn requests_have_a_budget_an_hour_on_both_sides() {
    let (mut alice, mut bob) = in_conversation();
    let yesterday = bob.store.clone();
    talk(&mut alice, &mut bob);
    settle(&mut alice, &mut bob);
    let budget = RETRIES_PER_HOUR as usize;
    bob.store = yesterday;
    for number in 0..budget + 20 {
        let (_, sealed) = alice.say(&bob, &format!("unopened {number}"));
        assert!(matches!(bob.open(&sealed), Opened::Retry(_)));
    }
    settle(&mut alice, &mut bob);
    assert_eq!(bob.store.awaited(), 20);
    for participant in [&mut alice, &mut bob] {
        participant.wait(Duration::from_hours(1));
    }
    settle(&mut alice, &mut bob);
    assert_eq!(bob.store.awaited(), 0);
    assert_eq!(bob.texts().iter().filter(|text| text.starts_with("unopened")).count(), budget + 20);
}

#[test]
fn a_prekey_that_is_gone_is_repaired_on_a_fresh_session() {
    let (_world, mut alice, mut bob) = acquainted();
    let (_, sealed) = alice.say(&bob, "hello");
    // Bob's store was made anew from a copy that never had these prekeys.
    bob.forget_prekeys();
    assert_eq!(bob.open(&sealed), Opened::Retry(DeadReason::UnknownPrekey));
    bob.renew_prekeys();
    settle(&mut alice, &mut bob);
    assert_eq!(bob.texts(), ["hello"]);
    understand_each_other(&mut alice, &mut bob);
}

#[test]
fn what_a_broker_holds_back_for_months_is_asked_for_and_what_is_gone_is_counted() {
    let (world, mut alice, mut bob) = acquainted();
    let (_, sealed) = alice.say(&bob, "late");
    for participant in [&mut alice, &mut bob] {
        // The first time others take their place, the second time they are forgotten.
        for days in [2, 61] {
            participant.wait(Duration::from_hours(days * 24));
            participant.renew_certificate(&world);
            participant.renew_prekeys();
        }
    }
    assert_eq!(bob.open_stored(&sealed, NOW), Opened::Retry(DeadReason::UnknownPrekey));
    settle(&mut alice, &mut bob);
    assert!(bob.texts().is_empty());
    assert_eq!(bob.store.dead().len(), 1, "older than the send log");
    understand_each_other(&mut alice, &mut bob);
}

#[test]
fn telemetry_is_refilled_and_not_sealed_again() {
    let (mut alice, mut bob) = in_conversation();
    let yesterday = bob.store.clone();
    talk(&mut alice, &mut bob);
    bob.store = yesterday;
    let sample = NumberedSample { sequence: 7, sample: Sample::empty(NOW) };
    let stream = ContentId::from_bytes([1; 16]);
    let telemetry = Telemetry { stream, samples: vec![sample], lost: Vec::new() };
    let (content_id, sealed) = alice.send(&bob, &telemetry);
    assert!(matches!(bob.open(&sealed), Opened::Retry(_)));
    settle(&mut alice, &mut bob);
    assert_eq!(alice.store.refilled(), [content_id]);
    assert_eq!(bob.store.awaited(), 0);
    understand_each_other(&mut alice, &mut bob);
}

#[test]
fn a_clock_that_is_a_year_or_an_hour_off_delays_no_repair_for_ever() {
    for (off, back) in [(365 * 24, true), (1, true), (365 * 24, false)] {
        let (mut alice, mut bob) = in_conversation();
        let yesterday = alice.store.clone();
        let (_, sealed) = alice.say(&bob, "known");
        bob.open(&sealed);
        alice.store = yesterday;
        let right = bob.now;
        let off = Duration::from_hours(off);
        bob.now = if back { right.after(off) } else { right.before(off) };
        let (_, sealed) = alice.say(&bob, "unknown");
        assert!(matches!(bob.open_stored(&sealed, right), Opened::Retry(_)));
        // The first request gets lost; then the clock is put right.
        bob.repair(&mut alice);
        bob.now = right.after(Duration::from_hours(2));
        alice.now = Timestamp::from_millis(bob.now.as_millis());
        settle(&mut alice, &mut bob);
        assert_eq!(count(&bob, "unknown"), 1, "{off:?}");
        understand_each_other(&mut alice, &mut bob);
    }
}

#[test]
fn a_request_for_what_was_never_said_moves_no_session() {
    let (mut alice, mut bob) = in_conversation();
    let (_, sealed) = alice.say(&bob, "seen");
    bob.open(&sealed);
    settle(&mut alice, &mut bob);
    // A replayed request names a key that is not in use any more.
    let yesterday = bob.store.clone();
    let (_, sealed) = bob.say(&alice, "later");
    alice.open(&sealed);
    bob.store = yesterday;
    let (_, sealed) = bob.say(&alice, "reused");
    assert!(matches!(alice.open(&sealed), Opened::Retry(_)));
    let requests = alice.repair(&mut bob);
    for request in &requests {
        bob.open(request);
    }
    settle(&mut alice, &mut bob);
    for request in &requests {
        assert_eq!(bob.open(request), Opened::Duplicate);
    }
    understand_each_other(&mut alice, &mut bob);
}

#[test]
fn what_is_ephemeral_and_cannot_be_opened_is_no_loss() {
    let (mut alice, mut bob) = in_conversation();
    let old = bob.store.clone();
    talk(&mut alice, &mut bob);
    settle(&mut alice, &mut bob);
    bob.store = old;
    let delta = Delta { attempt: 1, seq: 1, text: "The load".into() };
    let (_, sealed) = alice.send(&bob, &delta);
    assert!(matches!(bob.open(&sealed), Opened::Retry(_)));
    settle(&mut alice, &mut bob);
    assert_eq!(bob.store.awaited(), 0);
    assert!(bob.store.dead().is_empty(), "{:?}", bob.store.dead());
    understand_each_other(&mut alice, &mut bob);
}

#[test]
fn what_is_ephemeral_is_opened_once_and_is_in_no_inbox() {
    let (mut alice, mut bob) = in_conversation();
    let texts = bob.texts();
    let delta = Delta { attempt: 1, seq: 1, text: "The load".into() };
    let (_, sealed) = alice.send(&bob, &delta);
    assert!(sealed.is_ephemeral());
    let Opened::Ephemeral(message) = bob.open(&sealed) else { panic!("it is not ephemeral") };
    assert_eq!(decode::<Delta>(&message.body).unwrap(), delta);
    assert!(!format!("{message:?}").contains("load"));
    assert_eq!(bob.open(&sealed), Opened::Duplicate);
    assert_eq!(bob.texts(), texts);
    assert!(bob.receipts().is_empty());
}
