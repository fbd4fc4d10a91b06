//! Garbage on every way in: it is refused or counted, and everything works afterwards.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::time::Duration;

use futures_util::future::join_all;
use rand::Rng as _;
use serde_json::{Value, json};
use sysmaint_protocol::{DeviceId, TransferId, subject::Mailbox};
use sysmaint_tests::{
    Captured, RawNats, Service, Services, Web, eventually, eventually_within, exchange,
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

type Attempt = (u16, &'static str, Vec<u8>);

/// Bytes that are no request, or hardly one.
fn garbled_requests(server: &Web) -> Vec<Attempt> {
    let (port, host) = (server.port(), format!("localhost:{}", server.port()));
    let get = |headers: &str| request(server, "GET", "/", headers, b"");
    let mut all = vec![
        ("tls", [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], &random(500)].concat()),
        (
            "http/2",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00".to_vec(),
        ),
        ("no version", format!("GET /\r\nhost: {host}\r\n\r\n").into_bytes()),
        ("odd version", format!("GET / HTTP/9.9\r\nhost: {host}\r\n\r\n").into_bytes()),
        ("long path", request(server, "GET", &format!("/{}", "a".repeat(100_000)), "", b"")),
        ("large header", get(&format!("x-large: {}\r\n", "x".repeat(1_000_000)))),
        ("many headers", get(&"x-many: x\r\n".repeat(10_000))),
        ("nul in header", get("x-nul: \0\r\n")),
        ("no colon", get("nonsense\r\n")),
        ("odd length", get("content-length: abc\r\n")),
        ("negative length", get("content-length: -1\r\n")),
        ("two lengths", get("content-length: 1\r\ncontent-length: 2\r\n")),
        ("odd coding", get("transfer-encoding: nonsense\r\n")),
        ("another host", b"GET /api/chat HTTP/1.1\r\nhost: evil.example\r\n\r\n".to_vec()),
    ];
    for method in ["DELETE", "PATCH", "TRACE", "NONSENSE", "get"] {
        all.push((method, request(server, method, "/health", "", b"")));
    }
    all.extend((0..20).map(|_| {
        let mut bytes = random(2000);
        bytes.extend_from_slice(b"\r\n\r\n");
        ("random bytes", bytes)
    }));
    all.into_iter().map(|(label, bytes)| (port, label, bytes)).collect()
}

/// Bodies that no call takes.
fn garbled_bodies(server: &Web, path: &str) -> Vec<Attempt> {
    let deep = |open: &str| format!(r#"{{"prompt":{}"#, open.repeat(200_000)).into_bytes();
    let mut bodies = vec![
        ("no json", b"hello".to_vec()),
        ("deep lists", deep("[")),
        ("deep objects", deep(r#"{"a":"#)),
        ("invalid utf-8", b"{\"prompt\":\"\xff\xfe\"}".to_vec()),
        ("half a pair", br#"{"prompt":"\ud800"}"#.to_vec()),
        ("wrong types", br#"{"prompt":[1],"identity":{},"to":1,"messages":"x"}"#.to_vec()),
        ("infinite number", br#"{"prompt":1e999,"device_id":1e999}"#.to_vec()),
        ("unknown field", br#"{"nonsense":1}"#.to_vec()),
        ("a list", b"[1]".to_vec()),
        ("large", vec![b'['; 10_000_000]),
    ];
    bodies.extend((0..5).map(|_| ("random body", random(3000))));
    let mut all: Vec<_> = bodies
        .into_iter()
        .map(|(label, body)| (server.port(), label, json_request(server, path, &body)))
        .collect();
    let chunked = "content-type: application/json\r\ntransfer-encoding: chunked\r\n";
    let odd = [request(server, "POST", path, chunked, b"zz\r\nnonsense\r\n0\r\n\r\n")];
    let form = "content-type: application/x-www-form-urlencoded\r\ncontent-length: 8\r\n";
    all.extend(odd.map(|bytes| (server.port(), "odd chunk", bytes)));
    all.push((server.port(), "form", request(server, "POST", path, form, b"prompt=x")));
    all
}

/// Paths and queries that lead nowhere.
fn wrong_addresses(web: &Web, relay: &Web) -> Vec<Attempt> {
    let at_web = [
        "/assets/../../../../etc/passwd",
        "/assets/..%2f..%2f..%2fetc%2fpasswd",
        "/assets/%2e%2e/%2e%2e/state.db",
        "/..%2f..%2fetc/passwd",
        "//etc/passwd",
        "/api/chat/not-an-id",
        "/api/chat/%ff%00",
        "/api/e2ee/pull?as=%ff&after=0",
        "/api/e2ee/pull?as=bob&after=-1",
        "/api/e2ee/pull?as=carol&after=0",
        "/api/status/history?host=..%2f..&range=1h",
        "/api/status/history?host=diagprobe&range=9y",
    ];
    let at_relay = ["/v1/prekeys/..%2f..", "/v1/prekeys/%ff", "/v1/prekeys/A%20B", "/v1/../etc"];
    let attempt = |server: &Web, path: &str| {
        (server.port(), "address", request(server, "GET", path, "authorization: Bearer x\r\n", b""))
    };
    let all = at_web.iter().map(|path| attempt(web, path));
    all.chain(at_relay.iter().map(|path| attempt(relay, path))).collect()
}

fn request(server: &Web, method: &str, path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let port = server.port();
    let head = format!("{method} {path} HTTP/1.1\r\nhost: localhost:{port}\r\n{headers}\r\n");
    [head.as_bytes(), body].concat()
}

fn json_request(server: &Web, path: &str, body: &[u8]) -> Vec<u8> {
    let headers = format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len());
    request(server, "POST", path, &headers, body)
}

/// What is no envelope, what only looks like one, and genuine ones that were tampered with.
fn garbled_envelopes(genuine: &[Captured]) -> Vec<Vec<u8>> {
    let mut all = vec![Vec::new(), vec![0x11], vec![0; 90_000], shaped(256), shaped(90_000)];
    all.extend((0..100).map(|length| random(length * 7)));
    all.extend((0..100).map(|length| shaped(256 + length * 13)));
    for message in genuine {
        let whole = &message.payload;
        all.extend((1..30).map(|part| whole[..whole.len() * part / 30].to_vec()));
        all.extend((0..30).map(|part| {
            let mut tampered = whole.clone();
            tampered[whole.len() * part / 30] ^= 1 << (part % 8);
            tampered
        }));
        all.push([whole.as_slice(), b"more"].concat());
    }
    all
}

/// Random bytes in the shape of an envelope.
fn shaped(message: usize) -> Vec<u8> {
    let low = |shift: usize| u8::try_from(message >> shift & 0x7f).unwrap();
    let mut bytes = vec![0x11, 0x0a, 33, 0x05];
    bytes.extend(random(32));
    bytes.extend_from_slice(&[0x12, 43]);
    bytes.extend(random(43));
    bytes.extend_from_slice(&[0x1a, low(0) | 0x80, low(7) | 0x80, low(14)]);
    bytes.extend(random(message));
    bytes
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
