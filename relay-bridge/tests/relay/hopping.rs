//! Two devices that write to each other and change bridges all the time.

use std::{
    collections::{HashSet, VecDeque},
    time::{Duration, Instant},
};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use sysmaint_protocol::{
    TransferId,
    websocket::{ClientFrame, Outgoing, ServerFrame},
};

use crate::{
    client::{Client, outgoing},
    messages::{number_of, shaped},
    person::Person,
    stage::{Bridge, Stage, mailbox},
};

const EACH: usize = 2000;
const IN_FLIGHT: usize = 48;
const PATIENCE: Duration = Duration::from_mins(1);

/// One device and what it has seen.
struct Hopper {
    handle: String,
    token: String,
    urls: [String; 2],
    rng: StdRng,
    unsent: VecDeque<Outgoing>,
    expected: usize,
    seen: HashSet<TransferId>,
    deliveries: usize,
    hops: usize,
}

impl Hopper {
    fn new(person: &Person, urls: [&str; 2], peer: &Person, seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let known = number_of(peer);
        let mut one =
            || outgoing(peer.handle().as_str(), known, shaped(rng.random_range(300..900)));
        let unsent = (0..EACH).map(|_| one()).collect();
        Self {
            handle: person.handle().to_string(),
            token: person.token.clone(),
            urls: urls.map(str::to_owned),
            rng,
            unsent,
            expected: EACH,
            seen: HashSet::new(),
            deliveries: 0,
            hops: 0,
        }
    }

    fn is_done(&self) -> bool {
        self.unsent.is_empty() && self.seen.len() == self.expected
    }

    async fn run(mut self) -> Self {
        let deadline = Instant::now() + PATIENCE;
        while !self.is_done() {
            assert!(Instant::now() < deadline, "{} of {}", self.seen.len(), self.expected);
            self.visit().await;
            self.hops += 1;
        }
        self
    }

    /// One connection, for some frames.
    async fn visit(&mut self) {
        let url = self.urls[self.rng.random_range(0..2)].clone();
        let mut client = Client::connect(&url, &self.handle, &self.token).await;
        let frames = self.rng.random_range(0..150);
        let (mut last, mut in_flight) = (0, HashSet::new());
        let mut unacked = Vec::new();
        for _ in 0..frames {
            for one in self.unsent.iter().take(IN_FLIGHT) {
                if in_flight.insert(one.id) {
                    client.say(&ClientFrame::Send(one.clone())).await;
                }
            }
            let Some(frame) = client.next_within(Duration::from_millis(250)).await else { break };
            match frame {
                ServerFrame::Deliver { seq, id, .. } => {
                    assert!(seq > last, "{seq} after {last}");
                    last = seq;
                    self.deliveries += 1;
                    self.seen.insert(id.unwrap());
                    unacked.push(seq);
                }
                ServerFrame::Sent { id } => self.unsent.retain(|one| one.id != id),
                ServerFrame::Acked { seq } => assert!(seq.iter().all(|one| *one <= last)),
                ServerFrame::Closed { .. } => break,
                ServerFrame::Error { id, problem, .. } => panic!("{id:?}: {problem:?}"),
            }
            if unacked.len() > self.rng.random_range(0..60) {
                client.say_ack(&unacked).await;
                unacked.clear();
            }
        }
        if self.rng.random() {
            client.say_ack(&unacked).await;
            let _closed_already = client.stream.close(None).await;
        }
    }
}

/// Whatever is still there comes, and is acknowledged.
async fn empty(stage: &Stage, hopper: &mut Hopper) {
    let own = mailbox(&hopper.handle);
    let mut client = Client::connect(&stage.url, &hopper.handle, &hopper.token).await;
    while stage.depth(&own).await > 0 {
        match client.next().await {
            Some(ServerFrame::Deliver { seq, id, .. }) => {
                assert!(hopper.seen.contains(&id.unwrap()), "nothing new is left");
                client.say_ack(&[seq]).await;
            }
            Some(ServerFrame::Acked { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_changes_bridges_under_load_loses_nothing_and_keeps_the_order() {
    let seed =
        std::env::var("HOPPING_SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    eprintln!("HOPPING_SEED={seed}");
    let stage = Stage::new().await;
    let second = Bridge::beside(&stage).await;
    let alice = Person::registered(&stage, "alice").await;
    let bob = Person::registered(&stage, "bob").await;
    let urls = [stage.url.as_str(), second.url.as_str()];
    let (one, other) =
        (Hopper::new(&alice, urls, &bob, seed), Hopper::new(&bob, urls, &alice, !seed));
    let sent = |hopper: &Hopper| hopper.unsent.iter().map(|one| one.id).collect::<HashSet<_>>();
    let (from_alice, from_bob) = (sent(&one), sent(&other));
    let (one, other) = tokio::join!(tokio::spawn(one.run()), tokio::spawn(other.run()));
    let (mut one, mut other) = (one.unwrap(), other.unwrap());
    assert_eq!((&one.seen, &other.seen), (&from_bob, &from_alice));
    for hopper in [&mut one, &mut other] {
        eprintln!("{}: {} hops, {} deliveries", hopper.handle, hopper.hops, hopper.deliveries);
        empty(&stage, hopper).await;
        assert_eq!(hopper.seen.len(), EACH);
    }
    second.end().await;
    stage.end().await;
}
