//! `kill -9` of `sysmaint up`, of its nats-server, and of a very first start.

use sysmaint_tests::{Stack, eventually};

use crate::{
    evidence::{Evidence, caught_up},
    first_chat::first_chat,
    random::Moments,
    traffic::Traffic,
};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_accepted_survives_five_kills_of_up_and_arrives_once() {
    let mut moments = Moments::new("kills of up");
    let mut stack = Stack::builder().start().await;
    let web = stack.web();
    let server = stack.nats_pid();
    let traffic = Traffic::start(&web);
    for round in 1..=3 {
        moments.pass(200..3000).await;
        stack.kill();
        if round < 3 {
            // And once more while it is coming up.
            stack.relaunch();
            moments.pass(20..2500).await;
            stack.kill();
        }
        stack.relaunch();
        first_chat(&web, &format!("kill -9 of up, round {round}")).await;
        assert_eq!(stack.nats_pid(), server, "the surviving nats-server was not adopted");
    }
    caught_up(&web).await;
    let ledger = traffic.stop().await;
    let prompts = ledger.check(3).await;
    check_stores(&mut stack, prompts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_accepted_survives_kills_of_nats_server_and_arrives_once() {
    let mut moments = Moments::new("kills of nats-server");
    let mut stack = Stack::builder().start().await;
    let web = stack.web();
    let traffic = Traffic::start(&web);
    for round in 1..=3 {
        moments.pass(200..3000).await;
        let before = stack.nats_pid();
        stack.kill_nats();
        first_chat(&web, &format!("kill -9 of nats-server, round {round}")).await;
        eventually("another nats-server", async || (stack.nats_pid() != before).then_some(()))
            .await;
    }
    caught_up(&web).await;
    let ledger = traffic.stop().await;
    let prompts = ledger.check(3).await;
    for evidence in check_stores(&mut stack, prompts).await {
        evidence.check_without_hole();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_start_that_is_killed_does_not_hinder_the_next() {
    let mut moments = Moments::new("kills of a first start");
    let mut stack = Stack::builder().launch();
    for _ in 0..8 {
        moments.pass(10..1200).await;
        stack.kill();
        stack.relaunch();
    }
    stack.ready().await;
    let web = stack.web();
    first_chat(&web, "eight killed first starts").await;
    caught_up(&web).await;
    let link = web.get("/api/status/link").await.unwrap();
    assert_eq!(link["dead_letters"], 0, "{link}");
}

/// Stops everything and looks into the stores; returns the agent's view and alice's.
async fn check_stores(stack: &mut Stack, prompts: usize) -> [Evidence; 2] {
    let link = stack.web().get("/api/status/link").await.unwrap();
    assert_eq!(link["dead_letters"], 0, "{link}");
    assert!(stack.stop().await);
    let passphrase = std::fs::read_to_string(stack.data().join("passphrase")).unwrap();
    let agent = Evidence::of(&stack.data(), "agent.db", &passphrase).await;
    agent.check_complete().check_answers(prompts);
    let alice = Evidence::of(&stack.data(), "state.db", &passphrase).await;
    alice.check_complete();
    [agent, alice]
}
