//! What bridges remember of tokens and devices, and that they forget it in time.

use std::time::Duration;

use sysmaint_bus::Registry;
use sysmaint_protocol::rest::{Registered, SendRequest, Transport};

use crate::{
    bridge::Bridge,
    messages::{message, number_of, renumber, shaped},
    person::Person,
    stage::{Stage, eventually},
};

/// Far below the time after which anything is read again without a reason.
const A_MOMENT: Duration = Duration::from_secs(3);

const ANY: &str = "/v1/certificate/delivery";

/// That it is true within a moment, and not only because time heals.
async fn soon(what: &str, ask: impl AsyncFnMut() -> bool) {
    let in_time = tokio::time::timeout(A_MOMENT, eventually(what, ask)).await;
    assert!(in_time.is_ok(), "{what}: not within {A_MOMENT:?}");
}

async fn replace_token(alice: &mut Person, stage: &Stage) -> String {
    let old = alice.token.clone();
    let answer: Registered = alice.register(stage, Transport::Relay).await.into(200);
    alice.take(&answer);
    old
}

/// Two bridges that remember things, which at their start takes a moment.
async fn two_bridges() -> (Stage, Bridge) {
    let stage = Stage::new().await;
    let second = Bridge::beside(&stage).await;
    watching(&stage, &second).await;
    (stage, second)
}

async fn watching(stage: &Stage, second: &Bridge) {
    eventually("both listen for changes", async || {
        let reports = [stage.get("/diagnostics", None).await, second.get("/diagnostics", "").await];
        reports.iter().all(|report| {
            report.status == 200 && report.json()["registry_watched"].as_bool() == Some(true)
        })
    })
    .await;
}

fn to(person: &Person, registration_id: u32) -> SendRequest {
    let messages = vec![message(1, registration_id, shaped(500))];
    SendRequest { to: person.handle().clone(), messages }
}

#[tokio::test]
async fn a_replaced_token_is_worthless_on_every_bridge_within_a_moment() {
    let (stage, second) = two_bridges().await;
    let mut alice = Person::registered(&stage, "alice").await;
    for _ in 0..3 {
        for _ in 0..3 {
            assert_eq!(stage.get(ANY, Some(&alice.token)).await.status, 200);
            assert_eq!(second.get(ANY, &alice.token).await.status, 200);
        }
        let old = replace_token(&mut alice, &stage).await;
        stage.get(ANY, Some(&old)).await.problem(401, "unauthenticated");
        soon("the other bridge hears of it", async || second.get(ANY, &old).await.status == 401)
            .await;
        assert_eq!(second.get(ANY, &alice.token).await.status, 200);
        assert_eq!(stage.get(ANY, Some(&alice.token)).await.status, 200);
    }
    second.end().await;
    stage.end().await;
}

#[tokio::test]
async fn a_fresh_registration_works_at_once_on_every_bridge() {
    let (stage, second) = two_bridges().await;
    let alice = Person::registered(&stage, "alice").await;
    for number in 0..10 {
        let handle = format!("person-{number}");
        let person = Person::new(&stage, &handle);
        let asked = second.post("/v1/messages", &alice.token, &to(&person, 1)).await;
        asked.problem(404, "unknown-identity");
        let person = Person::registered(&stage, &handle).await;
        assert_eq!(second.get(ANY, &person.token).await.status, 200);
        let request = to(&person, number_of(&person));
        assert_eq!(second.post("/v1/messages", &alice.token, &request).await.status, 202);
    }
    second.end().await;
    stage.end().await;
}

#[tokio::test]
async fn devices_that_changed_or_went_are_noticed_by_every_bridge() {
    let (stage, second) = two_bridges().await;
    let alice = Person::registered(&stage, "alice").await;
    let mut bob = Person::registered(&stage, "bob").await;
    let statuses = async |request: &SendRequest| {
        let first = stage.post("/v1/messages", Some(&alice.token), request).await.status;
        [first.as_u16(), second.post("/v1/messages", &alice.token, request).await.status.as_u16()]
    };
    let old = to(&bob, number_of(&bob));
    assert_eq!(statuses(&old).await, [202, 202]);
    renumber(&mut bob, &stage).await;
    soon("the old number is stale", async || statuses(&old).await == [410, 410]).await;
    let new = to(&bob, number_of(&bob));
    assert_eq!(statuses(&new).await, [202, 202]);

    // By whoever else changes the registry.
    let registry = Registry::open(&stage.bus).await.unwrap();
    let (mut identity, revision) = registry.identity(bob.handle()).await.unwrap().unwrap();
    identity.devices.clear();
    registry.update_identity(bob.handle(), &identity, revision).await.unwrap();
    soon("the device is gone", async || statuses(&new).await == [409, 409]).await;
    second.end().await;
    stage.end().await;
}

#[tokio::test]
async fn what_changes_after_an_outage_is_noticed_as_before() {
    let (stage, second) = two_bridges().await;
    let mut alice = Person::registered(&stage, "alice").await;
    assert_eq!(second.get(ANY, &alice.token).await.status, 200);
    stage.restart_server();
    eventually("the outage", async || stage.get("/readyz", None).await.status != 200).await;
    let is_back = async || {
        stage.get(ANY, Some(&alice.token)).await.status == 200
            && second.get(ANY, &alice.token).await.status == 200
    };
    eventually("both bridges are back", is_back).await;
    watching(&stage, &second).await;
    for _ in 0..3 {
        assert_eq!(second.get(ANY, &alice.token).await.status, 200);
        let old = replace_token(&mut alice, &stage).await;
        soon("the other bridge hears of it", async || second.get(ANY, &old).await.status == 401)
            .await;
    }
    second.end().await;
    stage.end().await;
}
