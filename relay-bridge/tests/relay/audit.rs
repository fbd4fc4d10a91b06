//! What a bridge writes down, and what it leaves with the broker.

use serde_json::json;
use sysmaint_protocol::{
    audit::Digest,
    rest::{Registered, Transport},
};
use sysmaint_relay_bridge::{Config, bind, run};
use sysmaint_store::audit::{AuditEvent, AuditFile, AuditRow, Outcome, Verification, digest};
use tokio_util::sync::CancellationToken;

use crate::{
    messages::{message, number_of, send, shaped},
    person::Person,
    stage::{Stage, eventually, open_audit, parts, passphrase},
};

fn rows(file: &AuditFile) -> Vec<AuditRow> {
    let mut rows = Vec::new();
    file.rows(|row| rows.push(row.unwrap())).unwrap();
    rows
}

fn events(file: &AuditFile) -> Vec<AuditEvent> {
    rows(file).iter().map(|row| row.event().unwrap()).collect()
}

/// Checks a file against the broker, as `sysmaint audit verify` does.
async fn verified(stage: &Stage, name: &str) -> Outcome {
    let open = || AuditFile::open(&stage.audit_path(name), &passphrase()).unwrap();
    let anchors = stage.bus.anchors(&open().chain().bridge).await.unwrap();
    let file = open();
    let mut verification = Verification::new(file.chain(), Some(anchors));
    file.rows(|row| verification.row(row)).unwrap();
    verification.finish()
}

#[tokio::test]
async fn traffic_between_two_people_leaves_no_row_that_names_both_and_nothing_of_what_was_said() {
    let mut stage = Stage::new().await;
    let alice = Person::ready(&stage, "alice-the-sender").await;
    let bob = Person::ready(&stage, "bob-the-recipient").await;
    alice.bundle_of(&stage, "bob-the-recipient").await;
    let envelope = shaped(700);
    let sent = vec![message(1, number_of(&bob), envelope.clone())];
    assert_eq!(send(&stage, &alice, "bob-the-recipient", sent).await.status, 202);
    stage.stop_relay().await;

    let file = stage.audit();
    for row in rows(&file) {
        let has = |needle: &[u8]| row.fields.windows(needle.len()).any(|bytes| bytes == needle);
        let names = [b"alice-the-sender".as_slice(), b"bob-the-recipient"].map(has);
        assert!(names != [true, true], "{row:?}");
        assert!(!envelope.windows(16).any(has), "{row:?}");
        if matches!(row.event().unwrap(), AuditEvent::EnvelopeAccepted { .. }) {
            assert_eq!(names, [false, false], "{row:?}");
            assert_eq!(row.fields.len(), 32, "a digest and nothing else");
        }
    }
    let events = events(&file);
    let accepted = AuditEvent::EnvelopeAccepted { digest: digest(&envelope) };
    assert_eq!(events.iter().filter(|event| **event == accepted).count(), 1);
    let place = |wanted: &AuditEvent| events.iter().position(|event| event == wanted).unwrap();
    let fetched = events.iter().position(
        |event| matches!(event, AuditEvent::BundleFetched { target, .. } if target == bob.handle()),
    );
    assert!(fetched.unwrap() > place(&accepted), "it was held back until the end");
    assert!(place(&AuditEvent::registered(&alice.mailbox(), true)) < place(&accepted));
    for event in [
        AuditEvent::certified(&alice.mailbox()),
        AuditEvent::uploaded(&bob.mailbox(), 100, 100),
        AuditEvent::BridgeStopped,
    ] {
        assert!(events.contains(&event), "{event:?}");
    }
    stage.end().await;
}

#[tokio::test]
async fn the_same_requester_is_recognised_within_a_day() {
    let mut stage = Stage::new().await;
    let alice = Person::ready(&stage, "alice").await;
    let bob = Person::ready(&stage, "bob").await;
    for person in [&alice, &alice, &bob] {
        person.bundle_of(&stage, "bob").await;
    }
    stage.stop_relay().await;
    let mut requesters: Vec<Digest> = events(&stage.audit())
        .into_iter()
        .filter_map(|event| match event {
            AuditEvent::BundleFetched { requester, .. } => Some(requester),
            _ => None,
        })
        .collect();
    assert_eq!(requesters.len(), 3);
    requesters.sort();
    requesters.dedup();
    assert_eq!(requesters.len(), 2);
    stage.end().await;
}

#[tokio::test]
async fn a_registration_is_on_the_disk_before_it_is_answered() {
    let stage = Stage::new().await;
    let alice = Person::registered(&stage, "alice").await;
    let own = alice.mailbox();
    assert!(events(&stage.audit()).contains(&AuditEvent::registered(&own, true)));
    let _again: Registered = alice.register(&stage, Transport::Relay).await.into(200);
    let events = events(&stage.audit());
    assert!(events.contains(&AuditEvent::registered(&own, false)));
    assert!(events.contains(&AuditEvent::rotated(&own)));
    stage.end().await;
}

#[tokio::test]
async fn every_bridge_anchors_a_chain_of_its_own_at_start_and_stop() {
    let mut stage = Stage::new().await;
    let config = Config { port: 0, ..Config::default() };
    let listener = bind(&config).await.unwrap();
    let stop = CancellationToken::new();
    let audit = open_audit(&stage.audit_path("second.db"));
    let parts = parts(listener, &stage.bus, &stage.authority, audit);
    let second = tokio::spawn(run(config, parts, stop.clone()));
    let bridge = stage.audit().chain().bridge;
    let anchors = async || stage.bus.anchors(&bridge).await.unwrap();
    eventually("the first anchor", async || !anchors().await.is_empty()).await;
    let _alice = Person::registered(&stage, "alice").await;
    stop.cancel();
    second.await.unwrap().unwrap();
    stage.stop_relay().await;

    let first = verified(&stage, "relay.db").await;
    assert!(first.is_sound(), "{first:?}");
    assert_eq!(first.anchors, Some(2));
    assert_eq!(first.confirmed_through, Some(first.last - 1), "all but the row of the anchor");
    let other = verified(&stage, "second.db").await;
    assert!(other.is_sound(), "{other:?}");
    assert_ne!(first.bridge, other.bridge);
    stage.end().await;
}

#[tokio::test]
async fn operators_see_how_the_audit_is_doing() {
    let stage = Stage::new().await;
    let _alice = Person::registered(&stage, "alice").await;
    let audit = async || stage.get("/diagnostics", None).await.json()["audit"].clone();
    eventually("an anchor", async || audit().await["last_anchor"]["time"].is_string()).await;
    let audit = audit().await;
    assert_eq!(audit["bridge"], stage.audit().chain().bridge.to_string());
    assert!(audit["rows"].as_u64().unwrap() >= 3, "{audit}");
    assert_eq!(audit["rows"], audit["last_sequence"]);
    for (member, value) in
        [("failing", json!(false)), ("unrecorded", json!(0)), ("first_sequence", json!(1))]
    {
        assert_eq!(audit[member], value, "{audit}");
    }
    let health = stage.get("/readyz", None).await.json();
    assert_eq!(health["checks"]["audit"], "ok");
    stage.end().await;
}
