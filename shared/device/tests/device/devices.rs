//! Several devices under one handle: who is believed to be one, and what the others get.

use std::collections::BTreeMap;

use sysmaint_device::{
    AdmissionError, AdmitError, BundleError, Noted, Opened, Reach, SealError, Sealed,
    key::IdentityKey,
    store::{DeadReason, PeerStore, Trust},
};
use sysmaint_protocol::{
    Admission, ContentId, InvalidAdmission,
    body::Text,
    rest::{Bundle, Roster},
    subject::Mailbox,
};

use crate::{
    listed::{Listed, further, number, word},
    participant::{NOW, Participant, World, acquainted},
};

fn note(who: &mut Participant, roster: &Roster) -> Noted {
    let Participant { device, store, rng, now, .. } = who;
    device.note_roster(store, rng, *now, &roster.identity, roster).unwrap()
}

fn open_sessions(who: &mut Participant, bundle: &Bundle) {
    let Participant { device, store, rng, now, .. } = who;
    device.accept_bundle(store, rng, *now, &bundle.identity, bundle).unwrap();
}

/// Says something to all devices of somebody; what was sealed, by device.
fn say_to_all(
    who: &mut Participant,
    to: &Participant,
    text: &str,
) -> (ContentId, BTreeMap<u8, Sealed>) {
    let id = who.try_send(to, &Text { text: text.into() }).unwrap();
    let sealed = who.store.take_outbox().into_iter();
    (id, sealed.map(|sealed| (sealed.to().device_id.get(), sealed)).collect())
}

/// Alice has two devices, and bob knows it.
fn two_devices() -> (World, Listed, Participant, Participant, Participant) {
    let (world, mut alice, mut bob) = acquainted();
    bob.meet(&mut alice);
    let mut second = further(&world, &alice, 2);
    let mut listed = Listed::default();
    listed.admit(&mut alice, &second);
    let roster = listed.roster(&mut [&mut alice, &mut second]);
    assert_eq!(note(&mut bob, &roster).joined, 1);
    let bundle = listed.bundle(&mut [&mut alice, &mut second]);
    open_sessions(&mut bob, &bundle);
    (world, listed, alice, second, bob)
}

#[test]
fn whoever_is_admitted_by_somebody_who_is_believed_gets_each_message() {
    let (world, mut listed, mut alice, mut second, mut bob) = two_devices();
    let mut third = further(&world, &alice, 3);
    // By the second, whom the first has admitted.
    listed.admit(&mut second, &third);
    let bundle = listed.bundle(&mut [&mut third, &mut second, &mut alice]);
    open_sessions(&mut bob, &bundle);
    let (id, sealed) = say_to_all(&mut bob, &alice, "to all of you");
    assert_eq!(sealed.keys().copied().collect::<Vec<_>>(), [1, 2, 3]);
    for device in [&mut alice, &mut second, &mut third] {
        let own = device.device.address().device_id.get();
        let opened = device.open(&sealed[&own]);
        assert!(matches!(opened, Opened::Message { content_id, .. } if content_id == id));
        assert_eq!(device.open(&sealed[&own]), Opened::Duplicate);
        assert_eq!(device.texts(), ["to all of you"]);
        // An envelope for a sibling is nobody else's.
        assert_eq!(device.open(&sealed[&(own % 3 + 1)]), Opened::Dead(DeadReason::Seal));
    }
    // Each confirms for itself.
    let bundle = bob.bundle();
    for device in [&mut second, &mut third] {
        open_sessions(device, &bundle);
        let receipts = device.receipts();
        assert_eq!(receipts.len(), 1);
        assert_eq!(bob.open(&receipts[0]), Opened::Receipt);
    }
    assert_eq!(bob.store.delivered(), [id, id]);
}

#[test]
fn a_device_that_is_not_admitted_is_refused_each_time_for_its_own_reason() {
    let (world, mut listed, mut alice, mut second, mut bob) = two_devices();
    let mut ghost = further(&world, &alice, 9);
    let mut stranger = further(&world, &alice, 8);
    let by_a_stranger = word(&mut stranger, &ghost);
    let about_another = word(&mut alice, &stranger);
    let mut by_itself = word(&mut alice, &ghost);
    by_itself.0[1] = 9;
    let mut other_version = word(&mut alice, &ghost);
    other_version.0[0] = 2;
    let by_second = word(&mut second, &ghost);
    let cases = [
        (None, AdmissionError::Missing),
        (Some(by_a_stranger), AdmissionError::Stranger(number(8))),
        (Some(about_another), AdmissionError::Forged(number(1))),
        (Some(by_itself), AdmissionError::Stranger(number(9))),
        (Some(vec![1, 1].into()), AdmissionError::Invalid(InvalidAdmission::Length(2))),
        (Some(other_version), AdmissionError::Invalid(InvalidAdmission::Version(2))),
    ];
    for (admission, expected) in cases {
        match admission {
            Some(admission) => listed.admissions.insert(9, admission),
            None => listed.admissions.remove(&9),
        };
        let roster = listed.roster(&mut [&mut alice, &mut second, &mut ghost]);
        let refused = note(&mut bob, &roster).refused;
        assert_eq!(refused.iter().map(|it| it.error).collect::<Vec<_>>(), [expected]);
        let bundle = listed.bundle(&mut [&mut alice, &mut second, &mut ghost]);
        open_sessions(&mut bob, &bundle);
        let (_, sealed) = say_to_all(&mut bob, &alice, "not to the ghost");
        assert_eq!(sealed.keys().copied().collect::<Vec<_>>(), [1, 2], "{expected}");
    }
    // The word of a device that is out counts no more for whoever comes after it.
    listed.admissions.remove(&9);
    listed.revoke(&second);
    let roster = listed.roster(&mut [&mut alice]);
    assert_eq!(note(&mut bob, &roster).gone, 1);
    listed.admissions.insert(9, by_second);
    let roster = listed.roster(&mut [&mut alice, &mut ghost]);
    assert_eq!(note(&mut bob, &roster).refused[0].error, AdmissionError::Former(number(2)));
    // Nor does its number become another's.
    let mut again = further(&world, &alice, 2);
    listed.former.clear();
    listed.admit(&mut alice, &again);
    let roster = listed.roster(&mut [&mut alice, &mut again]);
    assert_eq!(note(&mut bob, &roster).refused[0].error, AdmissionError::NumberTaken);
    assert_eq!(bob.device.changed_handles(&bob.store).unwrap(), [alice.handle()]);
}

#[test]
fn one_decision_lets_a_device_in_that_nobody_has_admitted_or_keeps_it_out() {
    for accepted in [true, false] {
        let (world, listed, mut alice, mut second, mut bob) = two_devices();
        let mut ghost = further(&world, &alice, 9);
        ghost.meet(&mut bob);
        let (_, sealed) = ghost.say(&bob, "it is me");
        assert_eq!(bob.open(&sealed), Opened::Stranger);
        let roster = listed.roster(&mut [&mut alice, &mut second, &mut ghost]);
        assert!(note(&mut bob, &roster).settled.is_empty());
        let handle = alice.handle();
        let standing = bob.device.standing(&bob.store, &handle).unwrap();
        assert_eq!(standing.len(), 3);
        assert_eq!(standing[2].trust, Trust::Changed);
        assert!(standing[2].changed_number.is_some());
        assert!(bob.texts().is_empty());
        if accepted {
            let Participant { device, store, rng, now, .. } = &mut bob;
            let opened = device.accept_key(store, rng, *now, &handle).unwrap();
            assert!(matches!(opened[..], [Opened::Message { .. }]));
            assert_eq!(bob.texts(), ["it is me"]);
            let bundle = listed.bundle(&mut [&mut alice, &mut second, &mut ghost]);
            open_sessions(&mut bob, &bundle);
            assert_eq!(say_to_all(&mut bob, &alice, "welcome").1.len(), 3);
        } else {
            assert_eq!(bob.device.reject_key(&mut bob.store, &handle).unwrap(), 1);
            let (_, sealed) = ghost.say(&bob, "again");
            assert_eq!(bob.open(&sealed), Opened::Dead(DeadReason::Rejected));
            assert!(note(&mut bob, &roster).refused.is_empty(), "that was decided");
            assert_eq!(say_to_all(&mut bob, &alice, "as before").1.len(), 2);
        }
        assert!(bob.device.changed_handles(&bob.store).unwrap().is_empty());
    }
}

#[test]
fn a_message_of_an_unknown_device_waits_until_the_directory_shows_its_admission() {
    let (world, mut alice, mut bob) = acquainted();
    bob.meet(&mut alice);
    let mut second = further(&world, &alice, 2);
    second.meet(&mut bob);
    for text in ["first", "and second"] {
        let (_, sealed) = second.say(&bob, text);
        assert_eq!(bob.open(&sealed), Opened::Stranger);
    }
    assert_eq!(bob.device.strangers(&bob.store).unwrap(), [alice.handle()]);
    // What the known one says goes on as before.
    let (_, sealed) = alice.say(&bob, "from the first device");
    assert!(matches!(bob.open(&sealed), Opened::Message { .. }));

    let mut listed = Listed::default();
    listed.admit(&mut alice, &second);
    let roster = listed.roster(&mut [&mut alice, &mut second]);
    let noted = note(&mut bob, &roster);
    assert_eq!((noted.joined, noted.settled.len()), (1, 2));
    assert_eq!(bob.texts(), ["from the first device", "first", "and second"]);
    assert!(bob.device.strangers(&bob.store).unwrap().is_empty());
    assert_eq!(say_to_all(&mut bob, &alice, "hello both").1.len(), 2);
}

#[test]
fn at_first_sight_one_device_is_believed_and_the_others_by_its_word() {
    let world = World::new();
    let (mut alice, mut bob) = (world.participant("alice"), world.participant("bob"));
    let (mut second, mut ghost) = (further(&world, &alice, 2), further(&world, &alice, 9));
    // Whoever is certified can write, and is pinned by it; that makes nobody a sibling.
    ghost.meet(&mut bob);
    let (_, sealed) = ghost.say(&bob, "I am alice");
    assert!(matches!(bob.open(&sealed), Opened::Message { .. }));
    let mut listed = Listed::default();
    listed.admit(&mut alice, &second);
    let roster = listed.roster(&mut [&mut ghost, &mut second, &mut alice]);
    let handle = alice.handle();
    let refused = bob.device.accept_roster(&mut bob.store, NOW, &handle, &roster).unwrap();
    assert_eq!(refused.len(), 1);
    assert_eq!((refused[0].device_id, refused[0].error), (number(9), AdmissionError::Missing));
    let contact = bob.store.contact(&handle).unwrap().unwrap();
    assert_eq!(contact.devices, [number(2), number(1)]);
    let (_, sealed) = ghost.say(&bob, "still alice");
    assert_eq!(bob.open(&sealed), Opened::Stranger);
}

#[test]
fn devices_are_believed_by_the_word_of_one_that_is_gone_by_now() {
    let world = World::new();
    let (mut alice, mut bob) = (world.participant("alice"), world.participant("bob"));
    let (mut second, mut third) = (further(&world, &alice, 2), further(&world, &alice, 3));
    let mut listed = Listed::default();
    listed.admit(&mut alice, &second);
    listed.admit(&mut alice, &third);
    listed.revoke(&alice);
    let roster = listed.roster(&mut [&mut second, &mut third]);
    let handle = alice.handle();
    let refused = bob.device.accept_roster(&mut bob.store, NOW, &handle, &roster).unwrap();
    assert!(refused.is_empty(), "{refused:?}");
    // Nothing of the first one is believed any more.
    alice.meet(&mut bob);
    let (_, sealed) = alice.say(&bob, "from a stolen device");
    assert_eq!(bob.open(&sealed), Opened::Stranger);
    assert_eq!(note(&mut bob, &roster).settled, [Opened::Dead(DeadReason::Revoked)]);
}

#[test]
fn a_revoked_device_gets_nothing_more_and_what_it_sends_is_refused_by_name() {
    let (_world, mut listed, mut alice, mut second, mut bob) = two_devices();
    let (_, sealed) = say_to_all(&mut bob, &alice, "to both");
    second.open(&sealed[&2]);
    second.meet(&mut bob);
    let (_, late) = second.say(&bob, "from a stolen device");
    // This one is still on its way when the device is revoked.
    bob.try_send(&alice, &Text { text: "not published yet".into() }).unwrap();
    listed.revoke(&second);
    let roster = listed.roster(&mut [&mut alice]);
    assert_eq!(note(&mut bob, &roster).gone, 1);
    let waiting: Vec<_> = bob.store.take_outbox().iter().map(|it| it.to().clone()).collect();
    assert_eq!(waiting, [Mailbox::new(alice.handle(), number(1))]);
    assert!(bob.store.session(second.device.address()).unwrap().is_some(), "only archived");

    assert_eq!(say_to_all(&mut bob, &alice, "to one").1.len(), 1);
    assert_eq!(bob.open(&late), Opened::Stranger);
    assert_eq!(note(&mut bob, &roster).settled, [Opened::Dead(DeadReason::Revoked)]);
    assert_eq!(bob.store.dead().last().unwrap().reason, DeadReason::Revoked);
    assert!(bob.receipts().is_empty());
    assert!(bob.device.changed_handles(&bob.store).unwrap().is_empty());

    // An operator may let it back in, with the key that it had.
    listed.former.clear();
    let (_, sealed) = second.say(&bob, "found again");
    assert_eq!(bob.open(&sealed), Opened::Stranger);
    let roster = listed.roster(&mut [&mut alice, &mut second]);
    let noted = note(&mut bob, &roster);
    assert!(matches!(noted.settled[..], [Opened::Message { .. }]), "{noted:?}");
}

#[test]
fn a_device_with_a_new_registration_gets_a_new_session_and_what_waits_for_it() {
    let (_world, listed, mut alice, mut second, mut bob) = two_devices();
    bob.try_send(&alice, &Text { text: "on its way".into() }).unwrap();
    let mut roster = listed.roster(&mut [&mut alice, &mut second]);
    roster.devices[1].registration_id = 77;
    note(&mut bob, &roster);
    let numbers: BTreeMap<_, _> = bob
        .store
        .take_outbox()
        .iter()
        .map(|sealed| (sealed.to().device_id.get(), sealed.registration_id()))
        .collect();
    assert_eq!(numbers[&2], 77);
    assert_ne!(numbers[&1], 77);
    let text = Text { text: "next".into() };
    let before = bob.store.clone();
    assert!(matches!(bob.try_send(&alice, &text), Err(SealError::NoSession(_))));
    // Rolled back, as every step that fails.
    bob.store = before;
    let Participant { device, store, rng, now, .. } = &mut bob;
    device.send_to(store, rng, *now, &alice.handle(), None, &text, Reach::Some).unwrap();
    assert_eq!(bob.store.take_outbox().len(), 1, "the other one can be reached");
}

#[test]
fn nothing_is_sent_to_nobody_and_another_identity_is_a_change() {
    let (world, mut listed, mut alice, second, mut bob) = two_devices();
    listed.revoke(&alice);
    listed.revoke(&second);
    let mut roster = listed.roster(&mut [&mut alice]);
    roster.devices.clear();
    assert_eq!(note(&mut bob, &roster).gone, 2);
    let text = Text { text: "anybody?".into() };
    assert!(matches!(bob.try_send(&alice, &text), Err(SealError::NoDevice(_))));

    let mut anew = world.participant("alice");
    let roster = Listed::default().roster(&mut [&mut anew]);
    note(&mut bob, &roster);
    let handle = alice.handle();
    assert_eq!(bob.device.changed_handles(&bob.store).unwrap(), std::slice::from_ref(&handle));
    let standing = bob.device.standing(&bob.store, &handle).unwrap();
    assert!(standing[0].changed_number.is_some());
    assert!(matches!(bob.try_send(&alice, &text), Err(SealError::IdentityChanged(_))));
    let Participant { device, store, rng, now, .. } = &mut bob;
    device.accept_key(store, rng, *now, &handle).unwrap();
    bob.meet(&mut anew);
    let (_, sealed) = bob.say(&anew, "welcome back");
    assert!(matches!(anew.open(&sealed), Opened::Message { .. }));
}

#[test]
fn a_roster_of_somebody_else_or_with_a_foreign_certificate_changes_nothing() {
    let (_world, listed, mut alice, mut second, mut bob) = two_devices();
    let roster = listed.roster(&mut [&mut alice, &mut second]);
    let handle = alice.handle();
    let refused = |bob: &mut Participant, roster: &Roster| {
        let Participant { device, store, rng, now, .. } = bob;
        device.note_roster(store, rng, *now, &handle, roster).unwrap_err()
    };
    let of_another = Roster { identity: "dave".parse().unwrap(), ..roster.clone() };
    assert!(matches!(refused(&mut bob, &of_another), BundleError::WrongIdentity(_)));
    let mut foreign = roster.clone();
    foreign.devices[1].certificate = roster.devices[0].certificate.clone();
    assert!(matches!(refused(&mut bob, &foreign), BundleError::CertificateOfAnother(_)));
    assert_eq!(say_to_all(&mut bob, &alice, "still both").1.len(), 2);
}

#[test]
fn a_device_speaks_for_others_only() {
    let (_world, mut alice, _bob) = acquainted();
    let key = alice.device.identity_key().unwrap();
    let own = alice.device.admit(&mut alice.rng, number(1), &key);
    assert_eq!(own, Err(AdmitError::OwnNumber(number(1))));
    let admission = alice.device.admit(&mut alice.rng, number(2), &key).unwrap();
    assert_eq!(Admission::parse(&admission.to_bytes()), Ok(admission));
    assert!(IdentityKey::parse(key.as_bytes()).is_ok());
}
