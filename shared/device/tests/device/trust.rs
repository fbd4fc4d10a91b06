//! Certificates, pins and changed keys.

use std::time::Duration;

use sysmaint_device::{BundleError, EnrolError, Opened, SealError, store::DeadReason};
use sysmaint_protocol::{
    Base64Bytes,
    body::Text,
    rest::{Bundle, DeliveryCertificate, Registered},
};

use crate::participant::{NOW, Participant, World, acquainted};

/// The same handle and service id with another identity key.
fn reborn(world: &World, old: &Participant) -> Participant {
    let mut new = world.participant(old.handle().as_str());
    new.become_device(world, old.device.address());
    new
}

#[test]
fn a_changed_key_is_held_and_not_sent_to() {
    let (world, mut alice, mut bob) = acquainted();
    let (_, sealed) = alice.say(&bob, "hello");
    bob.open(&sealed);
    let mut impostor = reborn(&world, &alice);
    impostor.meet(&mut bob);
    let (_, sealed) = impostor.say(&bob, "it is me");
    assert_eq!(bob.open(&sealed), Opened::Held);
    assert_eq!(bob.texts(), ["hello"]);
    assert_eq!(bob.store.held().len(), 1);
    let text = Text { text: "secret".into() };
    assert!(matches!(bob.try_send(&alice, &text), Err(SealError::IdentityChanged(_))));
    // What the old key still sends is held too: nobody knows yet which one is right.
    let (_, sealed) = alice.say(&bob, "no, me");
    assert_eq!(bob.open(&sealed), Opened::Held);
}

#[test]
fn a_bundle_with_another_key_than_the_pinned_one_is_refused() {
    let (world, mut alice, bob) = acquainted();
    let mut impostor = reborn(&world, &bob);
    let bundle = impostor.bundle();
    let outcome =
        alice.device.accept_bundle(&mut alice.store, &mut alice.rng, NOW, &bob.handle(), &bundle);
    assert!(matches!(outcome, Err(BundleError::IdentityChanged(_))), "{outcome:?}");
}

#[test]
fn a_handle_that_moved_to_another_identity_is_refused() {
    let (world, mut alice, bob) = acquainted();
    let bundle = world.participant("bob").bundle();
    let outcome =
        alice.device.accept_bundle(&mut alice.store, &mut alice.rng, NOW, &bob.handle(), &bundle);
    assert!(matches!(outcome, Err(BundleError::HandleMoved(_))), "{outcome:?}");
}

#[test]
fn a_foreign_certificate_is_refused_in_a_bundle_and_in_a_message() {
    let (_world, mut alice, mut bob) = acquainted();
    let elsewhere = World::new();
    let mut mallory = elsewhere.participant("mallory");
    let bundle = mallory.bundle();
    let handle = mallory.handle();
    let outcome =
        alice.device.accept_bundle(&mut alice.store, &mut alice.rng, NOW, &handle, &bundle);
    assert!(matches!(outcome, Err(BundleError::Certificate(_))), "{outcome:?}");

    // Mallory works under a root of his own, and puts alice's certificate authority aside.
    let mut bundle = bob.bundle();
    let key = sysmaint_device::key::IdentityKey::parse(&bundle.devices[0].identity_key.0).unwrap();
    bundle.devices[0].certificate = Base64Bytes(elsewhere.certify(&bob.device, &key, NOW));
    mallory
        .device
        .accept_bundle(&mut mallory.store, &mut mallory.rng, NOW, &bob.handle(), &bundle)
        .unwrap();
    let (_, sealed) = mallory.say(&bob, "trust me");
    assert_eq!(bob.open(&sealed), Opened::Dead(DeadReason::Certificate));
    assert!(bob.texts().is_empty());
}

#[test]
fn a_certificate_is_judged_by_the_time_of_the_broker() {
    let (_world, mut alice, mut bob) = acquainted();
    let (_, sealed) = alice.say(&bob, "old");
    let bytes = sealed.envelope().as_bytes();
    let late = NOW.after(Duration::from_hours(8 * 24));
    let mut strict = bob.store.clone();
    std::mem::swap(&mut strict, &mut bob.store);
    let expired = DeadReason::CertificateExpired;
    assert_eq!(bob.open_bytes(bytes, late), Opened::Dead(expired), "nobody can be asked for it");
    // A wrong clock of bob's own changes nothing.
    bob.store = strict;
    bob.now = late.after(Duration::from_hours(365 * 24));
    assert!(matches!(bob.open_bytes(bytes, NOW), Opened::Message { .. }));
}

#[test]
fn what_comes_too_late_for_its_certificate_is_asked_for_and_comes_again() {
    let (world, mut alice, mut bob) = acquainted();
    let (_, first) = alice.say(&bob, "first");
    bob.open(&first);
    // The broker was away for longer than the certificate lives.
    let (_, late) = alice.say(&bob, "late");
    for one in [&mut alice, &mut bob] {
        one.wait(Duration::from_hours(8 * 24));
    }
    assert_eq!(bob.open(&late), Opened::Retry(DeadReason::CertificateExpired));
    assert_eq!(bob.open(&late), Opened::Duplicate);
    alice.renew_certificate(&world);
    bob.renew_certificate(&world);
    let requests = bob.repair(&mut alice);
    for request in &requests {
        alice.open(request);
    }
    for again in alice.repair(&mut bob) {
        bob.open(&again);
    }
    assert_eq!(bob.texts(), ["first", "late"]);
    assert!(bob.store.dead().is_empty());
}

#[test]
fn an_expired_certificate_of_somebody_unknown_moves_nobody_to_anything() {
    let (world, _alice, mut bob) = acquainted();
    let mut carol = world.participant("carol");
    carol.meet(&mut bob);
    let (_, late) = carol.say(&bob, "you do not know me");
    bob.wait(Duration::from_hours(8 * 24));
    assert_eq!(bob.open(&late), Opened::Dead(DeadReason::CertificateExpired));
    assert!(bob.repair(&mut carol).is_empty());
}

#[test]
fn a_bundle_that_was_put_in_anothers_place_is_refused() {
    let world = World::new();
    let [mut alice, mut bob, mut mallory] =
        ["alice", "bob", "mallory"].map(|handle| world.participant(handle));
    let (mut bundle, theirs) = (bob.bundle(), mallory.bundle());
    // Their keys under bob's name, each certified by the same authority.
    bundle.devices[0].identity_key = theirs.devices[0].identity_key.clone();
    bundle.devices[0].certificate = theirs.devices[0].certificate.clone();
    let mut take = |bundle: &Bundle| {
        let Participant { device, store, rng, .. } = &mut alice;
        device.accept_bundle(store, rng, NOW, &"bob".parse().unwrap(), bundle).unwrap_err()
    };
    assert!(matches!(take(&bundle), BundleError::CertificateOfAnother(_)));
    // Bob's certificate with their key.
    bundle.devices[0].certificate = bob.bundle().devices.remove(0).certificate;
    assert!(matches!(take(&bundle), BundleError::CertificateOfAnother(_)));
    // Their prekeys with bob's key and certificate.
    let mut bundle = bob.bundle();
    bundle.devices[0].signed_prekey = theirs.devices[0].signed_prekey.clone();
    assert!(matches!(take(&bundle), BundleError::Signal(..)));
    // All of theirs.
    assert!(matches!(take(&theirs), BundleError::WrongIdentity(_)));
}

#[test]
fn a_registration_under_another_root_or_for_somebody_else_is_not_believed() {
    let (world, mut alice, mut bob) = acquainted();
    let certificate = bob.bundle().devices[0].certificate.clone();
    let answer = DeliveryCertificate { certificate: certificate.clone(), expires_at: NOW };
    let outcome = alice.device.renew_certificate(&mut alice.store, &answer);
    assert!(matches!(outcome, Err(EnrolError::CertificateOfAnother)));
    let foreign =
        Base64Bytes(World::new().participant("alice").bundle().devices.remove(0).certificate.0);
    let answer = DeliveryCertificate { certificate: foreign, expires_at: NOW };
    let outcome = alice.device.renew_certificate(&mut alice.store, &answer);
    assert!(matches!(outcome, Err(EnrolError::Certificate)));
    let answer = Registered {
        token: None,
        certificate,
        trust_root: Base64Bytes(World::new().authority.trust_root()),
    };
    let outcome = alice.device.complete_registration(&mut alice.store, &answer);
    assert!(matches!(outcome, Err(EnrolError::Root)));
    drop(world);
}
