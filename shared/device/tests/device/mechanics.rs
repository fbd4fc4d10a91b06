//! What is told of how a message used its session.

use sysmaint_device::{Chain, Handshake, Incoming, KyberPrekey, Mechanics, Sealed};

use crate::participant::{Participant, World, acquainted};

fn open(recipient: &mut Participant, sealed: &Sealed) -> Option<Mechanics> {
    let Participant { device, store, rng, now, .. } = recipient;
    let (bytes, transfer_id) = (sealed.envelope().as_bytes(), Some(sealed.transfer_id()));
    let incoming = Incoming { bytes, transfer_id, stored_at: *now };
    device.open_explained(store, rng, *now, incoming).unwrap().1
}

fn say(from: &mut Participant, to: &mut Participant) -> Mechanics {
    let (_, sealed) = from.say(to, "a text");
    open(to, &sealed).unwrap()
}

#[test]
fn the_first_message_names_the_kinds_of_prekeys_and_later_ones_use_no_more() {
    let (_world, mut alice, mut bob) = acquainted();
    let first = say(&mut alice, &mut bob);
    let used = Handshake { one_time: true, kyber: KyberPrekey::OneTime };
    assert_eq!((first.handshake, first.chain, first.counter), (Some(used), Chain::Opened, 0));
    let again = say(&mut alice, &mut bob);
    // It repeats the handshake until it is answered, and the prekey is gone by now.
    let named = Handshake { one_time: true, kyber: KyberPrekey::Unknown };
    assert_eq!((again.handshake, again.chain, again.counter), (Some(named), Chain::Continued, 1));
}

#[test]
fn a_last_resort_is_told_from_a_prekey_that_is_used_once() {
    let world = World::new();
    let (mut alice, mut bob) = (world.participant("alice"), world.participant("bob"));
    bob.exhaust_prekeys();
    alice.meet(&mut bob);
    let used = Handshake { one_time: false, kyber: KyberPrekey::LastResort };
    assert_eq!(say(&mut alice, &mut bob).handshake, Some(used));
}

#[test]
fn an_answer_turns_the_ratchet_and_what_follows_it_does_not() {
    let (_world, mut alice, mut bob) = acquainted();
    say(&mut alice, &mut bob);
    let answer = say(&mut bob, &mut alice);
    assert_eq!((answer.handshake, answer.chain, answer.counter), (None, Chain::Turned, 0));
    for (chain, counter) in [(Chain::Turned, 0), (Chain::Continued, 1), (Chain::Continued, 2)] {
        let next = say(&mut alice, &mut bob);
        assert_eq!((next.handshake, next.chain, next.counter), (None, chain, counter));
    }
}

#[test]
fn what_is_late_has_its_number_and_belongs_to_its_chain() {
    let (_world, mut alice, mut bob) = acquainted();
    say(&mut alice, &mut bob);
    say(&mut bob, &mut alice);
    let late = alice.say(&bob, "late").1;
    let next = say(&mut alice, &mut bob);
    assert_eq!((next.chain, next.counter), (Chain::Turned, 1));
    let late = open(&mut bob, &late).unwrap();
    assert_eq!((late.chain, late.counter), (Chain::Continued, 0));
}

#[test]
fn the_post_quantum_ratchet_gets_to_new_epochs() {
    let (_world, mut alice, mut bob) = acquainted();
    let epoch = |mechanics: Mechanics| mechanics.post_quantum.unwrap().epoch;
    let first = epoch(say(&mut alice, &mut bob));
    let mut pieces = 0;
    let mut last = first;
    for _ in 0..150 {
        for mechanics in [say(&mut bob, &mut alice), say(&mut alice, &mut bob)] {
            pieces += u32::from(mechanics.post_quantum.unwrap().carries_piece);
            assert!(epoch(mechanics) >= first);
            last = last.max(epoch(mechanics));
        }
    }
    assert!(last > first && pieces > 0, "from {first} to {last}, {pieces} pieces");
}

#[test]
fn nothing_is_told_of_what_was_not_authentic_or_was_here_before() {
    let (_world, mut alice, mut bob) = acquainted();
    let (_, sealed) = alice.say(&bob, "a text");
    let mut bytes = sealed.envelope().as_bytes().to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    let Participant { device, store, rng, now, .. } = &mut bob;
    let damaged = Incoming { bytes: &bytes, transfer_id: None, stored_at: *now };
    assert_eq!(device.open_explained(store, rng, *now, damaged).unwrap().1, None);
    assert!(open(&mut bob, &sealed).is_some());
    assert_eq!(open(&mut bob, &sealed), None);
}
