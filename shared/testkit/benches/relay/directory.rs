//! Bundles and counts, by one and by many at once.

use std::{net::SocketAddr, time::Instant};

use sysmaint_bus::{Directory as _, NatsDirectory};
use tokio::task::JoinSet;

use crate::{
    connection::{Connection, request},
    device::Registration,
    measured::{Measured, Round},
    stage::{Stage, UNLIMITED},
};

/// One-time prekeys of a kind that the directory takes of a device, in hundreds.
const POOL: usize = 5;
const ROUNDS: usize = 3;

pub(crate) async fn run() -> Vec<String> {
    let stage = Stage::start("power", 2, &UNLIMITED).await;
    let asking = Registration::new(stage.relay(0), "asking").await;
    // Beside the server the web service speaks for alice.
    let alice = Registration::new(stage.relay(0), "alice").await;
    let directory = NatsDirectory::new(stage.bus("web").await);
    let mut lines = Vec::new();
    for racers in [1, 32] {
        let (mut pops, mut counts) = (Measured::default(), Measured::default());
        for round in 0..ROUNDS {
            let handle = format!("target-{racers}-{round}");
            let mut target = Registration::new(stage.relay(0), &handle).await;
            target.upload_prekeys(stage.relay(0), POOL).await;
            let path = format!("/v1/prekeys/{handle}");
            let request = request("GET", &path, &asking.token, "", &[]);
            let relays = [stage.relay(0), stage.relay(1)];
            pops.add(pop(&relays, request, racers, POOL * 100).await);
            counts.add(count(&directory, &alice, racers, 2000).await);
        }
        lines.push(format!("prekey bundles of one target by {racers} at two bridges: {pops}"));
        lines.push(format!("directory requests over NATS by {racers}: {counts}"));
    }
    lines
}

async fn pop(relays: &[SocketAddr], request: Vec<u8>, racers: usize, count: usize) -> Round {
    let (mut tasks, started) = (JoinSet::new(), Instant::now());
    for racer in 0..racers {
        let (relay, request) = (relays[racer % relays.len()], request.clone());
        tasks.spawn(async move {
            let (mut connection, mut each) = (Connection::open(relay).await, Vec::new());
            for _ in 0..count / racers {
                let started = Instant::now();
                let answer = connection.exchange(&request).await.unwrap();
                assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
                each.push(started.elapsed());
            }
            each
        });
    }
    let each = tasks.join_all().await.concat();
    Round { took: started.elapsed(), each }
}

async fn count(
    directory: &NatsDirectory,
    own: &Registration,
    racers: usize,
    count: usize,
) -> Round {
    let (mut tasks, started) = (JoinSet::new(), Instant::now());
    for _ in 0..racers {
        let (directory, own) = (directory.clone(), own.mailbox());
        tasks.spawn(async move {
            let mut each = Vec::new();
            for _ in 0..count / racers {
                let started = Instant::now();
                directory.prekey_stock(&own).await.unwrap();
                each.push(started.elapsed());
            }
            each
        });
    }
    let each = tasks.join_all().await.concat();
    Round { took: started.elapsed(), each }
}
