//! A host with eight cores, three disks, two interfaces and four sensors, over a year.
//!
//! Of the last forty days there is a sample every ten seconds; before that one every ten minutes,
//! which makes the same buckets of two hours, all that is left of those days.

use std::time::{Duration, Instant};

use sysmaint_protocol::{
    ContentId, Handle, Timestamp,
    body::{self, NumberedSample},
    sample::{Disk, Network, Process, Processes, Sample, Temperature},
};
use sysmaint_store::{SqlError, Store, Tx};

/// 2026-11-23T09:30:00Z.
pub(crate) const END: Timestamp = Timestamp::from_millis(1_795_426_200_000);
pub(crate) const HOST: &str = "diagprobe";

const DAY: u64 = 24 * 3600;
const FINE_DAYS: u64 = 40;
/// Messages of the last day, whose recording is timed, each in a transaction of its own.
const TIMED: u64 = DAY / 60;
const STREAM: ContentId = ContentId::from_bytes([7; 16]);
const GIB: u64 = 1 << 30;

/// Samples a second.
pub(crate) struct Rate {
    pub(crate) recorded: f64,
    pub(crate) rolled_up: f64,
}

/// Records, rolls up and prunes day by day; how many samples that were, and how fast.
pub(crate) async fn fill(store: &Store) -> (u64, Rate) {
    let mut numbers = Numbers { next: 1, samples: 0 };
    for day in (FINE_DAYS..=365).rev() {
        let samples = numbers.message(day * DAY, 600, DAY / 600);
        record(store, samples).await;
        roll_up(store, day - 1).await;
    }
    let mut rolling = Duration::ZERO;
    for day in (1..FINE_DAYS).rev() {
        for hour in (0..24).rev() {
            record(store, numbers.message((day * 24 + hour + 1) * 3600, 10, 360)).await;
        }
        let started = Instant::now();
        roll_up(store, day).await;
        rolling += started.elapsed();
    }
    let started = Instant::now();
    for message in 0..TIMED {
        record(store, numbers.message(DAY - message * 60, 10, 6)).await;
    }
    let recording = started.elapsed();
    roll_up(store, 0).await;
    let recorded = f64::from(6 * u32::try_from(TIMED).unwrap()) / recording.as_secs_f64();
    let rolled = 8640 * (u32::try_from(FINE_DAYS).unwrap() - 1);
    let rolled_up = f64::from(rolled) / rolling.as_secs_f64();
    (numbers.samples, Rate { recorded, rolled_up })
}

struct Numbers {
    next: u64,
    samples: u64,
}

impl Numbers {
    /// Samples from `ago` seconds before the end on, but none after the end.
    fn message(&mut self, ago: u64, step: u64, count: u64) -> body::Telemetry {
        let begin = END.before(Duration::from_secs(ago));
        let samples: Vec<_> = (0..count)
            .map(|index| begin.after(Duration::from_secs(index * step)))
            .filter(|time| *time <= END)
            .map(|time| {
                self.next += 1;
                NumberedSample { sequence: self.next, sample: sample(time) }
            })
            .collect();
        self.samples += samples.len() as u64;
        body::Telemetry { stream: STREAM, samples, lost: Vec::new() }
    }
}

async fn record(store: &Store, telemetry: body::Telemetry) {
    let host: Handle = HOST.parse().unwrap();
    let step = move |tx: &Tx<'_>| -> Result<(), SqlError> {
        tx.telemetry().record_all(&host, &telemetry, END)
    };
    store.write(step).await.unwrap();
}

async fn roll_up(store: &Store, days_ago: u64) {
    let (host, now): (Handle, _) =
        (HOST.parse().unwrap(), END.before(Duration::from_secs(days_ago * DAY)));
    loop {
        let host = host.clone();
        let step = move |tx: &Tx<'_>| tx.telemetry().roll_up(&host, &super::retention(), now);
        if store.write(step).await.unwrap() == 0 {
            break;
        }
    }
    store.write(move |tx| tx.telemetry().prune(now, &super::retention())).await.unwrap();
}

#[expect(clippy::cast_possible_truncation, reason = "made-up numbers")]
fn sample(at: Timestamp) -> Sample {
    let moment = at.as_millis() / 10_000;
    let random =
        |salt: u64| f64::from(u32::try_from(noise(salt, moment) % 10_007).unwrap()) / 10_007.0;
    let bytes = |salt, most: u64| noise(salt, moment) % most;
    let disk = |index: u64, mount: &str| Disk {
        mount: mount.to_owned(),
        file_system: "ext4".to_owned(),
        total_bytes: 400 * GIB,
        used_bytes: 100 * GIB + bytes(20 + index, GIB),
        read_bytes_per_s: Some(random(30 + index) * 1e7),
        write_bytes_per_s: Some(random(40 + index) * 1e7),
    };
    let network = |index: u64, interface: &str| Network {
        interface: interface.to_owned(),
        received_bytes_per_s: Some(random(50 + index) * 1e6),
        sent_bytes_per_s: Some(random(60 + index) * 1e6),
        errors: Some(0),
    };
    let process = |index: u64| Process {
        pid: 1000 + u32::try_from(index).unwrap(),
        name: format!("service-{index}"),
        cpu_percent: (random(70 + index) * 40.0) as f32,
        memory_bytes: bytes(80 + index, 2 * GIB),
    };
    let sensor = |index: u64| Temperature {
        sensor: format!("coretemp Core {index}"),
        celsius: 40.0 + (random(90 + index) * 30.0).round() as f32,
    };
    Sample {
        uptime_s: Some(at.as_millis() / 1000 % 9_000_000),
        cpu_percent: Some((random(1) * 100.0) as f32),
        cpu_cores_percent: (0..8).map(|core| (random(10 + core) * 100.0) as f32).collect(),
        load_1: Some(random(2) * 8.0),
        load_5: Some(random(3) * 8.0),
        load_15: Some(random(4) * 8.0),
        memory_total_bytes: Some(32 * GIB),
        memory_used_bytes: Some(9 * GIB + bytes(5, GIB)),
        memory_available_bytes: Some(21 * GIB + bytes(6, GIB)),
        swap_total_bytes: Some(4 * GIB),
        swap_used_bytes: Some(0),
        disks: vec![disk(0, "/"), disk(1, "/var"), disk(2, "/srv/data")],
        networks: vec![network(0, "eth0"), network(1, "lo")],
        temperatures: (0..4).map(sensor).collect(),
        processes: Some(Processes {
            count: 200 + bytes(7, 40),
            top_cpu: (0..5).map(process).collect(),
            top_memory: (5..10).map(process).collect(),
        }),
        os: Some("Debian GNU/Linux 12 (bookworm)".to_owned()),
        kernel: Some("6.1.0-28-amd64".to_owned()),
        ..Sample::empty(at)
    }
}

/// SplitMix64: noise that is the same each time.
fn noise(seed: u64, at: u64) -> u64 {
    let mut mixed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(at);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
