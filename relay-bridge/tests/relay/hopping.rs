//! Two devices that write to each other and change bridges all the time.

use std::{
    collections::{HashSet, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use sysmaint_protocol::{
    TransferId,
    websocket::{ClientFrame, Outgoing, ServerFrame},
};

use crate::{
    bridge::Bridge,
    client::{Client, outgoing},
    messages::{number_of, shaped},
    person::Person,
    stage::{Stage, eventually, mailbox},
};

const IN_FLIGHT: usize = 48;
const PATIENCE: Duration = Duration::from_mins(5);

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
    /// Frames of one visit at most.
    stay: usize,
    may_fail: bool,
    /// How many still have something to send or to see.
    busy: Arc<AtomicUsize>,
}

impl Hopper {
    fn new(
        person: &Person,
        urls: [&str; 2],
        peer: &Person,
        each: usize,
        seed: u64,
        busy: &Arc<AtomicUsize>,
    ) -> Self {
        busy.fetch_add(1, Ordering::Relaxed);
        let mut rng = StdRng::seed_from_u64(seed);
        let known = number_of(peer);
        let mut one =
            || outgoing(peer.handle().as_str(), known, shaped(rng.random_range(300..900)));
        let unsent = (0..each).map(|_| one()).collect();
        Self {
            handle: person.handle().to_string(),
            token: person.token.clone(),
            urls: urls.map(str::to_owned),
            rng,
            unsent,
            expected: each,
            seen: HashSet::new(),
            deliveries: 0,
            hops: 0,
            stay: 150,
            may_fail: false,
            busy: Arc::clone(busy),
        }
    }

    fn is_done(&self) -> bool {
        self.unsent.is_empty() && self.seen.len() == self.expected
    }

    async fn run(mut self) -> Self {
        let deadline = Instant::now() + PATIENCE;
        let mut was_busy = true;
        // Who has seen all stays for the other's sake, who may find this mailbox full.
        while self.busy.load(Ordering::Relaxed) > 0 {
            assert!(Instant::now() < deadline, "{} of {}", self.seen.len(), self.expected);
            self.visit().await;
            self.hops += 1;
            if was_busy && self.is_done() {
                was_busy = false;
                self.busy.fetch_sub(1, Ordering::Relaxed);
            }
        }
        self
    }

    /// One connection, for some frames.
    async fn visit(&mut self) {
        let url = self.urls[self.rng.random_range(0..2)].clone();
        let opened = Client::try_connect(&url, &self.handle, &self.token).await;
        let Some(mut client) = opened else {
            assert!(self.may_fail);
            return tokio::time::sleep(Duration::from_millis(20)).await;
        };
        let frames = self.rng.random_range(0..self.stay);
        let (mut last, mut in_flight) = (0, HashSet::new());
        let (mut unacked, mut full) = (Vec::new(), false);
        for _ in 0..frames {
            for one in self.unsent.iter().take(if full { 0 } else { IN_FLIGHT }) {
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
                ServerFrame::Error { id: Some(_), problem, .. } if problem.status == 507 => {
                    full = true;
                }
                ServerFrame::Error { id: Some(id), retry_after_s: Some(_), .. }
                    if self.may_fail =>
                {
                    in_flight.remove(&id);
                }
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

/// Lets both write to each other, and checks that each has seen exactly what the other sent.
async fn exchange(each: usize, outages: usize) {
    let given = std::env::var("HOPPING_SEED").ok().and_then(|text| text.parse().ok());
    let seed: u64 = given.unwrap_or_else(rand::random);
    eprintln!("HOPPING_SEED={seed}");
    let stage = Stage::unlimited().await;
    let second = Bridge::beside(&stage).await;
    let alice = Person::registered(&stage, "alice").await;
    let bob = Person::registered(&stage, "bob").await;
    let urls = [stage.url.as_str(), second.url.as_str()];
    let busy = Arc::default();
    let mut one = Hopper::new(&alice, urls, &bob, each, seed, &busy);
    let mut other = Hopper::new(&bob, urls, &alice, each, !seed, &busy);
    (one.may_fail, other.may_fail) = (outages > 0, outages > 0);
    let sent = |hopper: &Hopper| hopper.unsent.iter().map(|one| one.id).collect::<HashSet<_>>();
    let (from_alice, from_bob) = (sent(&one), sent(&other));
    let (one, other) = (tokio::spawn(one.run()), tokio::spawn(other.run()));
    let mut rng = StdRng::seed_from_u64(seed);
    for _ in 0..outages {
        tokio::time::sleep(Duration::from_millis(rng.random_range(100..600))).await;
        stage.kill_server();
    }
    let (mut one, mut other) = (one.await.unwrap(), other.await.unwrap());
    assert_eq!((&one.seen, &other.seen), (&from_bob, &from_alice));
    // The last outage may have come at the very end.
    for url in urls {
        eventually("the bridges to be ready", async || {
            Client::try_connect(url, "alice", &alice.token).await.is_some()
        })
        .await;
    }
    for hopper in [&mut one, &mut other] {
        eprintln!("{}: {} hops, {} deliveries", hopper.handle, hopper.hops, hopper.deliveries);
        empty(&stage, hopper).await;
        assert_eq!(hopper.seen.len(), each);
    }
    second.end().await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_changes_bridges_under_load_loses_nothing_and_keeps_the_order() {
    Box::pin(exchange(2000, 0)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_holds_while_the_broker_is_killed() {
    Box::pin(exchange(1000, 2)).await;
}
