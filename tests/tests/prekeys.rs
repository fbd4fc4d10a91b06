//! Prekeys while bridges die.
#![expect(clippy::panic, reason = "a test")]

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use sysmaint_protocol::rest::Bundle;
use sysmaint_tests::{Process, RemoteDevice, Service, Services, Web, eventually, free_ports};

/// All that the directory keeps of a device.
const POOL: usize = 500;
const RACERS: u64 = 12;
const KILLS: usize = 6;

/// What one racer got.
#[derive(Default)]
struct Catch {
    ec: Vec<u32>,
    kyber: Vec<u32>,
    /// Calls that may have taken something along.
    failed: usize,
}

impl Catch {
    fn take(&mut self, bundle: &Bundle) -> bool {
        let [device] = &bundle.devices[..] else { panic!("one device") };
        self.ec.extend(device.one_time_prekey.as_ref().map(|key| key.id));
        self.kyber.push(device.kyber_prekey.id);
        device.one_time_prekey.is_some()
    }
}

struct Relays {
    services: Services,
    ports: [u16; 2],
    running: [Process; 2],
}

impl Relays {
    async fn start() -> Self {
        let mut services = Services::builder()
            .with("RELAY_PREKEY_FETCHES", 1_000_000)
            .with("RELAY_REQUESTS_PER_S", 1_000_000)
            .prepare();
        services.launch(Service::Nats);
        let ports = free_ports();
        // The first makes the certificate authority that both share.
        let first = services.relay_on(ports[0]);
        ready(ports[0]).await;
        let second = services.relay_on(ports[1]);
        ready(ports[1]).await;
        Self { services, ports, running: [first, second] }
    }

    async fn kill_and_restart(&mut self, which: usize) {
        let (port, web) = (self.ports[which], Web::new(self.ports[which]));
        self.running[which].kill();
        self.running[which] = self.services.relay_on(port);
        eventually("the relay again", async || {
            // Somebody's outgoing connection may have the port for a moment.
            if self.running[which].ended().is_some() {
                self.running[which] = self.services.relay_on(port);
            }
            web.get("/readyz").await
        })
        .await;
    }
}

async fn ready(port: u16) {
    eventually("the relay", async || Web::new(port).get("/readyz").await).await;
}

async fn fetch(client: &reqwest::Client, port: u16, token: &str) -> Option<Bundle> {
    let request = client.get(Web::new(port).url("/v1/prekeys/alice")).bearer_auth(token);
    let answer = request.timeout(Duration::from_secs(20)).send().await.ok()?;
    answer.error_for_status().ok()?.json().await.ok()
}

async fn race(seed: u64, ports: [u16; 2], token: String, stop: Arc<AtomicBool>) -> Catch {
    let (mut random, client) = (StdRng::seed_from_u64(seed), reqwest::Client::new());
    let mut catch = Catch::default();
    while !stop.load(Ordering::Relaxed) {
        match fetch(&client, ports[random.random_range(0..2)], &token).await {
            Some(bundle) => {
                catch.take(&bundle);
            }
            None => catch.failed += 1,
        }
        tokio::time::sleep(Duration::from_millis(random.random_range(0..200))).await;
    }
    catch
}

#[tokio::test(flavor = "multi_thread")]
async fn no_prekey_is_served_twice_or_lost_by_itself_while_bridges_are_killed() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let seed: u64 = rand::random();
    eprintln!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut relays = Relays::start().await;
    let mut alice = RemoteDevice::enrol(Web::new(relays.ports[0]), "alice").await;
    let bob = RemoteDevice::enrol(Web::new(relays.ports[0]), "bob").await;
    while usize::try_from(alice.upload_prekeys().await.one_time_prekeys).unwrap() < POOL {}

    let stop = Arc::new(AtomicBool::new(false));
    let racers: Vec<_> = (0..RACERS)
        .map(|number| {
            let (ports, token) = (relays.ports, bob.token().to_owned());
            tokio::spawn(race(seed.wrapping_add(number), ports, token, Arc::clone(&stop)))
        })
        .collect();
    for _ in 0..KILLS {
        tokio::time::sleep(Duration::from_millis(random.random_range(20..300))).await;
        relays.kill_and_restart(random.random_range(0..2)).await;
    }
    stop.store(true, Ordering::Relaxed);
    let mut all = Catch::default();
    for racer in racers {
        let catch = racer.await.unwrap();
        all.ec.extend(catch.ec);
        all.kyber.extend(catch.kyber);
        all.failed += catch.failed;
    }
    let raced = all.ec.len();
    let client = reqwest::Client::new();
    // What is left, and then three times what there is no end of.
    let last_resort = loop {
        let bundle = fetch(&client, relays.ports[0], bob.token()).await.unwrap();
        if !all.take(&bundle) {
            let more = [(); 3].map(|()| fetch(&client, relays.ports[1], bob.token()));
            let more = futures_util::future::join_all(more).await;
            for bundle in more {
                all.take(&bundle.unwrap());
            }
            break all.kyber.last().copied().unwrap();
        }
    };
    all.kyber.retain(|id| *id != last_resort);
    eprintln!("{raced} in the race, {} calls failed, {KILLS} kills", all.failed);

    for (kind, ids) in [("ec", &all.ec), ("kyber", &all.kyber)] {
        let distinct = ids.iter().collect::<BTreeSet<_>>().len();
        assert_eq!(distinct, ids.len(), "{kind}: served twice (seed {seed})");
        let lost = POOL - distinct;
        assert!(lost <= all.failed, "{kind}: {lost} lost, {} failed (seed {seed})", all.failed);
    }
}
