//! Who asks too often.

use std::{
    num::NonZeroU32,
    time::{Duration, Instant},
};

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use sysmaint_bus::{Directory as _, DirectoryError, NatsDirectory};
use sysmaint_protocol::rest::{SendRequest, Transport};
use sysmaint_relay_bridge::{Config, LimitSettings};

use crate::{
    person::Person,
    stage::{Answer, Stage, answer, eventually},
};

fn number(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

async fn limited(limits: LimitSettings) -> Stage {
    Stage::with(Config { port: 0, limits, ..Config::default() }).await
}

/// As a proxy on this machine passes it on: from loopback, and not from this machine.
fn proxied(stage: &Stage, method: Method, path: &str) -> RequestBuilder {
    stage.request(method, path, None).header("via", "1.1 proxy")
}

#[track_caller]
fn retry_after(answer: &Answer) -> u64 {
    answer.problem(429, "rate-limited");
    answer.header("retry-after").parse().unwrap()
}

#[tokio::test]
async fn a_device_that_sends_too_much_is_told_when_to_go_on() {
    let stage =
        limited(LimitSettings { message_burst: number(3), ..LimitSettings::default() }).await;
    let alice = Person::registered(&stage, "alice").await;
    let bob = Person::registered(&stage, "bob").await;
    let nobody = SendRequest { to: "nobody".parse().unwrap(), messages: Vec::new() };
    for _ in 0..3 {
        let sent = stage.post("/v1/messages", Some(&alice.token), &nobody).await;
        sent.problem(404, "unknown-identity");
    }
    // Refused before the body is looked at.
    let refused = stage.post("/v1/messages", Some(&alice.token), &Value::Null).await;
    assert_eq!(retry_after(&refused), 1);
    let sent = stage.post("/v1/messages", Some(&bob.token), &nobody).await;
    sent.problem(404, "unknown-identity");
    // What a device may call besides is not affected.
    stage.get("/v1/prekeys/count", Some(&alice.token)).await.into::<Value>(200);
    eventually("the next second", async || {
        stage.post("/v1/messages", Some(&alice.token), &nobody).await.status == 404
    })
    .await;
    assert!(stage.rejects("messages_rate_limited").await >= 1);
    stage.end().await;
}

#[tokio::test]
async fn bundles_are_limited_by_who_asks_for_whose_over_http_and_nats_together() {
    let stage = Stage::new().await;
    let alice = Person::registered(&stage, "alice").await;
    let bob = Person::registered(&stage, "bob").await;
    let late = Person::registered(&stage, "late").await;
    let carol = Person::ready(&stage, "carol").await;
    let directory = NatsDirectory::new(stage.bus_of("alice").await);

    // Whoever waits for a peer to start asks often, and gets nothing that is limited.
    for _ in 0..8 {
        stage.get("/v1/prekeys/late", Some(&alice.token)).await.problem(404, "no-prekeys");
    }
    for _ in 0..3 {
        alice.bundle_of(&stage, "carol").await;
        directory.bundle(alice.handle(), carol.handle()).await.unwrap();
    }
    let refused = stage.get("/v1/prekeys/carol", Some(&alice.token)).await;
    assert!((90..=100).contains(&retry_after(&refused)), "{refused:?}");
    let refused = directory.bundle(alice.handle(), carol.handle()).await.unwrap_err();
    let DirectoryError::Refused(problem) = refused else { panic!("{refused}") };
    assert_eq!((problem.status, problem.kind.as_str()), (429, "urn:sysmaint:rate-limited"));

    bob.bundle_of(&stage, "carol").await;
    let counts: Value = stage.get("/v1/prekeys/count", Some(&carol.token)).await.into(200);
    assert_eq!(counts["one_time_prekeys"], 93, "a refused fetch takes nothing");
    assert_eq!(stage.rejects("bundles_rate_limited").await, 2);
    drop(late);
    stage.end().await;
}

#[tokio::test]
async fn registrations_from_elsewhere_are_limited_by_address() {
    let stage = Stage::new().await;
    let person = Person::new(&stage, "alice");
    let request = json!({ "identity": "alice", "device_id": 1 });
    let registration = person.signed(&person.challenge(&stage).await, Transport::Relay);
    // The nonce is good for one of them; the others count all the same.
    for kind in ["code-required"].into_iter().chain(["challenge-spent"; 5]) {
        let asked = proxied(&stage, Method::POST, "/v1/register/challenge").json(&request);
        assert_eq!(answer(asked).await.status, 200);
        let asked = proxied(&stage, Method::POST, "/v1/register").json(&registration);
        answer(asked).await.problem(403, kind);
    }
    for (path, body) in [
        ("/v1/register/challenge", request),
        ("/v1/register", serde_json::to_value(&registration).unwrap()),
    ] {
        let refused = answer(proxied(&stage, Method::POST, path).json(&body)).await;
        assert!((28..=30).contains(&retry_after(&refused)), "{refused:?}");
    }
    // A process on this machine is not meant.
    let _token = Person::registered(&stage, "bob").await;
    assert_eq!(stage.rejects("registrations_rate_limited").await, 2);
    stage.end().await;
}

#[tokio::test]
async fn cheap_calls_have_an_end_too() {
    let stage =
        limited(LimitSettings { requests_per_s: number(1), ..LimitSettings::default() }).await;
    let alice = Person::registered(&stage, "alice").await;
    let mut refused = 0;
    let limited = async || {
        let asked = proxied(&stage, Method::GET, "/v1/certificate/delivery").bearer_auth("wrong");
        let status = answer(asked).await.status.as_u16();
        refused += u32::from(status == 401);
        status == 429
    };
    eventually("the limit of an address", limited).await;
    assert!((10..30).contains(&refused), "{refused}");
    eventually("the same for other calls", async || {
        let health = answer(proxied(&stage, Method::GET, "/livez")).await;
        health.status == 429 && retry_after(&health) >= 1
    })
    .await;

    // Another account: the device's own, and again ten at once.
    let asked = async || stage.get("/v1/prekeys/count", Some(&alice.token)).await;
    let mut taken = 0;
    eventually("the device's limit", async || {
        let is_taken = asked().await.status == 200;
        taken += u32::from(is_taken);
        !is_taken
    })
    .await;
    assert!((10..30).contains(&taken), "{taken}");
    // This machine itself is never refused, or nobody could find out why.
    for _ in 0..30 {
        assert_eq!(stage.get("/readyz", None).await.status, 200);
    }
    assert!(stage.rejects("calls_rate_limited").await >= 3);
    stage.end().await;
}

#[tokio::test]
async fn who_goes_on_while_refused_is_answered_late() {
    let stage =
        limited(LimitSettings { message_burst: number(1), ..LimitSettings::default() }).await;
    let alice = Person::registered(&stage, "alice").await;
    eventually("a late refusal", async || {
        let started = Instant::now();
        let answer = stage.post("/v1/messages", Some(&alice.token), &Value::Null).await;
        answer.status == 429 && started.elapsed() > Duration::from_millis(990)
    })
    .await;
    stage.end().await;
}

#[tokio::test]
async fn diagnostics_show_what_is_set() {
    let stage = limited(LimitSettings {
        messages_per_s: number(7),
        prekey_fetches: number(8),
        ..LimitSettings::default()
    })
    .await;
    let report = stage.get("/diagnostics", None).await.json();
    let wanted = json!({
        "message_burst": 60, "messages_per_s": 7, "prekey_fetches_per_10_min": 8,
        "registrations_per_3_min": 6, "requests_per_s": 20,
    });
    assert_eq!(report["rates"], wanted);
    stage.end().await;
}
