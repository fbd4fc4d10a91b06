//! Several devices under one handle.

use sysmaint_bus::{Directory as _, NatsDirectory};
use sysmaint_device::{AdmissionError, Device, key::IdentityKey, store::Memory};
use sysmaint_protocol::{
    Address, Base64Bytes, DeviceId, ServiceId,
    administration::{About, Decision},
    body::Text,
    rest::{
        AdmitRequest, Admitted, Bundle, Challenge, ChallengeRequest, OutgoingMessage, PrekeyCount,
        RegisterRequest, Registered, Roster, SendAccepted, Transport,
    },
};

use crate::{
    messages::send,
    person::{Person, now},
    stage::{Answer, Stage},
};

fn number(number: u8) -> DeviceId {
    DeviceId::try_from(number).unwrap()
}

/// Another device of a handle, with keys of its own.
fn further(stage: &Stage, handle: &str, service_id: ServiceId, device_id: u8) -> Person {
    let (mut store, rng) = (Memory::default(), &mut rand::rng());
    let root = stage.authority.trust_root();
    let address = Address { service_id, device_id: number(device_id) };
    let handle = handle.parse().unwrap();
    let device = Device::open_further(&mut store, rng, &handle, address, &root).unwrap();
    Person { device, store, token: String::new() }
}

fn sibling(stage: &Stage, first: &Person, device_id: u8) -> Person {
    further(stage, first.handle().as_str(), first.device.address().service_id, device_id)
}

fn key_of(person: &Person) -> IdentityKey {
    person.device.identity_key().unwrap()
}

fn word(by: &Person, about: &Person) -> Base64Bytes {
    let device_id = about.device.address().device_id;
    let admission = by.device.admit(&mut rand::rng(), device_id, &key_of(about)).unwrap();
    admission.to_bytes().into()
}

fn about(by: &Person, further: &Person) -> AdmitRequest {
    AdmitRequest {
        further_device_id: further.device.address().device_id,
        identity_key: Base64Bytes(key_of(further).as_bytes().to_vec()),
        admission: word(by, further),
    }
}

async fn signed(stage: &Stage, person: &Person) -> RegisterRequest {
    let device_id = person.device.address().device_id;
    let request = ChallengeRequest { identity: person.handle().clone(), device_id };
    let challenge: Challenge = stage.post("/v1/register/challenge", None, &request).await.into(200);
    person.signed(&challenge, Transport::Relay)
}

async fn register(stage: &Stage, person: &Person, admission: Option<Base64Bytes>) -> Answer {
    let request = RegisterRequest { admission, ..signed(stage, person).await };
    stage.post("/v1/register", None, &request).await
}

async fn enrol(stage: &Stage, person: &mut Person, admission: Option<Base64Bytes>) {
    let registered: Registered = register(stage, person, admission).await.into(201);
    person.take(&registered);
    let upload = person.upload();
    let _count: PrekeyCount = person.put_prekeys(stage, &upload).await.into(200);
}

/// Adds a device that alice admits; with the word that she gave.
async fn admitted(stage: &Stage, alice: &Person, device_id: u8) -> (Person, Option<Base64Bytes>) {
    let mut further = sibling(stage, alice, device_id);
    let admission = Some(word(alice, &further));
    enrol(stage, &mut further, admission.clone()).await;
    (further, admission)
}

async fn roster_of(stage: &Stage, asker: &Person, handle: &str) -> Roster {
    stage.get(&format!("/v1/devices/{handle}"), Some(&asker.token)).await.into(200)
}

async fn revoke(stage: &Stage, handle: &str, device_id: u8) {
    let about = About { identity: handle.parse().unwrap(), device_id: number(device_id) };
    stage.bus.decide(Decision::Revoke, &about).await.unwrap();
}

#[tokio::test]
async fn a_further_device_registers_with_the_word_that_it_brings() {
    let stage = Stage::new().await;
    let alice = Person::ready(&stage, "alice").await;
    let mut second = sibling(&stage, &alice, 2);
    register(&stage, &second, None).await.problem(403, "admission-required");
    let admission = Some(word(&alice, &second));
    enrol(&stage, &mut second, admission.clone()).await;
    // It comes back like any other, and its admission stays.
    let again: Registered = register(&stage, &second, None).await.into(200);
    second.take(&again);

    let bob = Person::registered(&stage, "bob").await;
    let roster = roster_of(&stage, &bob, "alice").await;
    let listed: Vec<_> = roster.devices.iter().map(|device| device.device_id.get()).collect();
    assert_eq!((listed, roster.former.len()), (vec![1, 2], 0));
    assert_eq!(roster.devices[1].admission, admission);
    let bundle: Bundle = bob.bundle_of(&stage, "alice").await;
    assert_eq!(bundle.devices[1].admission, admission);
    stage.get("/v1/devices/nobody", Some(&bob.token)).await.problem(404, "unknown-identity");
    stage.get("/v1/devices/alice", None).await.problem(401, "unauthenticated");
    stage.end().await;
}

#[tokio::test]
async fn a_further_device_registers_with_the_word_that_was_handed_in_for_it() {
    let stage = Stage::new().await;
    let alice = Person::ready(&stage, "alice").await;
    let mut second = sibling(&stage, &alice, 2);
    let path = "/v1/admissions";
    let request = about(&alice, &second);
    stage.post(path, None, &request).await.problem(401, "unauthenticated");
    let bob = Person::registered(&stage, "bob").await;
    stage.post(path, Some(&bob.token), &request).await.problem(403, "admission-refused");
    let admitted: Admitted = stage.post(path, Some(&alice.token), &request).await.into(200);
    assert!(admitted.expires_at > now());
    // For this key and no other.
    let other = sibling(&stage, &alice, 2);
    register(&stage, &other, None).await.problem(403, "admission-required");
    enrol(&stage, &mut second, None).await;
    let roster = roster_of(&stage, &bob, "alice").await;
    assert_eq!(roster.devices[1].admission, Some(request.admission.clone()));
    let late = stage.post(path, Some(&alice.token), &request).await;
    late.problem(403, "admission-refused");
    // The second one may admit a third.
    let mut third = sibling(&stage, &alice, 3);
    let request = about(&second, &third);
    let _admitted: Admitted = stage.post(path, Some(&second.token), &request).await.into(200);
    enrol(&stage, &mut third, None).await;

    for device_id in 10..18 {
        let waiting = about(&alice, &sibling(&stage, &alice, device_id));
        let _admitted: Admitted = stage.post(path, Some(&alice.token), &waiting).await.into(200);
    }
    let one_more = about(&alice, &sibling(&stage, &alice, 20));
    let answer = stage.post(path, Some(&alice.token), &one_more).await;
    answer.problem(409, "too-many-admissions");
    stage.end().await;
}

#[tokio::test]
async fn the_word_of_anybody_else_admits_nobody() {
    let stage = Stage::new().await;
    let alice = Person::ready(&stage, "alice").await;
    let bob = Person::ready(&stage, "bob").await;
    let second = sibling(&stage, &alice, 2);
    let stranger = sibling(&stage, &alice, 9);
    let by_bob = {
        // Under alice's service id, as bob would have to say it.
        let posing = further(&stage, "alice", alice.device.address().service_id, 1);
        word(&posing, &second)
    };
    let mut damaged = word(&alice, &second);
    damaged.0[30] ^= 1;
    for wrong in [
        by_bob,
        word(&bob, &second),
        word(&stranger, &second),
        word(&alice, &stranger),
        damaged,
        vec![1, 1, 3].into(),
    ] {
        register(&stage, &second, Some(wrong)).await.problem(403, "admission-refused");
    }
    // Nobody gets a handle's service id by claiming another one of his own.
    let mut other = further(&stage, "alice", ServiceId::from_random(rand::random()), 2);
    register(&stage, &other, Some(word(&alice, &other))).await.problem(409, "handle-taken");
    other = further(&stage, "alice", ServiceId::from_random(rand::random()), 1);
    register(&stage, &other, None).await.problem(409, "handle-taken");
    stage.end().await;
}

#[tokio::test]
async fn a_revoked_device_admits_nobody_and_its_number_is_used_up() {
    let stage = Stage::new().await;
    let alice = Person::ready(&stage, "alice").await;
    let (mut second, admission) = admitted(&stage, &alice, 2).await;
    let third = sibling(&stage, &alice, 3);
    let by_second = word(&second, &third);
    let handed_in = about(&second, &sibling(&stage, &alice, 4));
    let _admitted: Admitted =
        stage.post("/v1/admissions", Some(&second.token), &handed_in).await.into(200);
    revoke(&stage, "alice", 2).await;
    stage.get("/v1/devices/alice", Some(&second.token)).await.problem(401, "unauthenticated");

    register(&stage, &third, Some(by_second)).await.problem(403, "admission-refused");
    let again = sibling(&stage, &alice, 2);
    let admitted = Some(word(&alice, &again));
    register(&stage, &again, admitted).await.problem(403, "device-revoked");
    register(&stage, &second, admission.clone()).await.problem(403, "device-revoked");
    let roster = roster_of(&stage, &alice, "alice").await;
    assert_eq!((roster.devices.len(), roster.former.len()), (1, 1));
    assert_eq!(roster.former[0].admission, admission);

    // Back in by the operator's word, with the admission that it had.
    let about = About { identity: "alice".parse().unwrap(), device_id: number(2) };
    stage.bus.decide(Decision::Readmit, &about).await.unwrap();
    let back: Registered = register(&stage, &second, None).await.into(201);
    second.take(&back);
    let roster = roster_of(&stage, &alice, "alice").await;
    assert_eq!((roster.devices.len(), roster.former.len()), (2, 0));
    assert_eq!(roster.devices[1].admission, admission);
    stage.end().await;
}

#[tokio::test]
async fn a_handle_whose_devices_are_all_out_is_registered_anew_and_its_peers_see_a_change() {
    let stage = Stage::new().await;
    let alice = Person::ready(&stage, "alice").await;
    let mut bob = Person::ready(&stage, "bob").await;
    let (second, _) = admitted(&stage, &alice, 2).await;
    let before = roster_of(&stage, &bob, "alice").await;
    let handle = alice.handle().clone();
    let met = bob.device.accept_roster(&mut bob.store, now(), &handle, &before).unwrap();
    assert!(met.is_empty());
    revoke(&stage, "alice", 2).await;
    let anew = Person::new(&stage, "alice");
    anew.register(&stage, Transport::Relay).await.problem(409, "handle-taken");
    revoke(&stage, "alice", 1).await;
    let empty = roster_of(&stage, &bob, "alice").await;
    assert_eq!((empty.devices.len(), empty.former.len()), (0, 2));

    let mut anew = anew;
    let registered: Registered = anew.register(&stage, Transport::Relay).await.into(201);
    anew.take(&registered);
    let roster = roster_of(&stage, &bob, "alice").await;
    assert_eq!(roster.service_id, anew.device.address().service_id);
    assert!(roster.former.is_empty(), "of another identity");
    let rng = &mut rand::rng();
    bob.device.note_roster(&mut bob.store, rng, now(), &handle, &roster).unwrap();
    assert_eq!(bob.device.changed_handles(&bob.store).unwrap(), [handle]);
    // Neither of the old keys comes back.
    for old in [&alice, &second] {
        register(&stage, old, None).await.problem(403, "device-revoked");
    }
    stage.end().await;
}

#[tokio::test]
async fn each_device_gets_an_envelope_of_its_own_and_a_missing_one_is_named() {
    let stage = Stage::new().await;
    let alice = Person::ready(&stage, "alice").await;
    let mut bob = Person::ready(&stage, "bob").await;
    let (second, _) = admitted(&stage, &alice, 2).await;
    let handle = alice.handle().clone();
    let bundle = bob.bundle_of(&stage, "alice").await;
    let rng = &mut rand::rng();
    let refused = bob.device.accept_bundle(&mut bob.store, rng, now(), &handle, &bundle).unwrap();
    assert!(refused.is_empty());
    let text = Text { text: "to both".to_owned() };
    bob.device.send(&mut bob.store, rng, now(), &handle, None, &text).unwrap();
    let messages: Vec<_> = bob
        .store
        .take_outbox()
        .into_iter()
        .map(|sealed| OutgoingMessage {
            id: sealed.transfer_id(),
            device_id: sealed.to().device_id,
            registration_id: sealed.registration_id(),
            envelope: Base64Bytes(sealed.envelope().as_bytes().to_vec()),
        })
        .collect();
    let missing = send(&stage, &bob, "alice", messages[..1].to_vec()).await;
    missing.problem(409, "mismatched-devices");
    assert_eq!(missing.json()["missing_devices"], serde_json::json!([2]));
    let accepted: SendAccepted = send(&stage, &bob, "alice", messages).await.into(202);
    assert_eq!(accepted.accepted.len(), 2);
    for device in [&alice, &second] {
        assert_eq!(stage.depth(&device.mailbox()).await, 1);
    }
    stage.end().await;
}

#[tokio::test]
async fn a_directory_that_strips_admissions_is_found_out() {
    let stage = Stage::new().await;
    let alice = Person::ready(&stage, "alice").await;
    let mut bob = Person::ready(&stage, "bob").await;
    let handle = alice.handle().clone();
    let roster = roster_of(&stage, &bob, "alice").await;
    bob.device.accept_roster(&mut bob.store, now(), &handle, &roster).unwrap();
    let (_second, _) = admitted(&stage, &alice, 2).await;
    let mut roster = roster_of(&stage, &bob, "alice").await;
    roster.devices[1].admission = None;
    let rng = &mut rand::rng();
    let noted = bob.device.note_roster(&mut bob.store, rng, now(), &handle, &roster).unwrap();
    assert_eq!(noted.refused[0].error, AdmissionError::Missing);
    assert_eq!(noted.joined, 0);
    stage.end().await;
}

#[tokio::test]
async fn devices_are_listed_and_admitted_over_nats_too() {
    let stage = Stage::new().await;
    let alice = Person::new(&stage, "alice");
    let directory = NatsDirectory::new(stage.bus_of("alice").await);
    let own = alice.mailbox();
    let challenge = directory.challenge(&own).await.unwrap();
    directory.register(&alice.signed(&challenge, Transport::Nats)).await.unwrap();
    let mut second = sibling(&stage, &alice, 2);
    let admitted = directory.admit(&own, &about(&alice, &second)).await.unwrap();
    assert!(admitted.expires_at > now());
    // Elsewhere, through the relay.
    enrol(&stage, &mut second, None).await;
    let roster = directory.devices(alice.handle(), alice.handle()).await.unwrap();
    assert_eq!(roster.devices.len(), 2);
    stage.end().await;
}
