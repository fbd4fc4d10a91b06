//! A host that was there for a day, but for some hours of it, and is not any more.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use sysmaint_protocol::{
    ContentId, Handle, Timestamp,
    body::{self, NumberedSample},
    sample::{Disk, Network, Sample},
};
use sysmaint_store::{Passphrase, Retention, SqlError, Store, Tx};
use sysmaint_tests::Services;

/// Its name.
pub(crate) const HOST: &str = "diagprobe-attic";

const HOUR: Duration = Duration::from_hours(1);
const STEP: Duration = Duration::from_secs(30);
/// Hours before now: its first sample, its silence, its last sample.
const FIRST: u32 = 23;
const GAP: (u32, u32) = (13, 9);
const LAST: u32 = 1;
/// Samples in one transaction.
const TOGETHER: usize = 240;
const GIB: u64 = 1 << 30;

/// What it calls things, full of markup.
const MOUNT: &str = "/mnt/<img src=x onerror=h()>";
const NETWORK: &str = "\"><script>h()</script>";
const SYSTEM: &str = "<svg onload=h()> GNU/Linux";

/// Puts it into the store of a web server that has not been started yet; what a script needs to
/// know of it.
pub(crate) async fn lay_down(services: &Services) -> Value {
    let now = now();
    let ago = |hours: u32| now.before(HOUR * hours);
    let (first, last, gap) = (ago(FIRST), ago(LAST), (ago(GAP.0), ago(GAP.1)));
    let passphrase = Passphrase::new(services.passphrase().into());
    let store = Store::open(&services.data().join("state.db"), &passphrase).unwrap();
    let times: Vec<Timestamp> = std::iter::successors(Some(first), |time| Some(time.after(STEP)))
        .take_while(|time| *time <= last)
        .filter(|time| *time <= gap.0 || *time >= gap.1)
        .collect();
    let mut sequence = 0;
    for part in times.chunks(TOGETHER) {
        let samples = part.iter().map(|time| {
            sequence += 1;
            NumberedSample { sequence, sample: sample(*time) }
        });
        record(&store, samples.collect(), last).await;
    }
    while store.write(move |tx| roll_up(tx, now)).await.unwrap() > 0 {}
    json!({ "past": {
        "host": HOST,
        "from": first.as_millis(),
        "to": last.as_millis(),
        "gap": { "from": gap.0.as_millis(), "to": gap.1.as_millis() },
        "hostile": { "mount": MOUNT, "network": NETWORK, "system": SYSTEM },
    }})
}

async fn record(store: &Store, samples: Vec<NumberedSample>, stored_at: Timestamp) {
    let stream = ContentId::from_bytes([7; 16]);
    let telemetry = body::Telemetry { stream, samples, lost: Vec::new() };
    let step = move |tx: &Tx<'_>| -> Result<(), SqlError> {
        tx.telemetry().record_all(&host(), &telemetry, stored_at)
    };
    store.write(step).await.unwrap();
}

fn roll_up(tx: &Tx<'_>, now: Timestamp) -> Result<usize, SqlError> {
    tx.telemetry().roll_up(&host(), &Retention::default(), now)
}

fn host() -> Handle {
    HOST.parse().unwrap()
}

/// Its numbers go up and down once an hour.
fn sample(at: Timestamp) -> Sample {
    let minute = u32::try_from(at.as_millis() / 60_000 % 60).unwrap();
    let share = f64::from(minute.abs_diff(30)) / 30.0;
    #[expect(clippy::cast_possible_truncation, reason = "a made-up number")]
    let percent = (share * 60.0) as f32 + 20.0;
    let disk = |mount: &str, used| Disk {
        mount: mount.to_owned(),
        file_system: "ext4".to_owned(),
        total_bytes: 400 * GIB,
        used_bytes: used,
        read_bytes_per_s: Some(share * 1e6),
        write_bytes_per_s: Some(share * 4e6),
    };
    let network = |interface: &str| Network {
        interface: interface.to_owned(),
        received_bytes_per_s: Some(share * 1e6),
        sent_bytes_per_s: Some(share * 3e5),
        errors: Some(0),
    };
    Sample {
        cpu_percent: Some(percent),
        load_1: Some(share * 4.0),
        load_5: Some(2.0),
        load_15: Some(2.0),
        memory_total_bytes: Some(32 * GIB),
        memory_used_bytes: Some(9 * GIB),
        memory_available_bytes: Some(23 * GIB),
        disks: vec![disk("/", 100 * GIB), disk(MOUNT, 300 * GIB)],
        networks: vec![network("eth0"), network(NETWORK)],
        os: Some(SYSTEM.to_owned()),
        kernel: Some("6.1.0-28-amd64".to_owned()),
        ..Sample::empty(at)
    }
}

fn now() -> Timestamp {
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap();
    Timestamp::from_millis(since.as_millis().try_into().unwrap())
}
