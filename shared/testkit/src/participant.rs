//! One who takes part: an endpoint at work over a file of its own.

use std::{ops::Deref, path::Path, sync::Arc};

use sysmaint_bus::Mailbox;
use sysmaint_endpoint::{Endpoint, make_further};
use sysmaint_protocol::{Address, ContentId, DeviceId, Handle, body::Text};
use sysmaint_store::{OpenError, Passphrase, Store};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{World, eventually};

/// The store of a participant.
const FILE: &str = "participant.db";

/// An endpoint and the task that runs it. Dropped, it stops in the middle of whatever it does.
pub struct Participant {
    world: World,
    handle: Handle,
    further: Option<Address>,
    mailbox: Arc<dyn Mailbox>,
    directory: TempDir,
    endpoint: Endpoint,
    /// One, which ends with this.
    task: JoinSet<()>,
}

impl Participant {
    pub(crate) async fn start(world: World, handle: Handle, mailbox: Arc<dyn Mailbox>) -> Self {
        let directory = TempDir::new().unwrap();
        let (endpoint, task) = run(&world, &handle, None, &mailbox, directory.path()).await;
        Self { world, handle, further: None, mailbox, directory, endpoint, task }
    }

    /// Another device of this one's handle, which this one admits. It has a store of its own.
    pub async fn further(&self, device_id: u8, mailbox: Arc<dyn Mailbox>) -> Self {
        let (world, handle) = (self.world.clone(), self.handle.clone());
        let device_id = DeviceId::try_from(device_id).unwrap();
        let address = Address { service_id: self.endpoint.address().service_id, device_id };
        let directory = TempDir::new().unwrap();
        let store = open_store(&directory.path().join(FILE)).await;
        let key = make_further(&store, &handle, address, &world.trust_root).await.unwrap();
        drop(store);
        self.endpoint.admit(device_id, &key).await.unwrap();
        let further = Some(address);
        let (endpoint, task) = run(&world, &handle, further, &mailbox, directory.path()).await;
        Self { world, handle, further, mailbox, directory, endpoint, task }
    }

    /// Pins each other's handles, so that each believes what the other is called.
    pub async fn meet(&self, other: &Self) {
        self.endpoint.meet(&other.handle).await.unwrap();
        other.endpoint.meet(&self.handle).await.unwrap();
    }

    /// Seals and queues a text.
    pub async fn say(&self, to: &Self, text: &str) -> ContentId {
        self.endpoint.send(&to.handle, &Text { text: text.to_owned() }).await.unwrap()
    }

    /// Stops in the middle of whatever it does. What it had committed is in its file.
    pub async fn stop(&mut self) {
        self.task.shutdown().await;
    }

    /// Stops and starts again from its file, as a new process would. Whoever holds a clone of
    /// the old endpoint must have dropped it.
    pub async fn restart(mut self) -> Self {
        self.stop().await;
        let Self { world, handle, further, mailbox, directory, endpoint, task: _ } = self;
        drop(endpoint);
        let (endpoint, task) = run(&world, &handle, further, &mailbox, directory.path()).await;
        Self { world, handle, further, mailbox, directory, endpoint, task }
    }
}

impl Participant {
    /// Stops, copies its file, and starts again.
    pub async fn backup(mut self) -> (Self, Backup) {
        self.stop().await;
        let Self { world, handle, further, mailbox, directory, endpoint, task: _ } = self;
        drop(endpoint);
        let path = directory.path().join(FILE);
        let copy = TempDir::new().unwrap();
        free(&path).await;
        std::fs::copy(&path, copy.path().join(FILE)).unwrap();
        let (endpoint, task) = run(&world, &handle, further, &mailbox, directory.path()).await;
        (Self { world, handle, further, mailbox, directory, endpoint, task }, Backup(copy))
    }

    /// Stops and starts again from an old copy of its file.
    pub async fn restore(mut self, backup: Backup) -> Self {
        self.stop().await;
        let Self { world, handle, further, mailbox, directory, endpoint, task: _ } = self;
        drop(endpoint);
        free(&directory.path().join(FILE)).await;
        drop(directory);
        let directory = backup.0;
        let (endpoint, task) = run(&world, &handle, further, &mailbox, directory.path()).await;
        Self { world, handle, further, mailbox, directory, endpoint, task }
    }
}

/// A copy of a participant's file.
#[derive(Debug)]
pub struct Backup(TempDir);

impl Deref for Participant {
    type Target = Endpoint;

    fn deref(&self) -> &Endpoint {
        &self.endpoint
    }
}

impl std::fmt::Debug for Participant {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Participant").field("handle", &self.handle).finish_non_exhaustive()
    }
}

async fn run(
    world: &World,
    handle: &Handle,
    further: Option<Address>,
    mailbox: &Arc<dyn Mailbox>,
    directory: &Path,
) -> (Endpoint, JoinSet<()>) {
    let store = open_store(&directory.join(FILE)).await;
    let mut config = world.endpoint_config(handle.clone(), store, mailbox.clone());
    config.device_id = further.map_or(DeviceId::FIRST, |address| address.device_id);
    let endpoint = match further {
        Some(address) => Endpoint::start_further(config, address.service_id).await,
        None => Endpoint::start(config).await,
    };
    let endpoint = endpoint.unwrap();
    let running = endpoint.clone();
    let mut task = JoinSet::new();
    task.spawn(async move { running.run(CancellationToken::new()).await });
    let ready = |status: &sysmaint_endpoint::Status| status.registered && status.receiving;
    endpoint.status().wait_for(ready).await.unwrap();
    (endpoint, task)
}

/// Waits until nobody has the file any more.
async fn free(path: &Path) {
    drop(open_store(path).await);
    eventually("the lock", async || {
        let lock = std::fs::File::open(path.with_extension("db.lock")).ok()?;
        lock.try_lock().ok()
    })
    .await;
}

/// Opens a store, waiting for whoever had it: the file of a participant that was stopped is free
/// once its last reader is done.
pub async fn open_store(path: &Path) -> Store {
    let passphrase = Passphrase::new("a passphrase for tests".to_owned().into());
    eventually("the store", async || match Store::open(path, &passphrase) {
        Err(OpenError::Lock(_)) => None,
        outcome => Some(outcome.unwrap()),
    })
    .await
}
