//! Who gets which handle.

use std::net::{IpAddr, Ipv4Addr};

use sysmaint_bus::{Directory as _, NatsDirectory};
use sysmaint_protocol::rest::{DeliveryCertificate, Registered, Transport};
use sysmaint_relay_bridge::Config;

use crate::{
    person::Person,
    stage::{Stage, answer, mailbox},
};

#[tokio::test]
async fn a_device_registers_and_comes_back_for_a_new_token() {
    let stage = Stage::new().await;
    let mut alice = Person::new(&stage, "alice");
    let first: Registered = alice.register(&stage, Transport::Relay).await.into(201);
    assert_eq!(first.trust_root.0, stage.authority.trust_root());
    alice.take(&first);
    let old = alice.token.clone();
    assert_eq!(stage.get("/v1/prekeys/count", Some(&old)).await.status, 200);

    let again: Registered = alice.register(&stage, Transport::Relay).await.into(200);
    alice.take(&again);
    assert_ne!(alice.token, old);
    assert_eq!(stage.get("/v1/prekeys/count", Some(&alice.token)).await.status, 200);
    stage.get("/v1/prekeys/count", Some(&old)).await.problem(401, "unauthenticated");
    stage.end().await;
}

#[tokio::test]
async fn a_handle_stays_with_its_first_key() {
    let stage = Stage::new().await;
    Person::registered(&stage, "alice").await;
    let impostor = Person::new(&stage, "alice");
    impostor.register(&stage, Transport::Relay).await.problem(409, "handle-taken");

    let mut moved = Person::registered(&stage, "bob").await;
    moved.register(&stage, Transport::Nats).await.problem(409, "transport-fixed");
    let renewed = stage.get("/v1/certificate/delivery", Some(&moved.token)).await.into(200);
    moved.device.renew_certificate(&mut moved.store, &renewed).unwrap();
    stage.end().await;
}

#[tokio::test]
async fn of_two_that_race_for_a_handle_one_gets_it() {
    let stage = Stage::new().await;
    let racers: Vec<_> = (0..8).map(|_| Person::new(&stage, "alice")).collect();
    let attempts = racers.iter().map(|racer| racer.register(&stage, Transport::Relay));
    let mut statuses: Vec<_> =
        futures_util::future::join_all(attempts).await.iter().map(|answer| answer.status).collect();
    statuses.sort();
    assert_eq!(statuses[0], 201);
    assert!(statuses[1..].iter().all(|status| *status == 409), "{statuses:?}");
    stage.end().await;
}

#[tokio::test]
async fn a_wrong_signature_is_refused_and_spends_nothing() {
    let stage = Stage::new().await;
    let alice = Person::new(&stage, "alice");
    let good = alice.signed(&alice.challenge(&stage).await, Transport::Relay);
    let mut flipped = good.clone();
    flipped.signature.0[5] ^= 1;
    let mut other_id = good.clone();
    other_id.registration_id = good.registration_id % 1000 + 1;
    let mut other_handle = good.clone();
    other_handle.identity = "mallory".parse().unwrap();
    for wrong in [flipped, other_id, other_handle] {
        stage.post("/v1/register", None, &wrong).await.problem(403, "wrong-signature");
    }
    let mut weak = good.clone();
    weak.identity_key.0 = [&[5][..], &[0; 32]].concat();
    stage.post("/v1/register", None, &weak).await.problem(422, "invalid-registration");
    let _registered: Registered = stage.post("/v1/register", None, &good).await.into(201);
    stage.end().await;
}

#[tokio::test]
async fn a_nonce_is_good_once_and_for_its_own_device() {
    let stage = Stage::new().await;
    let alice = Person::new(&stage, "alice");
    let request = alice.signed(&alice.challenge(&stage).await, Transport::Relay);
    let _registered: Registered = stage.post("/v1/register", None, &request).await.into(201);
    stage.post("/v1/register", None, &request).await.problem(403, "challenge-spent");

    let bob = Person::new(&stage, "bob");
    let stolen = bob.signed(&alice.challenge(&stage).await, Transport::Relay);
    stage.post("/v1/register", None, &stolen).await.problem(403, "challenge-spent");

    let mut invented = alice.challenge(&stage).await;
    invented.nonce.0 = vec![7; 32];
    let invented = bob.signed(&invented, Transport::Relay);
    stage.post("/v1/register", None, &invented).await.problem(403, "challenge-spent");
    stage.end().await;
}

#[tokio::test]
async fn of_two_that_spend_a_nonce_at_once_one_succeeds() {
    let stage = Stage::new().await;
    let alice = Person::new(&stage, "alice");
    let request = alice.signed(&alice.challenge(&stage).await, Transport::Relay);
    let tries = (0..6).map(|_| stage.post("/v1/register", None, &request));
    let answers = futures_util::future::join_all(tries).await;
    let taken = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(taken, 1);
    for refused in answers.iter().filter(|answer| answer.status != 201) {
        refused.problem(403, "challenge-spent");
    }
    stage.end().await;
}

#[tokio::test]
async fn beyond_loopback_only_the_broker_vouches_for_a_stranger() {
    let open = Config { port: 0, bind: IpAddr::V4(Ipv4Addr::UNSPECIFIED), ..Config::default() };
    let stage = Stage::with(open).await;
    let mut alice = Person::new(&stage, "alice");
    alice.register(&stage, Transport::Relay).await.problem(403, "code-required");

    let bus = stage.bus_of("alice").await;
    let directory = NatsDirectory::new(bus);
    let challenge = directory.challenge(&mailbox("alice")).await.unwrap();
    let registered = directory.register(&alice.signed(&challenge, Transport::Nats)).await.unwrap();
    assert!(registered.token.is_none());
    alice.device.complete_registration(&mut alice.store, &registered).unwrap();
    let certificate: DeliveryCertificate = directory.certificate(&mailbox("alice")).await.unwrap();
    alice.device.renew_certificate(&mut alice.store, &certificate).unwrap();
    stage.end().await;
}

#[tokio::test]
async fn a_registration_through_a_proxy_is_not_from_this_machine() {
    let stage = Stage::new().await;
    let alice = Person::new(&stage, "alice");
    for (name, value) in [("x-forwarded-for", "10.0.0.7"), ("host", "relay.example")] {
        let request = alice.signed(&alice.challenge(&stage).await, Transport::Relay);
        let proxied = stage.request(reqwest::Method::POST, "/v1/register", None);
        let proxied = proxied.header(name, value).json(&request);
        answer(proxied).await.problem(403, "code-required");
    }
    stage.end().await;
}
