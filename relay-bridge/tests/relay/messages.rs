//! Envelopes in.

use serde_json::{Value, json};
use sysmaint_device::{
    Device, Incoming, Opened,
    store::{LocalStore as _, Memory},
};
use sysmaint_protocol::{
    Base64Bytes, DeviceId, TransferId,
    body::Text,
    rest::{OutgoingMessage, Registered, SendAccepted, SendRequest, Transport},
};

use crate::{
    person::{Person, now},
    stage::{Answer, Stage},
};

/// Gives a device another registration id, as a restored store has, and registers it anew.
pub async fn renumber(person: &mut Person, stage: &Stage) {
    let mut local = person.store.local().unwrap().unwrap();
    local.registration_id = local.registration_id % 1000 + 1;
    let mut store = Memory::default();
    store.put_local(&local).unwrap();
    let (handle, root) = (person.handle().clone(), stage.authority.trust_root());
    let rng = &mut rand::rng();
    person.device = Device::open(&mut store, rng, &handle, DeviceId::FIRST, &root).unwrap();
    person.store = store;
    let answer: Registered = person.register(stage, Transport::Relay).await.into(200);
    person.take(&answer);
}

/// Bytes in the shape of an envelope of about this size.
pub fn shaped(message: usize) -> Vec<u8> {
    let mut bytes = vec![0x11, 0x0a, 33, 0x05];
    bytes.resize(bytes.len() + 32, 1);
    bytes.extend_from_slice(&[0x12, 43]);
    bytes.resize(bytes.len() + 43, 2);
    bytes.push(0x1a);
    let low = |shift: usize| u8::try_from(message >> shift & 0x7f).unwrap();
    bytes.extend_from_slice(&[low(0) | 0x80, low(7) | 0x80, low(14)]);
    bytes.resize(bytes.len() + message, 3);
    bytes
}

pub fn message(device: u8, registration_id: u32, envelope: Vec<u8>) -> OutgoingMessage {
    OutgoingMessage {
        id: TransferId::from_bytes(rand::random()),
        device_id: DeviceId::try_from(device).unwrap(),
        registration_id,
        envelope: Base64Bytes(envelope),
    }
}

pub async fn send(
    stage: &Stage,
    from: &Person,
    to: &str,
    messages: Vec<OutgoingMessage>,
) -> Answer {
    let request = SendRequest { to: to.parse().unwrap(), messages };
    stage.post("/v1/messages", Some(&from.token), &request).await
}

pub fn number_of(person: &Person) -> u32 {
    person.store.local().unwrap().unwrap().registration_id
}

#[tokio::test]
async fn a_sealed_message_goes_in_over_http_and_is_opened_by_its_recipient() {
    let stage = Stage::new().await;
    let mut alice = Person::ready(&stage, "alice").await;
    let mut bob = Person::ready(&stage, "bob").await;
    let bundle = alice.bundle_of(&stage, "bob").await;
    let rng = &mut rand::rng();
    alice.device.accept_bundle(&mut alice.store, rng, now(), bob.handle(), &bundle).unwrap();
    let text = Text { text: "nobody in between reads this".to_owned() };
    alice.device.send(&mut alice.store, rng, now(), bob.handle(), None, &text).unwrap();
    let messages = alice.store.take_outbox().into_iter().map(|sealed| OutgoingMessage {
        id: sealed.transfer_id(),
        device_id: sealed.to().device_id,
        registration_id: sealed.registration_id(),
        envelope: Base64Bytes(sealed.envelope().as_bytes().to_vec()),
    });
    let accepted: SendAccepted = send(&stage, &alice, "bob", messages.collect()).await.into(202);

    let stored = stage.bus.stored_mailbox(&bob.mailbox()).read(0, 10).await.unwrap();
    let [stored] = &stored[..] else { panic!("one envelope") };
    assert_eq!(stored.transfer_id, Some(accepted.accepted[0].id));
    let incoming = Incoming {
        bytes: &stored.bytes,
        transfer_id: stored.transfer_id,
        stored_at: stored.stored_at,
    };
    let opened = bob.device.open_envelope(&mut bob.store, rng, now(), incoming).unwrap();
    assert!(matches!(opened, Opened::Message { .. }), "{opened:?}");
    let body: Value = serde_json::from_slice(&bob.store.inbox()[0].body).unwrap();
    assert_eq!(body["text"], text.text);
    stage.end().await;
}

#[tokio::test]
async fn a_retry_is_accepted_and_stored_once() {
    let stage = Stage::new().await;
    let alice = Person::registered(&stage, "alice").await;
    let bob = Person::registered(&stage, "bob").await;
    let one = message(1, number_of(&bob), shaped(500));
    for _ in 0..3 {
        let accepted: SendAccepted = send(&stage, &alice, "bob", vec![one.clone()]).await.into(202);
        assert_eq!(accepted.accepted[0].id, one.id);
    }
    assert_eq!(stage.depth(&bob.mailbox()).await, 1);
    let other = message(1, number_of(&bob), shaped(500));
    assert_eq!(send(&stage, &alice, "bob", vec![other]).await.status, 202);
    assert_eq!(stage.depth(&bob.mailbox()).await, 2);
    stage.end().await;
}

#[tokio::test]
async fn the_wrong_devices_are_named_and_nothing_is_stored() {
    let stage = Stage::new().await;
    let alice = Person::registered(&stage, "alice").await;
    let bob = Person::registered(&stage, "bob").await;
    let known = number_of(&bob);

    let nobody = send(&stage, &alice, "nobody", vec![message(1, 1, shaped(500))]).await;
    nobody.problem(404, "unknown-identity");

    let both = vec![message(1, known, shaped(500)), message(2, 7, shaped(500))];
    let extra = send(&stage, &alice, "bob", both).await.problem(409, "mismatched-devices");
    assert_eq!((&extra["missing_devices"], &extra["extra_devices"]), (&json!([]), &json!([2])));

    let missing = send(&stage, &alice, "bob", vec![]).await.problem(409, "mismatched-devices");
    assert_eq!(missing["missing_devices"], json!([1]));

    let old = vec![message(1, known % 1000 + 1, shaped(500)), message(2, 7, shaped(500))];
    let gone = send(&stage, &alice, "bob", old).await.problem(410, "stale-devices");
    assert_eq!(gone["stale_devices"], json!([1]));

    assert_eq!(stage.depth(&bob.mailbox()).await, 0);
    for name in ["unknown_recipient", "stale_devices"] {
        assert_eq!(stage.rejects(name).await, 1, "{name}");
    }
    assert_eq!(stage.rejects("mismatched_devices").await, 2);
    stage.end().await;
}

#[tokio::test]
async fn a_device_that_was_registered_anew_makes_its_old_sessions_stale() {
    let stage = Stage::new().await;
    let alice = Person::registered(&stage, "alice").await;
    let mut bob = Person::registered(&stage, "bob").await;
    let before = number_of(&bob);
    renumber(&mut bob, &stage).await;
    let old = vec![message(1, before, shaped(500))];
    send(&stage, &alice, "bob", old).await.problem(410, "stale-devices");
    let new = vec![message(1, number_of(&bob), shaped(500))];
    assert_eq!(send(&stage, &alice, "bob", new).await.status, 202);
    stage.end().await;
}

#[tokio::test]
async fn plaintext_is_refused_and_counted() {
    let stage = Stage::new().await;
    let alice = Person::registered(&stage, "alice").await;
    let bob = Person::registered(&stage, "bob").await;
    let known = number_of(&bob);
    let text = vec![message(1, known, b"{\"text\":\"a secret\"}".to_vec())];
    let refused = send(&stage, &alice, "bob", text).await;
    assert!(!refused.problem(422, "not-an-envelope").to_string().contains("secret"));

    let id = "00112233445566778899aabbccddeeff";
    let bare = json!({ "to": "bob", "messages": [{
        "id": id, "device_id": 1, "registration_id": known, "envelope": "a secret, in plain words",
    }]});
    let refused = stage.post("/v1/messages", Some(&alice.token), &bare).await;
    assert!(!refused.problem(422, "not-an-envelope").to_string().contains("secret"));

    assert_eq!(stage.rejects("not_an_envelope").await, 2);
    assert_eq!(stage.depth(&bob.mailbox()).await, 0);
    stage.end().await;
}

#[tokio::test]
async fn an_envelope_of_the_largest_size_passes_and_one_byte_more_does_not() {
    const FRAME: usize = 1 + 35 + 45 + 4;
    let stage = Stage::new().await;
    let alice = Person::registered(&stage, "alice").await;
    let bob = Person::registered(&stage, "bob").await;
    let sized = |size: usize| vec![message(1, number_of(&bob), shaped(size - FRAME))];
    assert_eq!(send(&stage, &alice, "bob", sized(96 * 1024)).await.status, 202);
    let over = send(&stage, &alice, "bob", sized(96 * 1024 + 1)).await;
    over.problem(413, "envelope-too-large");
    let far_over = send(&stage, &alice, "bob", sized(2_000_000)).await;
    far_over.problem(413, "body-too-large");
    assert_eq!(stage.depth(&bob.mailbox()).await, 1);
    stage.end().await;
}

#[tokio::test]
async fn one_of_two_envelopes_cannot_vanish_behind_the_others_id() {
    let stage = Stage::new().await;
    let alice = Person::registered(&stage, "alice").await;
    let bob = Person::registered(&stage, "bob").await;
    let first = message(1, number_of(&bob), shaped(500));
    let second = OutgoingMessage { id: first.id, ..message(2, 7, shaped(600)) };
    send(&stage, &alice, "bob", vec![first, second]).await.problem(400, "invalid-request");
    stage.end().await;
}

#[tokio::test]
async fn a_full_mailbox_says_so() {
    let stage = Stage::unlimited().await;
    let alice = Person::registered(&stage, "alice").await;
    let bob = Person::registered(&stage, "bob").await;
    let known = number_of(&bob);
    for _ in 0..20 {
        let sends =
            (0..50).map(|_| send(&stage, &alice, "bob", vec![message(1, known, shaped(300))]));
        let answers = futures_util::future::join_all(sends).await;
        assert!(answers.iter().all(|answer| answer.status == 202));
    }
    let over = send(&stage, &alice, "bob", vec![message(1, known, shaped(300))]).await;
    over.problem(507, "mailbox-full");
    assert_eq!(stage.rejects("mailbox_full").await, 1);
    stage.end().await;
}

#[tokio::test]
async fn without_the_broker_nothing_is_accepted() {
    let mut stage = Stage::new().await;
    let alice = Person::registered(&stage, "alice").await;
    stage.stop_server().await;
    let answer = send(&stage, &alice, "alice", vec![message(1, 1, shaped(300))]).await;
    answer.problem(503, "unavailable");
    assert_eq!(answer.header("retry-after"), "1");
    let health = stage.get("/readyz", None).await;
    assert_eq!(health.status, 503);
    assert_eq!(health.json()["checks"]["nats"], "not connected");
    assert_eq!(stage.get("/livez", None).await.status, 200);
}
