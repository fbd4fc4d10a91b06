//! Somebody who asks as fast as they can, from a thread of their own.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
};

use tokio::{runtime::Builder, task::JoinSet};

use crate::connection::Connection;

const CONNECTIONS: usize = 64;

pub(crate) struct Flood {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
    tally: Arc<Tally>,
}

/// What became of a flood's requests.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) taken: AtomicU64,
    pub(crate) limited: AtomicU64,
    pub(crate) others: AtomicU64,
}

impl Flood {
    /// Repeats these requests over several connections.
    pub(crate) fn start(relay: SocketAddr, requests: Vec<Vec<u8>>) -> Self {
        let (stop, tally) = (Arc::new(AtomicBool::new(false)), Arc::new(Tally::default()));
        let (stopped, counted) = (Arc::clone(&stop), Arc::clone(&tally));
        let requests: Arc<[_]> = requests.into();
        let thread = std::thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let mut tasks = JoinSet::new();
                for first in 0..CONNECTIONS {
                    let (stopped, counted) = (Arc::clone(&stopped), Arc::clone(&counted));
                    tasks.spawn(ask(relay, Arc::clone(&requests), first, stopped, counted));
                }
                tasks.join_all().await;
            });
        });
        Self { stop, thread, tally }
    }

    pub(crate) fn end(self) -> Arc<Tally> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
        self.tally
    }
}

async fn ask(
    relay: SocketAddr,
    requests: Arc<[Vec<u8>]>,
    first: usize,
    stop: Arc<AtomicBool>,
    tally: Arc<Tally>,
) {
    let mut connection = Connection::open(relay).await;
    let mut next = first;
    while !stop.load(Ordering::Relaxed) {
        let count = match connection.exchange(&requests[next % requests.len()]).await {
            Ok(answer) if answer.status == 429 => &tally.limited,
            Ok(answer) if answer.status < 300 => &tally.taken,
            _ => &tally.others,
        };
        count.fetch_add(1, Ordering::Relaxed);
        next += CONNECTIONS;
    }
}
