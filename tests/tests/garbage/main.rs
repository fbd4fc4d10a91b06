//! Garbage on every way in: it is refused or counted, and everything works afterwards.
#![expect(clippy::unwrap_used, reason = "a test")]

mod envelopes;
mod requests;

use std::time::Duration;

use futures_util::future::join_all;
use rand::Rng as _;
use serde_json::{Value, json};
use sysmaint_protocol::{DeviceId, TransferId, subject::Mailbox};
use sysmaint_tests::{
    Captured, RawNats, Service, Services, Web, eventually, eventually_within, exchange,
};

use crate::{
    envelopes::garbled_envelopes,
    requests::{garbled_bodies, garbled_requests, json_request, request, wrong_addresses},
};

/// What garbage may cost a process, in bytes.
const GROWTH_MAX: u64 = 64 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn garbage_over_http_is_refused_and_harms_nothing() {
    let mut services = Services::start().await;
    let (web, relay) = (services.web(), services.relay());
    let before = memory(&mut services);
    let mut attempts = Vec::new();
    for (server, paths) in [
        (&web, ["/api/chat", "/api/e2ee/send", "/api/status/usage/reset"]),
        (&relay, ["/v1/register/challenge", "/v1/register", "/v1/messages"]),
    ] {
        attempts.extend(garbled_requests(server));
        attempts.extend(paths.iter().flat_map(|path| garbled_bodies(server, path)));
    }
    attempts.extend(wrong_addresses(&web, &relay));
    // All at once, as somebody who means harm would.
    let outcomes = attempts.iter().map(|(port, _, request)| exchange(*port, request));
    let outcomes = join_all(outcomes).await;
    for ((port, label, request), status) in attempts.iter().zip(outcomes) {
        let start = String::from_utf8_lossy(&request[..request.len().min(80)]);
        let refused = status.is_none_or(|status| (400..500).contains(&status));
        assert!(refused, "{label} on {port}: {status:?} to {start:?}");
    }
    for (server, path, method, wanted) in [
        (&web, "/api/chat", "DELETE", 405),
        (&relay, "/v1/messages", "PUT", 405),
        (&web, "/no/such/path", "GET", 404),
        (&relay, "/v1/no-such-call", "POST", 404),
        (&relay, "/v1/prekeys/alice", "GET", 401),
    ] {
        let status = exchange(server.port(), &request(server, method, path, "", b"")).await;
        assert_eq!(status, Some(wanted), "{method} {path}");
    }
    for (server, path) in [(&web, "/api/chat"), (&relay, "/v1/register")] {
        let large = json_request(server, path, &vec![b' '; 3_000_000]);
        assert_eq!(exchange(server.port(), &large).await, Some(413));
    }
    everything_works(&services, Duration::from_secs(20)).await;
    unharmed(&mut services, &before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_never_ends_is_not_waited_for() {
    let services = Services::start().await;
    let (web, relay) = (services.web(), services.relay());
    let unfinished = |server: &Web, path| {
        let mut request = json_request(server, path, &[b' '; 100]);
        request.truncate(request.len() - 90);
        request
    };
    let (to_web, to_relay) = (unfinished(&web, "/api/chat"), unfinished(&relay, "/v1/register"));
    let held = tokio::join!(exchange(web.port(), &to_web), exchange(relay.port(), &to_relay));
    assert_eq!(held, (Some(408), Some(408)));
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_in_a_mailbox_is_counted_and_holds_nothing_up() {
    let mut services = Services::start().await;
    let (web, wire) = (services.web(), services.onlooker().await);
    wire.subscribe("sealed.>").await;
    everything_works(&services, Duration::from_secs(20)).await;
    let genuine = published_to(&wire, &bob());
    assert!(genuine.len() >= 2, "a message and a receipt at least");
    let before = memory(&mut services);
    let dead = web.dead_letters().await.unwrap();

    let mut stored = 0;
    for garbage in garbled_envelopes(&genuine) {
        let id = TransferId::from_bytes(rand::random()).to_string();
        stored += put(&wire, &bob(), &[("Nats-Msg-Id", &id)], &garbage).await;
    }
    for (headers, payload) in [
        (&[][..], &b"no id"[..]),
        (&[("Nats-Msg-Id", "not one of ours")], b"odd id"),
        (&[("X-Strange", &*"x".repeat(3000))], b"odd header"),
        (&[("Nats-Msg-Id", "2"), ("Nats-Time-Stamp", "never")], b"lying header"),
    ] {
        stored += put(&wire, &bob(), headers, payload).await;
    }
    // To the wrong mailbox: nothing that alice could open.
    for message in &genuine {
        stored += put(&wire, &alice(), &[], &message.payload).await;
    }
    assert!(stored > 300, "{stored}");
    eventually("all of it counted", async || {
        (web.dead_letters().await? >= dead + stored).then_some(())
    })
    .await;

    // A copy with its id is stopped by the broker, one with another id by the device.
    for message in &genuine {
        let id = message.header("Nats-Msg-Id").unwrap();
        let same = [("Nats-Msg-Id", id.as_str())];
        let answer = wire.request(&message.subject, &same, &message.payload).await;
        assert_eq!(answer.json()["duplicate"], true);
        for id in ["again", "and again"] {
            let id = format!("{id} {}", rand::random::<u64>());
            put(&wire, &bob(), &[("Nats-Msg-Id", &id)], &message.payload).await;
        }
    }
    let empty = async || (wire.depth(&bob()).await == 0).then_some(());
    eventually("an empty mailbox", empty).await;
    everything_works(&services, Duration::from_secs(5)).await;
    assert_eq!(web.dead_letters().await.unwrap(), dead + stored);
    let texts = web.received("bob").await.unwrap();
    assert_eq!(texts.len(), 2, "a copy was taken for a message");
    unharmed(&mut services, &before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_broker_refuses_what_would_wipe_or_overfill_a_mailbox() {
    let services = Services::start().await;
    let wire = services.onlooker().await;
    let subject = bob().sealed();
    for (headers, payload) in [
        (&[][..], vec![0x11; 200_000]),
        (&[("Nats-Rollup", "all")], b"x".to_vec()),
        (&[("Nats-Rollup", "sub")], b"x".to_vec()),
        (
            &[("Nats-Schedule", "@at 2030-01-01T00:00:00Z"), ("Nats-Schedule-Target", "x")],
            b"x".to_vec(),
        ),
        (&[("Nats-Expected-Stream", "ANOTHER")], b"x".to_vec()),
    ] {
        let answer = wire.request(&subject, headers, &payload).await.json();
        assert!(answer["error"].is_object(), "{headers:?}: {answer}");
    }
    everything_works(&services, Duration::from_secs(20)).await;
    assert_eq!(services.web().dead_letters().await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_to_the_directory_is_answered_with_an_error() {
    let mut services = Services::start().await;
    let wire = services.onlooker().await;
    let before = memory(&mut services);
    let deep = "[".repeat(100_000);
    let registration = json!({
        "identity": "alice", "service_id": "00000000-0000-0000-0000-000000000000", "device_id": 1,
        "registration_id": 0, "identity_key": "AAAA", "transport": "nats", "nonce": "AAAA",
        "signature": "AAAA",
    });
    let another = json!({ "identity": "bob", "device_id": 1 });
    let mut payloads = vec![
        Vec::new(),
        b"{}".to_vec(),
        b"null".to_vec(),
        b"\xff\xfe\x00".to_vec(),
        br#"{"device_id":1e999}"#.to_vec(),
        br#"{"device_id":255}"#.to_vec(),
        deep.into_bytes(),
        vec![b' '; 250_000],
        registration.to_string().into_bytes(),
        another.to_string().into_bytes(),
    ];
    payloads.extend((0..20).map(|length| random(length * 50)));
    for operation in ["challenge", "register", "prekeys", "prekeycount", "certificate"] {
        for payload in &payloads {
            // What says who asks is enough for these, whatever else it says.
            let json: Value = serde_json::from_slice(payload).unwrap_or_default();
            let known = json["device_id"] == 1
                && match operation {
                    "challenge" => json["identity"] == "alice",
                    "prekeycount" | "certificate" => true,
                    _ => false,
                };
            if !known {
                refused(&wire, &format!("relay.v1.alice.{operation}"), payload).await;
            }
        }
    }
    for subject in [
        "relay.v1.alice.bundle.nobody",
        "relay.v1.alice.bundle.Bob!",
        "relay.v1.ALICE.challenge",
        "relay.v1.stranger.certificate",
    ] {
        refused(&wire, subject, br#"{"device_id":1,"identity":"alice"}"#).await;
    }
    // The relay may publish where a requester may not: its answer goes to no mailbox.
    let elsewhere = Mailbox::new("elsewhere".parse().unwrap(), DeviceId::FIRST).sealed();
    wire.subscribe(&elsewhere).await;
    wire.publish("relay.v1.alice.bundle.nobody", Some(&elsewhere), &[], b"{}").await;
    refused(&wire, "relay.v1.alice.bundle.nobody", b"{}").await;
    assert!(wire.seen().iter().all(|seen| seen.subject != elsewhere));
    everything_works(&services, Duration::from_secs(20)).await;
    unharmed(&mut services, &before);
}

/// Chat and direct messages both ways.
async fn everything_works(services: &Services, within: Duration) {
    let web = services.web();
    eventually_within(within, "an answer", async || web.ask("how is it?").await).await;
    for (from, to) in [("alice", "bob"), ("bob", "alice")] {
        let text = format!("to {to}, {}", rand::random::<u64>());
        web.send(from, to, &text).await.unwrap();
        eventually_within(within, "a direct message", async || {
            let received = web.received(to).await?;
            received.iter().any(|(_, known)| *known == text).then_some(())
        })
        .await;
    }
    assert!(services.relay().get("/readyz").await.is_some());
}

const OURS: [Service; 4] = [Service::Relay, Service::Agent, Service::Probe, Service::Web];

fn memory(services: &mut Services) -> Vec<u64> {
    OURS.iter().map(|service| services.process(*service).memory_bytes()).collect()
}

/// Nobody ended, nobody panicked, nobody holds what was thrown at it.
fn unharmed(services: &mut Services, before: &[u64]) {
    let after = memory(services);
    for ((service, before), after) in OURS.iter().zip(before).zip(after) {
        assert!(after < before + GROWTH_MAX, "{service:?} grew from {before} to {after} bytes");
        let process = services.process(*service);
        assert!(process.ended().is_none(), "{service:?} ended");
        let log = process.stderr();
        assert!(!log.contains("panicked"), "{service:?}: {log}");
    }
}

fn random(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    rand::rng().fill(bytes.as_mut_slice());
    bytes
}

fn alice() -> Mailbox {
    Mailbox::new("alice".parse().unwrap(), DeviceId::FIRST)
}

fn bob() -> Mailbox {
    Mailbox::new("bob".parse().unwrap(), DeviceId::FIRST)
}

/// Envelopes as their senders published them.
fn published_to(wire: &RawNats, mailbox: &Mailbox) -> Vec<Captured> {
    let mut seen = wire.seen();
    seen.retain(|seen| {
        let is_delivery = seen.reply.as_ref().is_none_or(|reply| reply.starts_with("$JS.ACK."));
        seen.subject == mailbox.sealed() && !is_delivery
    });
    seen
}

/// Puts bytes into a mailbox; how many messages that makes.
async fn put(wire: &RawNats, mailbox: &Mailbox, headers: &[(&str, &str)], bytes: &[u8]) -> u64 {
    let answer = wire.request(&mailbox.sealed(), headers, bytes).await.json();
    assert!(answer["seq"].is_u64() && answer["duplicate"].is_null(), "{answer}");
    1
}

async fn refused(wire: &RawNats, subject: &str, payload: &[u8]) {
    let answer = wire.request(subject, &[], payload).await;
    let code = answer.header("Nats-Service-Error-Code");
    let code: Option<u16> = code.and_then(|code| code.parse().ok());
    let start = String::from_utf8_lossy(&payload[..payload.len().min(60)]);
    assert!(
        code.is_some_and(|code| (400..500).contains(&code)),
        "{subject} {start:?}: {code:?} {}",
        String::from_utf8_lossy(&answer.payload)
    );
}
