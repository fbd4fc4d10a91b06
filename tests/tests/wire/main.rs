//! What somebody sees who reads all of NATS and every file: nothing of what is said, and on
//! envelopes nothing of who says it.
#![expect(clippy::unwrap_used, reason = "a test")]

mod evidence;
mod judge;
mod public_material;

use std::{
    collections::{BTreeSet, HashMap},
    path::Path,
};

use sysmaint_protocol::{Base64Bytes, DeviceId, subject::Mailbox};
use sysmaint_tests::{Captured, RawNats, Scanner, eventually};

use crate::{
    evidence::Evidence,
    judge::{Judge, is_envelope_or_wake, recipient},
    public_material::{directory_faults, lasting_keys},
};

const ALICE: &str = "alice-of-wire";
const ROBERTA: &str = "roberta-of-wire";
const CAROL: &str = "carol-of-wire";
const AGENT: &str = "sysmaint";
/// Everybody, with names too long to appear in ciphertext by chance.
const HANDLES: [&str; 5] = [ALICE, ROBERTA, CAROL, AGENT, "diagprobe"];

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_said_can_be_read_on_the_wire_or_on_disk() {
    let evidence = Evidence::gather().await;
    let Evidence { services, wire, secrets, .. } = &evidence;
    let scanner = secrets
        .iter()
        .fold(Scanner::new(), |scanner, (label, secret)| scanner.disguised(label, secret));

    let seen = wire.seen();
    for class in
        ["sealed.", "wake.", "relay.v1.", "otpk.", "_INBOX.", "$JS.ACK.", "$JS.API.", "$KV."]
    {
        assert!(seen.iter().any(|message| message.subject.starts_with(class)), "no {class}");
    }
    for message in &seen {
        assert_eq!(scanner.find(&message.bytes()), [""; 0], "on {}", message.subject);
    }
    assert_eq!(scanner.find_in_files(services.directory()), []);

    // The same search finds what is there.
    let (label, secret) = &secrets[0];
    let hidden = String::from(Base64Bytes(format!("x{secret}").into_bytes()));
    let plain = &secrets.iter().find(|(label, _)| *label == "process").unwrap().1;
    wire.publish("control.payload", None, &[], hidden.as_bytes()).await;
    wire.publish("control.header", None, &[("X-Control", plain)], b"").await;
    wire.publish("control.reply", Some(&format!("control.{plain}")), &[], b"").await;
    wire.publish(&format!("control.subject.{plain}"), None, &[], b"").await;
    wire.flush().await;
    let controls = eventually("the controls", async || {
        let seen = wire.seen().into_iter();
        let controls: Vec<_> = seen.filter(|seen| seen.subject.starts_with("control.")).collect();
        (controls.len() == 4).then_some(controls)
    })
    .await;
    assert!(controls.iter().all(|control| !scanner.find(&control.bytes()).is_empty()));
    store(wire, &nobody(), hidden.as_bytes()).await;
    std::fs::write(services.data().join("control"), hidden).unwrap();
    let found = scanner.find_in_files(services.directory());
    let in_a_mailbox = |path: &Path| path.to_string_lossy().contains("/MAILBOX_");
    assert!(found.iter().any(|(path, _)| in_a_mailbox(path)), "{label}: {found:?}");
    assert!(found.iter().any(|(path, _)| path.ends_with("control")), "{label}: {found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn envelopes_name_no_sender_and_carry_no_lasting_key() {
    let evidence = Evidence::gather().await;
    let Evidence { services, wire, .. } = &evidence;
    let seen = wire.seen();
    let keys = lasting_keys(&seen);
    let judge = Judge::new(&keys);
    let envelopes: Vec<_> = seen.iter().filter(|message| is_envelope_or_wake(message)).collect();
    let recipients: BTreeSet<_> = envelopes.iter().filter_map(|seen| recipient(seen)).collect();
    assert_eq!(recipients, BTreeSet::from(HANDLES));
    for message in envelopes {
        assert_eq!(judge.faults(message), [""; 0], "on {}", message.subject);
        if message.subject.starts_with("wake.") {
            assert!(message.payload.is_empty());
        }
    }
    let streams = services.data().join("jetstream");
    let in_mailboxes = |scanner: &Scanner| {
        let mut found = scanner.find_in_files(&streams);
        found.retain(|(path, _)| path.to_string_lossy().contains("/MAILBOX_"));
        found.len()
    };
    // Carol fetches nothing, so what was sealed to her is there; keys are not.
    let to_carol = seen.iter().find(|seen| recipient(seen) == Some(CAROL)).unwrap();
    assert_eq!(in_mailboxes(&Scanner::new().raw("envelope", &to_carol.payload)), 1);
    assert_eq!(in_mailboxes(&judge.lasting), 0);

    // The same judge objects to what must not be.
    let subject = nobody().sealed();
    let key = &keys[0].1;
    for (headers, reply, payload) in [
        (&[("X-From", "nobody")][..], "_INBOX.x", &b""[..]),
        (&[("Nats-Msg-Id", ALICE)][..], "_INBOX.x", b""),
        (&[], &format!("_INBOX.{ROBERTA}.x"), b""),
        (&[], "_INBOX.x", &[b"before", key.as_slice()].concat()),
        (&[], "_INBOX.x", br#"{"text":"in the clear"}"#),
        (&[], "_INBOX.x", AGENT.as_bytes()),
    ] {
        wire.publish(&subject, Some(reply), headers, payload).await;
        let forged = eventually("the forged envelope", async || {
            let mut seen = wire.seen().into_iter().rev();
            seen.find(|seen| seen.subject == subject && seen.payload == payload)
        })
        .await;
        assert_ne!(judge.faults(&forged), [""; 0], "{headers:?} {reply} {payload:?}");
    }
    store(wire, &nobody(), key).await;
    assert_eq!(in_mailboxes(&judge.lasting), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_directory_carries_public_material_and_nothing_else() {
    let evidence = Evidence::gather().await;
    let seen = evidence.wire.seen();
    let answers: HashMap<&str, &Captured> =
        seen.iter().map(|message| (message.subject.as_str(), message)).collect();
    let mut operations = BTreeSet::new();
    for request in seen.iter().filter(|message| message.subject.starts_with("relay.v1.")) {
        let operation = request.subject.split('.').nth(3).unwrap();
        let Some(answer) = request.reply.as_deref().and_then(|reply| answers.get(reply)) else {
            // Who asks before the relay listens asks again.
            continue;
        };
        let faults = directory_faults(operation, request, answer);
        assert_eq!(faults, [""; 0], "on {}", request.subject);
        operations.insert(operation);
    }
    let all = ["bundle", "challenge", "prekeycount", "prekeys", "register"];
    assert!(operations.is_superset(&BTreeSet::from(all)), "{operations:?}");

    // The same check objects to one field more, and to a key that is not public.
    let mut request =
        seen.iter().find(|message| message.subject.ends_with(".register")).unwrap().clone();
    let answer = answers[request.reply.as_deref().unwrap()];
    let mut json = request.json();
    json["token"] = "x".into();
    request.payload = json.to_string().into_bytes();
    assert_ne!(directory_faults("register", &request, answer), [""; 0]);
    json.as_object_mut().unwrap().remove("token");
    json["identity_key"] = String::from(Base64Bytes(vec![1; 32])).into();
    request.payload = json.to_string().into_bytes();
    assert_ne!(directory_faults("register", &request, answer), [""; 0]);
}

/// A mailbox that nobody reads.
fn nobody() -> Mailbox {
    Mailbox::new("nobody-at-all".parse().unwrap(), DeviceId::FIRST)
}

/// Puts any bytes into a mailbox and waits until they are on disk.
async fn store(wire: &RawNats, mailbox: &Mailbox, bytes: &[u8]) {
    let stored = wire.request(&mailbox.sealed(), &[], bytes).await.json();
    assert!(stored["seq"].is_u64(), "{stored}");
}
