//! One-time codes.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use secrecy::ExposeSecret as _;
use sysmaint_protocol::rest::{Registered, Transport};
use sysmaint_relay_bridge::{Config, Invitation};

use crate::{
    person::Person,
    stage::{Answer, Stage},
};

const DAY: Duration = Duration::from_hours(24);

/// A relay that other machines can reach.
async fn open() -> Stage {
    let bind = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    Stage::with(Config { port: 0, bind, ..Config::default() }).await
}

async fn code(stage: &Stage, handle: Option<&str>, uses: u32, lives: Duration) -> String {
    let handle = handle.map(|handle| handle.parse().unwrap());
    let code = Invitation { handle, uses, lives }.issue(&stage.bus).await.unwrap();
    code.expose_secret().to_owned()
}

async fn register(stage: &Stage, person: &Person, code: Option<&str>) -> Answer {
    let mut request = person.signed(&person.challenge(stage).await, Transport::Relay);
    request.code = code.map(str::to_owned);
    stage.post("/v1/register", None, &request).await
}

#[tokio::test]
async fn a_code_lets_one_device_in_and_its_key_lets_it_in_again() {
    let stage = open().await;
    let (alice, bob) = (Person::new(&stage, "alice"), Person::new(&stage, "bob"));
    register(&stage, &alice, None).await.problem(403, "code-required");
    let code = code(&stage, None, 1, DAY).await;
    let _first: Registered = register(&stage, &alice, Some(&code)).await.into(201);
    register(&stage, &bob, Some(&code)).await.problem(403, "code-refused");
    // With the code, as after a crash, and without it.
    let _again: Registered = register(&stage, &alice, Some(&code)).await.into(200);
    let _again: Registered = register(&stage, &alice, None).await.into(200);
    stage.end().await;
}

#[tokio::test]
async fn wrong_and_expired_codes_and_those_for_others_are_refused() {
    let stage = open().await;
    let alice = Person::new(&stage, "alice");
    let expired = code(&stage, None, 1, Duration::ZERO).await;
    let for_bob = code(&stage, Some("bob"), 1, DAY).await;
    let long = "a".repeat(4000);
    for wrong in ["", "*", ">", "0", &"0".repeat(32), &long, &expired, &for_bob] {
        register(&stage, &alice, Some(wrong)).await.problem(403, "code-refused");
    }
    let bob = Person::new(&stage, "bob");
    let _bound: Registered = register(&stage, &bob, Some(&for_bob)).await.into(201);
    stage.end().await;
}

#[tokio::test]
async fn of_many_that_race_for_a_code_as_many_get_in_as_it_has_uses() {
    let stage = open().await;
    let code = code(&stage, None, 2, DAY).await;
    let racers: Vec<_> =
        (0..8).map(|number| Person::new(&stage, &format!("racer{number}"))).collect();
    let attempts = racers.iter().map(|racer| register(&stage, racer, Some(&code)));
    let answers = futures_util::future::join_all(attempts).await;
    let admitted = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(admitted, 2);
    for refused in answers.iter().filter(|answer| answer.status != 201) {
        refused.problem(403, "code-refused");
    }
    stage.end().await;
}

#[tokio::test]
async fn a_code_is_not_spent_on_a_handle_that_is_taken() {
    let stage = open().await;
    let (first, second) = (code(&stage, None, 1, DAY).await, code(&stage, None, 1, DAY).await);
    let alice = Person::new(&stage, "alice");
    let _registered: Registered = register(&stage, &alice, Some(&first)).await.into(201);
    let impostor = Person::new(&stage, "alice");
    register(&stage, &impostor, Some(&second)).await.problem(409, "handle-taken");
    // Who has no code is not told that it is taken.
    register(&stage, &impostor, None).await.problem(403, "code-required");
    let bob = Person::new(&stage, "bob");
    let _registered: Registered = register(&stage, &bob, Some(&second)).await.into(201);
    stage.end().await;
}

#[tokio::test]
async fn a_code_goes_with_the_handle_that_was_raced_for_and_lost() {
    let stage = open().await;
    let code = code(&stage, None, 2, DAY).await;
    let racers: Vec<_> = (0..4).map(|_| Person::new(&stage, "alice")).collect();
    let attempts = racers.iter().map(|racer| register(&stage, racer, Some(&code)));
    let answers = futures_util::future::join_all(attempts).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    // What the losers had claimed was given back.
    let bob = Person::new(&stage, "bob");
    let _registered: Registered = register(&stage, &bob, Some(&code)).await.into(201);
    stage.end().await;
}
