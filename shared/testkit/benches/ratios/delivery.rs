//! From device to device over a real nats-server, beside the same bytes without any device.

use std::{
    cell::RefCell,
    sync::Arc,
    time::{Duration, Instant},
};

use criterion::Criterion;
use futures_util::future::join_all;
use rand::Rng as _;
use sysmaint_bus::{Deliveries, Delivery, Mailbox, conf::Durability};
use sysmaint_device::Sealed;
use sysmaint_endpoint::{Endpoint, Inbox, StepError};
use sysmaint_protocol::{DeviceId, Envelope, TransferId, body::Text, subject};
use sysmaint_store::InboxRow;
use sysmaint_testkit::{Nats, Participant, World};
use tokio::{runtime::Runtime, task::JoinSet};

use crate::{
    BODY,
    contest::{Contest, Ratio},
};

/// Messages on their way at once.
const IN_FLIGHT: u64 = 64;
/// Between messages that are measured one by one, so that what one of them leaves to be done does
/// not delay the next.
const PAUSE: Duration = Duration::from_millis(8);
/// Bytes of an envelope with a body of [`BODY`], in the smallest size class.
const ENVELOPE: usize = 966;

pub(crate) fn run(criterion: &mut Criterion) -> Vec<Ratio> {
    let mut ratios = Vec::new();
    for (durability, names) in [
        (Durability::Power, ["delivery, power-proof", "delivery, power-proof, 64 in flight"]),
        (Durability::Process, ["delivery, crash-proof", "delivery, crash-proof, 64 in flight"]),
    ] {
        let runtime = Runtime::new().unwrap();
        let mut site = runtime.block_on(Site::start(durability));
        ratios.extend(site.compare(&runtime, criterion, names));
    }
    ratios
}

/// Two endpoints, and a publisher and a reader without devices, at one server.
struct Site {
    raw: Raw,
    sealed: Endpoints,
    _nats: Nats,
}

struct Raw {
    publisher: Arc<dyn Mailbox>,
    deliveries: Box<dyn Deliveries>,
    latencies: Vec<Duration>,
}

struct Endpoints {
    alice: Participant,
    bob: Participant,
    inbox: Inbox,
    latencies: Vec<Duration>,
}

impl Site {
    async fn start(durability: Durability) -> Self {
        let nats = Nats::start(durability, &["alice", "bob", "carol", "dave"]).await;
        let world = World::new();
        let alice = world.participant("alice", nats.mailbox("alice").await).await;
        let bob = world.participant("bob", nats.mailbox("bob").await).await;
        alice.meet(&bob).await;
        let inbox = bob.inbox();
        let mut sealed = Endpoints { alice, bob, inbox, latencies: Vec::new() };
        // The first ones open the session and are answered with receipts.
        sealed.one_by_one(10).await;
        let reader = nats.mailbox("dave").await;
        let raw = Raw {
            publisher: nats.mailbox("carol").await,
            deliveries: reader.open(&mailbox("dave")).await.unwrap(),
            latencies: Vec::new(),
        };
        Self { raw, sealed, _nats: nats }
    }

    fn compare(
        &mut self,
        runtime: &Runtime,
        criterion: &mut Criterion,
        [one, many]: [&str; 2],
    ) -> Vec<Ratio> {
        let (raw, sealed) = (RefCell::new(&mut self.raw), RefCell::new(&mut self.sealed));
        let bound = "raw publish, fetch and acknowledge";
        let latency =
            Contest::new(one, |count| runtime.block_on(sealed.borrow_mut().one_by_one(count)))
                .against(bound, |count| runtime.block_on(raw.borrow_mut().one_by_one(count)));
        latency.hold(criterion);
        let throughput =
            Contest::new(many, |count| runtime.block_on(sealed.borrow_mut().flowing(count)))
                .against(bound, |count| runtime.block_on(raw.borrow_mut().flowing(count)));
        let flowing = throughput.hold(criterion);
        let (ours, theirs) = (&self.sealed.latencies, &self.raw.latencies);
        if theirs.is_empty() {
            return flowing;
        }
        [("p50", 0.5), ("p99", 0.99)]
            .into_iter()
            .map(|(name, share)| Ratio::at(&format!("{one}, {name}"), bound, share, ours, theirs))
            .chain(flowing)
            .collect()
    }
}

impl Raw {
    /// From publishing to having it; acknowledged in between.
    async fn one_by_one(&mut self, count: u64) -> Duration {
        let mut total = Duration::ZERO;
        for _ in 0..count {
            tokio::time::sleep(PAUSE).await;
            let (envelope, published) = (envelope(), Instant::now());
            self.publisher.publish(&envelope).await.unwrap();
            let delivered = self.deliveries.next(64).await.unwrap();
            let latency = published.elapsed();
            self.latencies.push(latency);
            total += latency;
            acknowledge(&delivered).await;
        }
        total
    }

    /// Publishing on one side, reading on the other.
    async fn flowing(&mut self, count: u64) -> Duration {
        let (publisher, started) = (self.publisher.clone(), Instant::now());
        let publishing = async {
            let mut left = count;
            while left > 0 {
                let envelopes: Vec<_> = (0..left.min(IN_FLIGHT)).map(|_| envelope()).collect();
                left -= envelopes.len() as u64;
                for outcome in join_all(envelopes.iter().map(|one| publisher.publish(one))).await {
                    outcome.unwrap();
                }
            }
        };
        let reading = async {
            let mut left = count;
            while left > 0 {
                let delivered = self.deliveries.next(64).await.unwrap();
                acknowledge(&delivered).await;
                left -= delivered.len() as u64;
            }
        };
        tokio::join!(publishing, reading);
        started.elapsed()
    }
}

impl Endpoints {
    /// From saying it to having it out of the inbox; settled in between.
    async fn one_by_one(&mut self, count: u64) -> Duration {
        let mut total = Duration::ZERO;
        for _ in 0..count {
            tokio::time::sleep(PAUSE).await;
            let said = Instant::now();
            self.alice.say(&self.bob, &"x".repeat(BODY)).await;
            let message = self.inbox.next().await;
            let latency = said.elapsed();
            self.latencies.push(latency);
            total += latency;
            settle(&self.bob, &message).await;
        }
        total
    }

    /// Saying on one side, settling on the other, both as fast as they can.
    async fn flowing(&mut self, count: u64) -> Duration {
        let (alice, bob, started) = (self.alice.clone(), self.bob.handle().clone(), Instant::now());
        let saying = tokio::spawn(async move {
            let body = Text { text: "x".repeat(BODY) };
            let mut left = count;
            while left > 0 {
                let size = left.min(IN_FLIGHT);
                left -= size;
                for outcome in join_all((0..size).map(|_| alice.send(&bob, &body))).await {
                    outcome.unwrap();
                }
            }
        });
        let mut settling = JoinSet::new();
        for _ in 0..count {
            let (message, bob) = (self.inbox.next().await, self.bob.clone());
            settling.spawn(async move { settle(&bob, &message).await });
        }
        settling.join_all().await;
        saying.await.unwrap();
        started.elapsed()
    }
}

async fn settle(endpoint: &Endpoint, message: &InboxRow) {
    endpoint.settle(message, |_| -> Result<(), StepError> { Ok(()) }).await.unwrap();
}

async fn acknowledge(delivered: &[Delivery]) {
    let acknowledged = delivered.iter().map(|delivery| delivery.acknowledgement.acknowledge());
    for outcome in join_all(acknowledged).await {
        outcome.unwrap();
    }
}

/// Random bytes in the shape and size of an envelope.
fn envelope() -> Sealed {
    let mut bytes = vec![0; ENVELOPE];
    rand::rng().fill(bytes.as_mut_slice());
    bytes[..4].copy_from_slice(&[0x11, 0x0a, 33, 0x05]);
    bytes[36..38].copy_from_slice(&[0x12, 43]);
    // A field of ENVELOPE - 84 bytes.
    bytes[81..84].copy_from_slice(&[0x1a, 0xf2, 0x06]);
    let transfer_id = TransferId::from_bytes(rand::rng().random());
    Sealed::restored(mailbox("dave"), 1, transfer_id, Envelope::parse(bytes).unwrap())
}

fn mailbox(handle: &str) -> subject::Mailbox {
    subject::Mailbox::new(handle.parse().unwrap(), DeviceId::FIRST)
}
