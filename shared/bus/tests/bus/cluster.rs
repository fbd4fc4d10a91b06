//! Three servers, three copies of everything, and one server after the other killed under load.

use std::{
    collections::HashSet,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use async_nats::ConnectOptions;
use futures_util::StreamExt as _;
use sysmaint_bus::{
    Bus, EffectiveDurability, Mailbox as _, NatsMailbox, StreamTable, conf::render,
};
use tokio::task::JoinSet;

use crate::{
    manual::{Manual, free_ports, server_config},
    site::{Directory, connect, credentials, envelope, mailbox, sealed},
};

const NODES: [&str; 3] = ["n1", "n2", "n3"];
const IN_FLIGHT: u32 = 64;
const ROUNDS: usize = 2;
/// Confirmed messages between one server's return and the next one's end.
const BETWEEN: u32 = 300;
const PATIENCE: Duration = Duration::from_mins(5);
const READERS: [&str; 2] = ["alice", "bob"];

struct Cluster {
    nodes: Vec<Manual>,
    url: String,
    home: Directory,
}

impl Cluster {
    fn start() -> Self {
        let home = Directory::new();
        let (clients, routes): ([u16; 3], [u16; 3]) = (free_ports(), free_ports());
        let others = routes.map(|port| format!("\"nats-route://127.0.0.1:{port}\"")).join(", ");
        let nodes = NODES.iter().zip(clients).zip(routes).map(|((name, client), route)| {
            let conf = render(&server_config(home.path(), name, client));
            let conf = conf.replacen("server_name: sysmaint", &format!("server_name: {name}"), 1);
            let cluster = format!(
                "\ncluster {{ name: sysmaint, listen: \"127.0.0.1:{route}\", routes: [{others} ] }}\n"
            );
            Manual::start(&home.path().join(format!("{name}.conf")), &format!("{conf}{cluster}"))
        });
        let nodes = nodes.collect();
        let url = clients.map(|port| format!("nats://127.0.0.1:{port}")).join(",");
        Self { nodes, url, home }
    }

    async fn bus(&self, user: &str) -> Bus {
        connect(&self.url, self.home.path(), user).await
    }

    fn path(&self) -> &Path {
        self.home.path()
    }

    /// Waits until every server says of itself that it has caught up.
    async fn is_whole(&self) {
        let seed = std::fs::read_to_string(self.path().join("system.nk")).unwrap();
        let system = ConnectOptions::with_nkey(seed.trim().to_owned())
            .custom_inbox_prefix(credentials(self.path(), "system").inbox_prefix())
            .retry_on_initial_connect()
            .connect(self.url.split(',').collect::<Vec<_>>())
            .await
            .unwrap();
        patiently("three healthy servers", async || {
            let inbox = system.new_inbox();
            let mut answers = system.subscribe(inbox.clone()).await.unwrap();
            let subject = "$SYS.REQ.SERVER.PING.HEALTHZ";
            system.publish_with_reply(subject, inbox, "{}".into()).await.unwrap();
            let mut healthy = 0;
            while let Ok(Some(answer)) =
                tokio::time::timeout(Duration::from_millis(500), answers.next()).await
            {
                let answer: serde_json::Value = serde_json::from_slice(&answer.payload).unwrap();
                healthy += usize::from(answer["data"]["status"] == "ok");
            }
            healthy == NODES.len()
        })
        .await;
    }
}

async fn patiently(what: &str, mut ask: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !ask().await {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// What was confirmed, and how long nothing was.
#[derive(Default)]
struct Confirmed {
    numbers: Mutex<HashSet<u32>>,
    retries: AtomicU32,
    last: Mutex<Option<Instant>>,
    longest: Mutex<Duration>,
}

impl Confirmed {
    fn note(&self, number: u32) {
        let now = Instant::now();
        if let Some(before) = self.last.lock().unwrap().replace(now) {
            let mut longest = self.longest.lock().unwrap();
            *longest = (*longest).max(now - before);
        }
        assert!(self.numbers.lock().unwrap().insert(number));
    }

    fn count(&self) -> u32 {
        self.numbers.lock().unwrap().len().try_into().unwrap()
    }

    async fn grows_by(&self, number: u32) {
        let wanted = self.count() + number;
        patiently("confirmations", async || self.count() >= wanted).await;
    }
}

fn publish(bus: &Bus, confirmed: &Arc<Confirmed>, stop: &Arc<AtomicBool>) -> JoinSet<()> {
    let next = Arc::new(AtomicU32::new(0));
    let mut senders = JoinSet::new();
    for _ in 0..IN_FLIGHT {
        let (post, next) = (NatsMailbox::new(bus.clone()), Arc::clone(&next));
        let (confirmed, stop) = (Arc::clone(confirmed), Arc::clone(stop));
        senders.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let message = sealed(READERS[number as usize % READERS.len()], number);
                while post.publish(&message).await.is_err() {
                    confirmed.retries.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                confirmed.note(number);
            }
        });
    }
    senders
}

/// Reads one mailbox for ever; a message counts once its removal is confirmed.
async fn read(
    bus: Bus,
    user: &'static str,
    seen: Arc<Mutex<HashSet<Vec<u8>>>>,
    again: Arc<AtomicU32>,
) {
    let mut deliveries = NatsMailbox::new(bus).open(&mailbox(user)).await.unwrap();
    loop {
        let Some(group) = deliveries.next(64).await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        for delivery in group {
            if !seen.lock().unwrap().insert(delivery.bytes.clone()) {
                again.fetch_add(1, Ordering::Relaxed);
            }
            // One that is not confirmed comes again.
            let _comes_again = delivery.acknowledgement.acknowledge().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs for minutes: three servers, each killed twice under load"]
async fn every_server_of_a_cluster_is_killed_twice_and_nothing_confirmed_is_lost() {
    let mut cluster = Cluster::start();
    let relay = cluster.bus("relay").await;
    let one = StreamTable::single_server();
    patiently("streams", async || relay.ensure_streams(&one).await.is_ok()).await;
    for user in READERS {
        patiently("a mailbox", async || relay.ensure_mailbox(&mailbox(user)).await.is_ok()).await;
    }
    NatsMailbox::new(relay.clone()).publish(&sealed("bob", 1_000_000)).await.unwrap();

    // From one copy to three while mail is there.
    let three = StreamTable { replicas: 3, ..one };
    patiently("three copies", async || relay.ensure_streams(&three).await.is_ok()).await;
    let streams = relay.diagnostics().await.unwrap().streams;
    assert!(streams.iter().all(|stream| stream.replicas == 3), "{streams:?}");
    assert_eq!(relay.mailbox_depth(&mailbox("bob")).await.unwrap(), 1);
    cluster.is_whole().await;
    let mut durability = cluster.bus("system").await.durability_by_server().await.unwrap();
    durability.sort();
    println!("durability: {durability:?}");
    assert_eq!(durability, NODES.map(|name| (name.to_owned(), EffectiveDurability::Power)));

    let confirmed = Arc::new(Confirmed::default());
    let (seen, again) = (Arc::<Mutex<HashSet<_>>>::default(), Arc::<AtomicU32>::default());
    for user in READERS {
        let bus = cluster.bus(user).await;
        tokio::spawn(read(bus, user, Arc::clone(&seen), Arc::clone(&again)));
    }
    let stop = Arc::new(AtomicBool::new(false));
    let began = Instant::now();
    let senders = publish(&relay, &confirmed, &stop);
    confirmed.grows_by(BETWEEN).await;
    for round in 1..=ROUNDS {
        for (node, name) in NODES.iter().enumerate() {
            cluster.nodes[node].kill();
            confirmed.grows_by(BETWEEN).await;
            cluster.nodes[node].start_again();
            cluster.is_whole().await;
            confirmed.grows_by(BETWEEN).await;
            println!("round {round}: {name} is back, {} confirmed", confirmed.count());
        }
    }
    // All at once, in the middle of it.
    cluster.nodes.iter_mut().for_each(Manual::kill);
    cluster.nodes.iter_mut().for_each(Manual::start_again);
    cluster.is_whole().await;
    confirmed.grows_by(BETWEEN).await;
    stop.store(true, Ordering::Relaxed);
    senders.join_all().await;
    let took = began.elapsed();

    let wanted: HashSet<_> =
        confirmed.numbers.lock().unwrap().iter().map(|number| envelope(*number)).collect();
    patiently("everything that was confirmed", async || wanted.is_subset(&seen.lock().unwrap()))
        .await;
    let (seen, again) = (seen.lock().unwrap().len(), again.load(Ordering::Relaxed));
    println!(
        "confirmed {} in {took:?}, received {seen} (one from before), handed out again {again}, \
         retries {}, longest pause without a confirmation {:?}",
        wanted.len(),
        confirmed.retries.load(Ordering::Relaxed),
        confirmed.longest.lock().unwrap()
    );
    assert_eq!(seen, wanted.len() + 1, "something was received that nobody was told is stored");
    for user in READERS {
        patiently("an empty mailbox", async || {
            relay.mailbox_depth(&mailbox(user)).await.is_ok_and(|depth| depth == 0)
        })
        .await;
    }
}
