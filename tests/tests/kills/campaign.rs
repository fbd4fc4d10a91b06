//! Four devices in two conversations, a relay, a nats-server, and everybody's deaths.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use sysmaint_protocol::{DeviceId, rest::Bundle, subject::Mailbox};
use sysmaint_tests::{
    KillPlan,
    KillPoint::{PrekeysMade, PrekeysUploaded},
    RemoteDevice, Service, Services, eventually, eventually_within,
};

use crate::{
    findings::Findings,
    mortal::{Mortal, Place},
};

/// Who talks with whom, and whose key each has for NATS.
const DEVICES: [(&str, &str, &str); 4] = [
    ("alice", "bob", "web"),
    ("bob", "alice", "web"),
    ("sysmaint", "diagprobe", "agent"),
    ("diagprobe", "sysmaint", "probe"),
];
/// After the last death: a mailbox takes a new reader within seconds, and then it is fast.
const ARRIVES_WITHIN: Duration = Duration::from_mins(3);

/// After that a request to resend waits for its next time,
const SETTLES_WITHIN: Duration = Duration::from_secs(15);
/// which is so many seconds away.
const PAUSES: [u64; 4] = [310, 3610, 21_610, 86_410];

/// A campaign that is being fought.
pub(crate) struct Campaign {
    name: &'static str,
    pub(crate) seed: u64,
    pub(crate) random: StdRng,
    services: Services,
    pub(crate) devices: Vec<Mortal>,
    thief: RemoteDevice,
    broker_kills: usize,
    began: Instant,
}

impl Campaign {
    pub(crate) const DEVICES: usize = DEVICES.len();

    /// Starts everything but the devices. The seed is printed, and `KILLS_SEED` repeats it.
    pub(crate) async fn begin(name: &'static str, pause: Duration) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let given = std::env::var("KILLS_SEED").ok().and_then(|text| text.parse().ok());
        let seed = given.unwrap_or_else(rand::random);
        eprintln!("{name}: KILLS_SEED={seed}");
        let mut random = StdRng::seed_from_u64(seed);
        let mut services = Services::builder()
            .with("RELAY_PREKEY_FETCHES", 1_000_000)
            .with("RELAY_REQUESTS_PER_S", 1_000_000)
            .prepare();
        services.launch(Service::Nats);
        services.launch(Service::Relay);
        eventually("the relay", async || services.relay().get("/readyz").await).await;
        let trust_root = std::fs::read_to_string(services.data().join("trust-root.pub")).unwrap();
        let devices = DEVICES.map(|(own, peer, key)| {
            let key = services.data().join(format!("keys/{key}.nk"));
            let environment = vec![
                ("MEGA_PASSPHRASE", services.passphrase().to_owned()),
                ("NATS_URL", services.nats_url()),
                ("NATS_NKEY_FILE", key.display().to_string()),
                ("TRUST_ROOT", trust_root.trim().to_owned()),
            ];
            let directory = services.directory().join("devices");
            std::fs::create_dir_all(&directory).unwrap();
            Mortal::new(Place { own, peer, directory, environment, pause }, random.random())
        });
        let thief = RemoteDevice::enrol(services.relay(), "thief").await;
        let devices = devices.into();
        let (broker_kills, began) = (0, Instant::now());
        Self { name, seed, random, services, devices, thief, broker_kills, began }
    }

    /// Everybody dies as planned, at the same time; nats-server too, now and then, if it is to.
    pub(crate) async fn fight(
        &mut self,
        plans: Vec<Vec<KillPlan>>,
        broker: Option<std::ops::Range<u64>>,
    ) {
        let relay = self.services.relay();
        let token = self.thief.token().to_owned();
        let lives = self.devices.iter_mut().zip(plans).map(async |(device, plans)| {
            for (number, plan) in plans.into_iter().enumerate() {
                if number > 0 && matches!(plan.point, PrekeysMade | PrekeysUploaded) {
                    take_all_prekeys(&relay.url(""), &token, device.place.own).await;
                }
                device.die(plan).await;
            }
            device.live_on();
        });
        let (services, random, kills) =
            (&mut self.services, &mut self.random, &mut self.broker_kills);
        let storms = async move {
            let Some(every) = broker else { return std::future::pending().await };
            loop {
                tokio::time::sleep(Duration::from_millis(random.random_range(every.clone()))).await;
                services.kill(Service::Nats);
                tokio::time::sleep(Duration::from_millis(random.random_range(0..1500))).await;
                services.launch(Service::Nats);
                *kills += 1;
            }
        };
        tokio::select! {
            _ = join_all(lives) => {}
            () = storms => {}
        }
    }

    /// Lets everybody live until all that was said has been heard, and looks at what is left.
    pub(crate) async fn end(mut self) -> Findings {
        let mut lives: Vec<_> = self.devices.iter_mut().map(Mortal::last_life).collect();
        for life in &mut lives {
            life.tell("enough").await;
        }
        let onlooker = self.services.onlooker().await;
        let (mut pauses, mut moved) = (PAUSES.into_iter(), Instant::now());
        eventually_within(ARRIVES_WITHIN, "all that was said has been heard", async || {
            let asks = self.devices.iter().any(|device| device.progress().awaited > 0);
            if asks && moved.elapsed() > SETTLES_WITHIN {
                // A request whose answer was lost with a life is made again, but later.
                let pause = pauses.next().unwrap_or_default();
                for life in &mut lives {
                    life.tell(&format!("later {pause}")).await;
                }
                moved = Instant::now();
            }
            self.is_quiet().then_some(())?;
            for device in &self.devices {
                let handle = device.place.own.parse().unwrap();
                let mailbox = Mailbox::new(handle, DeviceId::FIRST);
                (onlooker.depth(&mailbox).await == 0).then_some(())?;
            }
            self.is_quiet().then_some(())
        })
        .await;
        for life in lives {
            life.kill().await;
        }
        let findings = Findings::gather(&self.devices, self.services.passphrase()).await;
        let span = self.began.elapsed().as_secs();
        eprintln!("{}: KILLS_SEED={}, {span} s", self.name, self.seed);
        let mut deaths = std::collections::BTreeMap::new();
        for (point, count) in self.devices.iter().flat_map(|device| &device.deaths) {
            *deaths.entry(point.name()).or_insert(0) += count;
        }
        let all: usize = deaths.values().sum();
        eprintln!("{all} kills {deaths:?}, {} of nats-server", self.broker_kills);
        eprintln!("{findings}");
        findings
    }

    /// Whether everybody has heard everything, by what they say themselves.
    fn is_quiet(&self) -> bool {
        self.devices.iter().all(|device| {
            let own = device.progress();
            let peer = self.devices.iter().find(|other| other.place.own == device.place.peer);
            let said = peer.unwrap().progress().said;
            let over = own.speaking == 0 && own.waiting == 0 && own.awaited == 0;
            over && own.heard >= said && said > 0
        })
    }
}

/// Fetches bundles until no one-time prekeys are left. A relay or a queue that is away is waited
/// for.
async fn take_all_prekeys(relay: &str, token: &str, handle: &str) {
    let client = reqwest::Client::new();
    eventually("an end of the prekeys", async || {
        loop {
            let url = format!("{relay}/v1/prekeys/{handle}");
            let answer = client.get(url).bearer_auth(token).send().await.ok()?;
            let bundle: Bundle = answer.error_for_status().ok()?.json().await.ok()?;
            if bundle.devices[0].one_time_prekey.is_none() {
                return Some(());
            }
        }
    })
    .await;
}
