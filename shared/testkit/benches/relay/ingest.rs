//! `POST /v1/messages` beside publishing without a relay.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use tokio::task::JoinSet;

use crate::{
    connection::Connection,
    mail::{AT_MOST, Mail},
    measured::{Measured, Round},
    raw::Raw,
    stage::{Stage, UNLIMITED},
};

const ROUNDS: usize = 7;
const GOAL: &str = "goal at 64: at least 0.70";

pub(crate) async fn run(durability: &str) -> Vec<String> {
    let stage = Stage::start(durability, 1, &UNLIMITED).await;
    let mail = Mail::new(&stage).await;
    let raw = Raw::connect(&stage).await;
    let mut lines = Vec::new();
    let [mut of_server, mut of_bridge] = [Duration::ZERO; 2];
    let mut messages = 0;
    for (in_flight, count) in [(1, 500), (64, 6000), (512, 6000)] {
        let (mut ours, mut bound) = (Measured::default(), Measured::default());
        // The first round warms up.
        for round in 0..=ROUNDS {
            let publish = raw.publish(mail.letters(count.min(AT_MOST)), in_flight).await;
            mail.clear().await;
            let before = stage.used();
            let send = send(stage.relay(0), mail.requests(count.min(AT_MOST)), in_flight).await;
            let after = stage.used();
            of_server += after[0].saturating_sub(before[0]);
            of_bridge += after[1].saturating_sub(before[1]);
            messages += send.each.len();
            mail.clear().await;
            if round > 0 {
                bound.add(publish);
                ours.add(send);
            }
        }
        println!("ingest over HTTP, {durability}, {in_flight} in flight: {ours}");
        println!("async-nats publish, {durability}, {in_flight} in flight: {bound}");
        let ratio = ours.per_second() / bound.per_second();
        lines.push(format!(
            "throughput: ingest over HTTP, {durability}, {in_flight} in flight / async-nats \
             publish = {ratio:.2} ({ours} against {bound}; {GOAL})"
        ));
    }
    let each = |used: Duration| used.as_micros() / messages as u128;
    lines.push(format!(
        "processor time of a message over HTTP, {durability}: {} µs in the bridge, {} µs in \
         nats-server",
        each(of_bridge),
        each(of_server)
    ));
    lines
}

/// Sends them all over so many connections.
pub(crate) async fn send(relay: SocketAddr, requests: Vec<Vec<u8>>, in_flight: usize) -> Round {
    let mut hands = Vec::with_capacity(in_flight);
    for _ in 0..in_flight {
        hands.push((Connection::open(relay).await, Vec::new()));
    }
    for (number, request) in requests.into_iter().enumerate() {
        hands[number % in_flight].1.push(request);
    }
    let (mut tasks, started) = (JoinSet::new(), Instant::now());
    for (mut connection, requests) in hands {
        tasks.spawn(async move {
            let mut each = Vec::with_capacity(requests.len());
            for request in requests {
                let started = Instant::now();
                let answer = connection.exchange(&request).await.unwrap();
                assert_eq!(answer.status, 202, "{}", String::from_utf8_lossy(&answer.body));
                each.push(started.elapsed());
            }
            each
        });
    }
    let each = tasks.join_all().await.concat();
    Round { took: started.elapsed(), each }
}
