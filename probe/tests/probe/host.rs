//! A probe and what it sees.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use sysmaint_bus::Mailbox;
use sysmaint_endpoint::Endpoint;
use sysmaint_probe::{Config, Spool, run_with};
use sysmaint_protocol::{Handle, Timestamp, sample::Sample};
use sysmaint_store::Store;
use sysmaint_testkit::{Moment, World, open_store};
use tempfile::TempDir;
use tokio::{sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;

/// About what a sample of a small server takes.
const PADDING: usize = 1_500;

/// A host and its probe. Dropped, it stops in the middle of whatever it does.
pub(crate) struct Host {
    pub(crate) name: Handle,
    looks: watch::Receiver<u64>,
    taken: Arc<Mutex<BTreeSet<Timestamp>>>,
    store: Store,
    _directory: TempDir,
    _task: JoinSet<()>,
}

impl Host {
    /// Starts one for this reader.
    pub(crate) async fn start(
        world: &World,
        name: &str,
        mailbox: Arc<dyn Mailbox>,
        reader: &Handle,
        every: Duration,
        spool: Spool,
    ) -> Self {
        let directory = TempDir::new().unwrap();
        let store = open_store(&directory.path().join("probe.db")).await;
        let identity: Handle = name.parse().unwrap();
        let config = world.endpoint_config(identity.clone(), store.clone(), mailbox);
        let endpoint = Endpoint::start(config).await.unwrap();
        let (counted, looks) = watch::channel(0);
        let taken = Arc::new(Mutex::new(BTreeSet::new()));
        let noted = taken.clone();
        let look = move || {
            move |now: Timestamp| {
                noted.lock().unwrap().insert(now);
                counted.send_modify(|count| *count += 1);
                Sample { os: Some("x".repeat(PADDING)), ..Sample::empty(now) }
            }
        };
        let readers = vec![reader.clone()];
        let config = Config { identity: identity.clone(), interval: every, spool, readers };
        let mut task = JoinSet::new();
        task.spawn(async move {
            run_with(look, config, endpoint, CancellationToken::new()).await.unwrap();
        });
        Self { name: identity, looks, taken, store, _directory: directory, _task: task }
    }

    /// When it took its samples.
    pub(crate) fn taken(&self) -> BTreeSet<Timestamp> {
        self.taken.lock().unwrap().clone()
    }

    /// Waits until it has looked so often.
    async fn looked(&self, times: u64) {
        self.looks.clone().wait_for(|looks| *looks >= times).await.unwrap();
    }

    fn looks(&self) -> u64 {
        *self.looks.borrow()
    }

    /// How much its reader has not been sent.
    pub(crate) async fn backlog(&self, reader: &Handle) -> u64 {
        let reader = reader.clone();
        self.store.read(move |view| view.own_samples().backlog(&reader)).await.unwrap()
    }
}

/// Has so much time pass, in which every host takes each of its samples.
pub(crate) async fn pass(moment: &Moment, hosts: &[Host], span: Duration, every: Duration) {
    let mut left = span;
    while !left.is_zero() {
        let before: Vec<_> = hosts.iter().map(Host::looks).collect();
        moment.forward(every);
        for (host, before) in hosts.iter().zip(before) {
            host.looked(before + 1).await;
        }
        left = left.saturating_sub(every);
    }
}
