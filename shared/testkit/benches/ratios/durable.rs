//! Sealing and opening in encrypted files that survive a power cut.

use std::{
    cell::RefCell,
    sync::Arc,
    time::{Duration, Instant},
};

use criterion::Criterion;
use futures_util::future::join_all;
use sysmaint_device::{Device, Sealed};
use sysmaint_endpoint::Clock;
use sysmaint_protocol::Handle;
use sysmaint_store::{DeviceStore, Passphrase, SqlError, Store};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::{
    contest::{Contest, Ratio},
    devices::{self, Relay},
    exchange::{Exchange, one_way, ping_pong},
    libsignal::{Plain, SealedSender},
    official::OfficialClient,
};

/// How many steps wait for the writer at once.
const BATCHES: [(&str, usize); 3] = [
    ("durable, one way, one at a time", 1),
    ("durable, one way, 16 at a time", 16),
    ("durable, one way, 64 at a time", 64),
];

/// A device in a file of its own.
struct Party {
    handle: Handle,
    device: Arc<Device>,
    store: Store,
    _directory: TempDir,
}

struct Pair<'a> {
    runtime: &'a Runtime,
    parties: [Party; 2],
}

pub(crate) fn run(criterion: &mut Criterion) -> Vec<Ratio> {
    let runtime = Runtime::new().unwrap();
    let mut ours = Pair::new(&runtime);
    let (mut plain, mut sealed) = (Plain::new(), SealedSender::new());
    let official = OfficialClient::start().map(RefCell::new);
    let mut ratios = Vec::new();
    for (name, batch) in BATCHES {
        let one = Contest::new(name, |count| ours.one_way(count, batch))
            .against("libsignal in memory", |count| one_way(&mut plain, count))
            .against("libsignal with sealed sender in memory", |count| one_way(&mut sealed, count));
        ratios.extend(against_official(one, official.as_ref(), "one-way").hold(criterion));
    }
    let both = Contest::new("durable, ping-pong", |count| ping_pong(&mut ours, count))
        .against("libsignal in memory", |count| ping_pong(&mut plain, count))
        .against("libsignal with sealed sender in memory", |count| ping_pong(&mut sealed, count));
    ratios.extend(against_official(both, official.as_ref(), "ping-pong").hold(criterion));
    ratios
}

fn against_official<'a>(
    contest: Contest<'a>,
    official: Option<&'a RefCell<OfficialClient>>,
    way: &'a str,
) -> Contest<'a> {
    let Some(official) = official else { return contest };
    let exchange = move |seal, count| official.borrow_mut().exchange(seal, way, count);
    contest
        .against("the official client in memory", move |count| exchange("plain", count))
        .against("the official client with sealed sender in memory", move |count| {
            exchange("sealed", count)
        })
}

impl<'a> Pair<'a> {
    fn new(runtime: &'a Runtime) -> Self {
        let relay = Arc::new(Relay::new());
        let parties = ["alice", "bob"].map(|name| Party::new(runtime, &relay, name));
        let mut pair = Self { runtime, parties };
        pair.meet(&relay, 0);
        let first = pair.seal(0);
        pair.open(1, first);
        pair.meet(&relay, 1);
        let answer = pair.seal(1);
        pair.open(0, answer);
        pair
    }

    fn meet(&self, relay: &Arc<Relay>, from: usize) {
        let (relay, peer) = (relay.clone(), self.parties[1 - from].handle.clone());
        self.runtime.block_on(self.parties[from].step(move |device, store| {
            relay.meet(device, store, &peer);
        }));
    }

    /// Sealed in groups, then opened in groups, as an outbox and a mailbox hand them out.
    fn one_way(&mut self, count: u64, batch: usize) -> Duration {
        let [alice, bob] = &self.parties;
        let mut took = Duration::ZERO;
        let mut left = usize::try_from(count).unwrap();
        while left > 0 {
            let size = left.min(batch);
            left -= size;
            let started = Instant::now();
            self.runtime.block_on(async {
                let sealed = join_all((0..size).map(|_| alice.seal(bob))).await;
                join_all(sealed.into_iter().map(|sealed| bob.open(sealed))).await;
            });
            took += started.elapsed();
        }
        self.runtime.block_on(alice.forget_outbox());
        took
    }
}

impl Exchange for Pair<'_> {
    type Sealed = Sealed;

    fn seal(&mut self, from: usize) -> Sealed {
        self.runtime.block_on(self.parties[from].seal(&self.parties[1 - from]))
    }

    fn open(&mut self, to: usize, sealed: Sealed) {
        self.runtime.block_on(self.parties[to].open(sealed));
    }
}

impl Party {
    fn new(runtime: &Runtime, relay: &Arc<Relay>, name: &str) -> Self {
        let directory = TempDir::new().unwrap();
        let passphrase = Passphrase::new("a passphrase for a benchmark".to_owned().into());
        let store = Store::open(&directory.path().join("device.db"), &passphrase).unwrap();
        let handle: Handle = name.parse().unwrap();
        let (relay, own) = (relay.clone(), handle.clone());
        let enrolled = store.write(move |tx| -> Result<Device, SqlError> {
            Ok(relay.enrol(&mut tx.device(&own)?, &own))
        });
        let device = Arc::new(runtime.block_on(enrolled).unwrap());
        Self { handle, device, store, _directory: directory }
    }

    /// One transaction, or a part of one together with others that wait.
    async fn step<T: Send + 'static>(
        &self,
        step: impl FnOnce(&Device, &mut DeviceStore<'_>) -> T + Send + 'static,
    ) -> T {
        let (handle, device) = (self.handle.clone(), self.device.clone());
        let step = self.store.write(move |tx| -> Result<T, SqlError> {
            Ok(step(&device, &mut tx.device(&handle)?))
        });
        step.await.unwrap()
    }

    async fn seal(&self, to: &Self) -> Sealed {
        let (handle, peer) = (to.handle.clone(), to.device.address());
        self.step(move |device, store| devices::seal(device, store, &handle, peer)).await
    }

    async fn open(&self, sealed: Sealed) {
        self.step(move |device, store| devices::open(device, store, &sealed)).await;
    }

    /// As if the broker had confirmed all.
    async fn forget_outbox(&self) {
        let handle = self.handle.clone();
        let step = self.store.write(move |tx| -> Result<(), SqlError> {
            let (slot, now) = (tx.device(&handle)?.slot(), Clock::system().now());
            let rows = tx.outbox().due(slot, now, usize::MAX >> 1)?;
            let sent: Vec<_> = rows.iter().map(|row| row.sealed.transfer_id()).collect();
            tx.outbox().published(slot, &sent, now)
        });
        step.await.unwrap();
    }
}
