//! NATS away for half a minute: what was accepted meanwhile arrives afterwards, without a hole.

use std::time::{Duration, Instant, SystemTime};

use sysmaint_tests::{Service, Services, Stack};

use crate::{
    evidence::{Evidence, caught_up},
    first_chat::first_chat,
    services_killed::check_stores,
    traffic::{Ledger, Traffic},
};

const OUTAGE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn a_nats_server_that_is_frozen_for_half_a_minute_costs_nothing() {
    let mut stack = Stack::builder().start().await;
    let web = stack.web();
    let traffic = Traffic::start(&web);
    caught_up(&web).await;
    let (from, began) = (Instant::now(), SystemTime::now());
    stack.signal_nats("STOP");
    tokio::time::sleep(OUTAGE).await;
    stack.signal_nats("CONT");
    let (to, ended) = (Instant::now(), SystemTime::now());
    first_chat(&web, "half a minute of a frozen nats-server").await;
    caught_up(&web).await;
    let ledger = traffic.stop().await;
    check_accepted(&ledger, from, to);
    let prompts = ledger.check(3).await;

    assert!(stack.stop().await);
    let passphrase = std::fs::read_to_string(stack.data().join("passphrase")).unwrap();
    for store in ["agent.db", "state.db"] {
        let evidence = Evidence::of(&stack.data(), store, &passphrase).await;
        evidence.check_complete().check_covers(began, ended).check_without_hole();
        if store == "agent.db" {
            evidence.check_answers(prompts);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nats_server_that_is_gone_for_half_a_minute_costs_nothing() {
    let mut services = Services::start().await;
    let web = services.web();
    let traffic = Traffic::start(&web);
    caught_up(&web).await;
    let (from, began) = (Instant::now(), SystemTime::now());
    services.kill(Service::Nats);
    tokio::time::sleep(OUTAGE).await;
    services.launch(Service::Nats);
    let (to, ended) = (Instant::now(), SystemTime::now());
    first_chat(&web, "half a minute without nats-server").await;
    caught_up(&web).await;
    let ledger = traffic.stop().await;
    check_accepted(&ledger, from, to);
    let prompts = ledger.check(3).await;
    for evidence in check_stores(services, prompts).await {
        evidence.check_covers(began, ended).check_without_hole();
    }
}

/// People could go on all the time.
fn check_accepted(ledger: &Ledger, from: Instant, to: Instant) {
    let (messages, prompts) = ledger.accepted_between(from, to);
    eprintln!("accepted during the outage: {messages} messages, {prompts} prompts");
    assert!(messages > 100 && prompts > 20, "{messages} messages, {prompts} prompts");
}
