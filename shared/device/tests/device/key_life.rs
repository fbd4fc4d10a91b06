//! How long prekeys live.

use std::time::Duration;

use sysmaint_device::{
    Opened,
    store::{PrekeyClass, PrekeyRecord, PrekeyStore},
};
use sysmaint_protocol::{
    Base64Bytes, Kind,
    rest::{PrekeyCount, PrekeyStock, standing_digest},
};

use crate::participant::{Participant, acquainted};

const DAY: Duration = Duration::from_hours(24);
const FULL: u32 = 100;

fn ids(prekeys: &[PrekeyRecord]) -> Vec<u32> {
    prekeys.iter().map(|prekey| prekey.id).collect()
}

fn own(of: &Participant, class: PrekeyClass) -> Vec<u32> {
    ids(&of.store.prekeys(class).unwrap())
}

#[test]
fn a_message_on_prekeys_that_were_replaced_while_it_waited_is_opened() {
    let (world, mut alice, mut bob) = acquainted();
    // Bob is away. On the last day of the session that nobody has answered, alice writes; and on
    // the last day of his mailbox bob is back.
    alice.wait(29 * DAY);
    alice.renew_certificate(&world);
    let (_, late) = alice.say(&bob, "are you there?");
    bob.wait(58 * DAY);
    bob.renew_prekeys();
    let opened = bob.open_stored(&late, alice.now);
    assert!(matches!(opened, Opened::Message { kind: Kind::Text, .. }), "{opened:?}");
}

#[test]
fn standing_prekeys_are_forgotten_two_months_after_their_successors_were_taken() {
    const STANDING: [PrekeyClass; 2] = [PrekeyClass::Signed, PrekeyClass::LastResort];
    let (_world, _alice, mut bob) = acquainted();
    let first = STANDING.map(|class| own(&bob, class)[0]);
    let kept = |bob: &Participant| {
        let of = |(class, id)| own(bob, class).contains(&id);
        STANDING.into_iter().zip(first).filter(|it| of(*it)).count()
    };
    bob.wait(Duration::from_hours(47));
    assert_eq!(bob.top_up(FULL), None);
    bob.wait(Duration::from_hours(1));
    assert!(bob.top_up(FULL).is_some());
    bob.wait(60 * DAY);
    bob.top_up(FULL);
    assert_eq!(kept(&bob), 2);
    bob.wait(DAY);
    bob.top_up(FULL);
    assert_eq!(kept(&bob), 0);
}

#[test]
fn a_year_of_rotation_leaves_two_months_of_prekeys() {
    let (_world, _alice, mut bob) = acquainted();
    for _ in 0..365 {
        bob.wait(DAY);
        bob.top_up(FULL);
    }
    for class in [PrekeyClass::Signed, PrekeyClass::LastResort] {
        let left = own(&bob, class).len();
        assert!((30..=32).contains(&left), "{left} of {class:?}");
    }
    // The directory still has all of the first batch.
    assert_eq!(own(&bob, PrekeyClass::Ec).len(), 100);
    assert_eq!(own(&bob, PrekeyClass::Kyber).len(), 100);
}

#[test]
fn one_time_prekeys_that_were_handed_out_are_kept_for_two_months() {
    let (_world, _alice, mut bob) = acquainted();
    let first = own(&bob, PrekeyClass::Ec);
    // All but five were taken, and nobody has written.
    bob.top_up(5);
    assert_eq!(own(&bob, PrekeyClass::Ec).len(), 200);
    bob.wait(60 * DAY);
    bob.top_up(FULL);
    assert_eq!(own(&bob, PrekeyClass::Ec).len(), 200);
    bob.wait(DAY);
    bob.top_up(FULL);
    let left = own(&bob, PrekeyClass::Ec);
    // The last of the batch may have been passed over.
    assert_eq!(left.len(), 200 - (100 - 5 - 32));
    assert!(!left.contains(&first[0]) && left.contains(&first[99]));
}

#[test]
fn those_that_the_directory_holds_are_never_out_of_use_for_good() {
    let (_world, _alice, mut bob) = acquainted();
    let first = own(&bob, PrekeyClass::Kyber);
    // As if the directory had been put back to an old copy, and forward again.
    bob.top_up(0);
    bob.wait(30 * DAY);
    bob.top_up(2 * FULL);
    bob.wait(90 * DAY);
    bob.top_up(2 * FULL);
    let left = own(&bob, PrekeyClass::Kyber);
    assert!(first.iter().all(|id| left.contains(id)));
}

#[test]
fn whoever_asks_for_bundles_without_end_does_not_fill_the_store() {
    let (_world, _alice, mut bob) = acquainted();
    for _ in 0..50 {
        bob.top_up(0);
    }
    for class in [PrekeyClass::Ec, PrekeyClass::Kyber] {
        let left = own(&bob, class).len();
        assert!(left <= 4_096 + 32 + 200, "{left} of {class:?}");
    }
}

#[test]
fn a_clock_that_was_put_back_makes_one_new_pair_and_no_more() {
    let (_world, _alice, mut bob) = acquainted();
    bob.now = bob.now.before(365 * DAY);
    let renewed = bob.top_up(FULL).unwrap();
    assert_eq!(bob.top_up(FULL), None);
    bob.wait(DAY);
    assert_eq!(bob.top_up(FULL), None);
    assert_eq!(own(&bob, PrekeyClass::Signed).len(), 2);
    assert_eq!(own(&bob, PrekeyClass::Signed)[1], renewed.signed_prekey.id);
    // It is set right, and they are a year old.
    bob.wait(364 * DAY);
    assert!(bob.top_up(FULL).is_some());
    assert_eq!(bob.top_up(FULL), None);
}

#[test]
fn standing_prekeys_that_the_directory_does_not_serve_are_uploaded_again() {
    let (_world, _alice, mut bob) = acquainted();
    let served = bob.bundle().devices.remove(0);
    let kyber = own(&bob, PrekeyClass::LastResort)[0];
    bob.exhaust_prekeys();
    let last_resort = bob.bundle().devices.remove(0).kyber_prekey;
    assert_eq!(last_resort.id, kyber);
    let count = PrekeyCount { one_time_prekeys: FULL, one_time_kyber_prekeys: FULL };
    let stock = |digest: Option<[u8; 32]>| {
        let digest = digest.map(|digest| Base64Bytes(digest.to_vec()));
        PrekeyStock { count, digest }
    };
    let ours = standing_digest(&served.identity_key.0, &served.signed_prekey, &last_resort);
    let Participant { device, store, .. } = &mut bob;
    assert!(device.compare_prekeys(store, &stock(Some(ours))).unwrap());
    assert_eq!(bob.top_up(FULL), None);

    let mut other = last_resort;
    other.id += 1;
    let theirs = standing_digest(&served.identity_key.0, &served.signed_prekey, &other);
    for digest in [Some(theirs), None] {
        let Participant { device, store, .. } = &mut bob;
        assert!(!device.compare_prekeys(store, &stock(digest)).unwrap());
        let again = bob.top_up(FULL).unwrap();
        assert_eq!(again.signed_prekey, served.signed_prekey);
        assert_eq!(again.last_resort_kyber_prekey.id, kyber);
        assert_eq!((again.one_time_prekeys.len(), again.one_time_kyber_prekeys.len()), (0, 0));
    }
}
