//! What people decide about changed keys.

use libsignal_protocol::{Fingerprint, IdentityKey, IdentityKeyPair};
use sysmaint_device::{
    BundleError, Opened, SealError, TrustError,
    store::{DeadReason, LocalStore, Trust},
};
use sysmaint_protocol::body::Text;

use crate::participant::{NOW, Participant, World, acquainted};

fn text() -> Text {
    Text { text: "secret".into() }
}

/// Bob knows alice; somebody else now has her address and another key, and wrote twice.
fn changed() -> (World, Participant, Participant, Participant) {
    let (world, mut alice, mut bob) = acquainted();
    let (_, sealed) = alice.say(&bob, "from the old key");
    bob.open(&sealed);
    let mut other = world.participant("alice");
    other.become_device(&world, alice.device.address());
    other.meet(&mut bob);
    for word in ["first", "second"] {
        let (_, sealed) = other.say(&bob, word);
        assert_eq!(bob.open(&sealed), Opened::Held);
    }
    (world, alice, bob, other)
}

fn accept(bob: &mut Participant) -> Result<Vec<Opened>, TrustError> {
    let handle = "alice".parse().unwrap();
    bob.device.accept_key(&mut bob.store, &mut bob.rng, bob.now, &handle)
}

#[test]
fn an_accepted_key_is_pinned_and_what_was_held_is_opened_in_order() {
    let (_world, mut alice, mut bob, mut other) = changed();
    let handles = bob.device.changed_handles(&bob.store).unwrap();
    assert_eq!(handles, ["alice".parse().unwrap()]);
    assert_eq!(accept(&mut bob).unwrap().len(), 2);
    assert_eq!(bob.texts(), ["from the old key", "first", "second"]);
    assert!(bob.device.changed_handles(&bob.store).unwrap().is_empty());
    let (_, sealed) = bob.say(&other, "welcome back");
    assert!(matches!(other.open(&sealed), Opened::Message { .. }));
    // The key that was replaced is nobody's any more, and changes nothing again.
    let (_, sealed) = alice.say(&bob, "still me");
    assert_eq!(bob.open(&sealed), Opened::Dead(DeadReason::Rejected));
    bob.try_send(&other, &text()).unwrap();
    assert!(matches!(accept(&mut bob), Err(TrustError::NotChanged(_))));
}

#[test]
fn a_rejected_key_is_turned_away_for_good_and_the_old_one_stays() {
    let (_world, mut alice, mut bob, mut other) = changed();
    let handle = alice.handle();
    assert!(matches!(bob.try_send(&alice, &text()), Err(SealError::IdentityChanged(_))));
    assert_eq!(bob.device.reject_key(&mut bob.store, &handle).unwrap(), 2);
    assert!(bob.store.held().is_empty());
    assert_eq!(bob.store.dead().len(), 2);
    let (_, sealed) = other.say(&bob, "again");
    assert_eq!(bob.open(&sealed), Opened::Dead(DeadReason::Rejected));
    let (_, sealed) = alice.say(&bob, "me");
    assert!(matches!(bob.open(&sealed), Opened::Message { .. }));
    let (_, sealed) = bob.say(&alice, "you");
    assert!(matches!(alice.open(&sealed), Opened::Message { .. }));
}

#[test]
fn a_lost_store_comes_back_under_its_handle_when_its_key_is_accepted() {
    let (world, mut alice, mut bob) = acquainted();
    let (_, sealed) = alice.say(&bob, "before the loss");
    bob.open(&sealed);
    let mut anew = world.participant("alice");
    anew.meet(&mut bob);
    let (_, sealed) = anew.say(&bob, "it is me");
    assert_eq!(bob.open(&sealed), Opened::Held);
    // A claim alone stops nothing.
    bob.try_send(&alice, &text()).unwrap();
    let handle = alice.handle();
    assert_eq!(bob.device.claimed_handles(&bob.store).unwrap().len(), 1);
    let bundle = anew.bundle();
    bob.device.note_bundle(&mut bob.store, NOW, &handle, &bundle).unwrap();
    assert!(matches!(bob.try_send(&alice, &text()), Err(SealError::IdentityChanged(_))));
    let standing = bob.device.standing(&bob.store, &handle).unwrap();
    assert_eq!(standing[0].trust, Trust::Changed);
    let theirs = anew.device.standing(&anew.store, &bob.handle()).unwrap();
    let changed = standing[0].changed_number.as_ref().unwrap();
    assert_eq!(changed.digits(), theirs[0].safety_number.digits());

    assert!(matches!(accept(&mut bob).unwrap()[..], [Opened::Message { .. }]));
    assert_eq!(bob.texts(), ["before the loss", "it is me"]);
    let (_, sealed) = bob.say(&anew, "welcome back");
    assert!(matches!(anew.open(&sealed), Opened::Message { .. }));
}

#[test]
fn a_claim_that_the_directory_does_not_confirm_is_turned_away() {
    let (world, mut alice, mut bob) = acquainted();
    let mut impostor = world.participant("alice");
    impostor.meet(&mut bob);
    let (_, sealed) = impostor.say(&bob, "trust me");
    assert_eq!(bob.open(&sealed), Opened::Held);
    let bundle = alice.bundle();
    bob.device.note_bundle(&mut bob.store, NOW, &alice.handle(), &bundle).unwrap();
    assert!(bob.store.held().is_empty());
    assert_eq!(bob.store.dead()[0].reason, DeadReason::Rejected);
    assert!(bob.device.changed_handles(&bob.store).unwrap().is_empty());
    let (_, sealed) = alice.say(&bob, "me");
    assert!(matches!(bob.open(&sealed), Opened::Message { .. }));
    bob.try_send(&alice, &text()).unwrap();
}

#[test]
fn a_bundle_of_another_key_is_remembered_as_a_change() {
    let (world, mut alice, bob) = acquainted();
    let mut other = world.participant("bob");
    let (handle, bundle) = (bob.handle(), other.bundle());
    let outcome =
        alice.device.accept_bundle(&mut alice.store, &mut alice.rng, NOW, &handle, &bundle);
    assert!(matches!(outcome, Err(BundleError::HandleMoved(_))), "{outcome:?}");
    alice.device.note_bundle(&mut alice.store, NOW, &handle, &bundle).unwrap();
    assert_eq!(alice.device.changed_handles(&alice.store).unwrap(), [handle]);
}

#[test]
fn safety_numbers_are_those_that_the_library_computes_and_equal_on_both_sides() {
    let (_world, alice, mut bob) = acquainted();
    let number = |one: &Participant, other: &Participant| {
        let standing = one.device.standing(&one.store, &other.handle()).unwrap();
        standing[0].safety_number.clone()
    };
    let hers = number(&alice, &bob);
    assert_eq!(hers.digits(), number(&bob, &alice).digits());

    let key = |one: &Participant| -> IdentityKey {
        let local = one.store.local().unwrap().unwrap();
        *IdentityKeyPair::try_from(local.identity_key_pair.as_slice()).unwrap().identity_key()
    };
    let id = |one: &Participant| *one.device.address().service_id.as_bytes();
    let (mine, theirs) = (key(&alice), key(&bob));
    let reference = Fingerprint::new(2, 5_200, &id(&alice), &mine, &id(&bob), &theirs).unwrap();
    assert_eq!(hers.digits(), reference.display_string().unwrap());
    assert_eq!(hers.scannable(), reference.scannable.serialize().unwrap());

    bob.device.mark_verified(&mut bob.store, &alice.handle()).unwrap();
    let standing = bob.device.standing(&bob.store, &alice.handle()).unwrap();
    assert_eq!(standing[0].trust, Trust::Verified);
}
