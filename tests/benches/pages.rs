//! How long the web server takes for what its pages ask, with a hundred hosts and thirty days.
//!
//! `sysmaint up` as it is used, over its real store, asked over HTTP on one connection, one request
//! after the other. One host has the samples that a probe with the default interval leaves after
//! thirty days of rolling up; the other ones have fewer, so that filling takes seconds and not an
//! hour, and are as many rows of the status.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "a benchmark"
)]

use std::{
    fs,
    path::Path,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use sysmaint_protocol::{
    Alert, ContentId, Handle, Timestamp,
    alert::{Severity, State},
    body::{NumberedSample, Telemetry},
    sample::{Disk, Network, Process, Processes, Sample, Temperature},
};
use sysmaint_store::{Passphrase, Retention, SqlError, Store, Tx};
use sysmaint_tests::Stack;

const HOSTS: u64 = 100;
const ALERTS: u64 = 1_000;
const RUNS: usize = 300;
const DAY: u64 = 24 * 3600;
const GIB: u64 = 1 << 30;
/// Samples of one transaction.
const BATCH: usize = 360;
/// What a host has: from so many seconds ago on, a sample every so many seconds.
const DENSE: [(u64, u64); 3] = [(30 * DAY, 600), (7 * DAY, 60), (DAY, 10)];
const SPARSE: [(u64, u64); 2] = [(30 * DAY, 4 * 3600), (DAY, 1800)];

#[tokio::main]
async fn main() {
    let mut stack = Stack::builder().with("SYSMAINT_PROBE_INTERVAL_MS", 10_000).start().await;
    assert!(stack.stop().await);
    let started = Instant::now();
    let samples = fill(&stack.data()).await;
    let took = started.elapsed().as_secs_f64();
    println!("{HOSTS} hosts, {samples} samples, {ALERTS} alerts, made in {took:.0} s");
    stack.restart().await;

    let now = now();
    let hour = (now.before(Duration::from_hours(1)), now);
    let alerts = format!("/api/alerts?host={}&from={}&to={}", host(0), hour.0, hour.1);
    let series = |range| format!("/api/status/series?host={}&range={range}", host(0));
    println!("\n{RUNS} requests each            p50 ms   p99 ms      bytes");
    for (name, path) in [
        ("/api/status/current", "/api/status/current".to_owned()),
        ("/api/status/series, 1 h", series("1h")),
        ("/api/status/series, 24 h", series("24h")),
        ("/api/status/series, 30 d", series("30d")),
        ("/api/alerts", "/api/alerts".to_owned()),
        ("/api/alerts, 1 h of a host", alerts),
        ("/api/status/link", "/api/status/link".to_owned()),
    ] {
        measure(name, &stack.web().url(&path)).await;
    }
}

async fn measure(name: &str, url: &str) {
    let client = reqwest::Client::new();
    let mut times = Vec::with_capacity(RUNS);
    let mut bytes = 0;
    // The first opens the connection, and fills caches.
    for run in 0..=RUNS {
        let started = Instant::now();
        let answer = client.get(url).send().await.unwrap().error_for_status().unwrap();
        bytes = answer.bytes().await.unwrap().len();
        if run > 0 {
            times.push(started.elapsed());
        }
    }
    times.sort_unstable();
    let at = |share: usize| times[(RUNS - 1) * share / 100].as_secs_f64() * 1e3;
    println!("{name:<27}  {:>7.2}  {:>7.2}  {bytes:>9}", at(50), at(99));
}

/// Fills the web server's store, which nobody else has open; how many samples that were.
async fn fill(data: &Path) -> u64 {
    let passphrase = fs::read_to_string(data.join("passphrase")).unwrap();
    let passphrase = Passphrase::new(passphrase.trim().to_owned().into());
    let store = Store::open(&data.join("state.db"), &passphrase).unwrap();
    let now = now();
    let mut samples = 0;
    for index in 0..HOSTS {
        let stretches = if index == 0 { &DENSE[..] } else { &SPARSE[..] };
        samples += record(&store, index, stretches, now).await;
    }
    store.write(move |tx| alerts(tx, now)).await.unwrap();
    samples
}

async fn record(store: &Store, index: u64, stretches: &[(u64, u64)], now: Timestamp) -> u64 {
    let ends = stretches.iter().skip(1).map(|(begin, _)| *begin).chain([0]);
    let stretch = |((begin, step), end): (&(u64, u64), u64)| {
        let seconds = (end + 1..=*begin).rev().step_by(*step as usize);
        seconds.map(|ago| now.before(Duration::from_secs(ago))).collect::<Vec<_>>()
    };
    let moments: Vec<_> = stretches.iter().zip(ends).flat_map(stretch).collect();
    let name = host(index);
    let stream = ContentId::from_bytes([index.to_le_bytes()[0]; 16]);
    for (batch, moments) in moments.chunks(BATCH).enumerate() {
        let numbered = moments.iter().enumerate().map(|(at, moment)| NumberedSample {
            sequence: (batch * BATCH + at + 1) as u64,
            sample: sample(index, *moment),
        });
        let (name, telemetry) =
            (name.clone(), Telemetry { stream, samples: numbered.collect(), lost: Vec::new() });
        let step = move |tx: &Tx<'_>| -> Result<(), SqlError> {
            tx.telemetry().record_all(&name, &telemetry, now)
        };
        store.write(step).await.unwrap();
    }
    loop {
        let name = name.clone();
        let step = move |tx: &Tx<'_>| tx.telemetry().roll_up(&name, &Retention::default(), now);
        if store.write(step).await.unwrap() == 0 {
            break;
        }
    }
    store.write(move |tx| tx.telemetry().prune(now, &Retention::default())).await.unwrap();
    moments.len() as u64
}

/// One in fifty is firing.
fn alerts(tx: &Tx<'_>, now: Timestamp) -> Result<(), SqlError> {
    for index in 0..ALERTS {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&index.to_le_bytes());
        let since = now.before(Duration::from_mins(30 * index + 20));
        let is_firing = index.is_multiple_of(50);
        tx.alerts().put(&Alert {
            id: ContentId::from_bytes(id),
            host: host(index % HOSTS),
            rule: "cpu_percent>90/10m".to_owned(),
            metric: Some("cpu_percent".to_owned()),
            severity: Severity::Warning,
            state: if is_firing { State::Firing } else { State::Resolved },
            since,
            until: (!is_firing).then(|| since.after(Duration::from_mins(15))),
            summary: "CPU averaged 97% over 10 min, the limit is 90%".to_owned(),
            cause: Some("`cc1plus` (pid 4711) with 388% of one core".to_owned()),
        })?;
    }
    Ok(())
}

fn host(index: u64) -> Handle {
    format!("diagprobe-{index:03}").parse().unwrap()
}

/// Eight cores, two disks, two interfaces, a sensor and ten processes.
fn sample(host: u64, at: Timestamp) -> Sample {
    let noise = |salt: u64, most: u64| {
        let mixed =
            (at.as_millis() / 1000 + host * 7919 + salt * 104_729).wrapping_mul(0x9e37_79b9);
        (mixed >> 7) % most
    };
    let percent = |salt| noise(salt, 10_000) as f32 / 100.0;
    let disk = |salt, mount: &str| Disk {
        mount: mount.to_owned(),
        file_system: "ext4".to_owned(),
        total_bytes: 400 * GIB,
        used_bytes: 100 * GIB + noise(salt, GIB),
        read_bytes_per_s: Some(f64::from(percent(salt + 1)) * 1e4),
        write_bytes_per_s: Some(f64::from(percent(salt + 2)) * 1e5),
    };
    let network = |salt, interface: &str| Network {
        interface: interface.to_owned(),
        received_bytes_per_s: Some(f64::from(percent(salt)) * 1e4),
        sent_bytes_per_s: Some(f64::from(percent(salt + 1)) * 1e3),
        errors: Some(0),
    };
    let process = |index: u64| Process {
        pid: 1_000 + index as u32,
        name: format!("service-{index}"),
        cpu_percent: percent(70 + index) / 3.0,
        memory_bytes: noise(80 + index, 2 * GIB),
    };
    Sample {
        uptime_s: Some(at.as_millis() / 1000 % 9_000_000),
        cpu_percent: Some(percent(1)),
        cpu_cores_percent: (0..8).map(|core| percent(10 + core)).collect(),
        load_1: Some(f64::from(percent(2)) / 12.0),
        load_5: Some(f64::from(percent(3)) / 12.0),
        load_15: Some(f64::from(percent(4)) / 12.0),
        memory_total_bytes: Some(32 * GIB),
        memory_used_bytes: Some(9 * GIB + noise(5, GIB)),
        memory_available_bytes: Some(21 * GIB + noise(6, GIB)),
        swap_total_bytes: Some(4 * GIB),
        swap_used_bytes: Some(0),
        disks: vec![disk(20, "/"), disk(30, "/var")],
        networks: vec![network(40, "eth0"), network(50, "lo")],
        temperatures: vec![Temperature {
            sensor: "Package id 0".to_owned(),
            celsius: 40.0 + percent(60) / 4.0,
        }],
        processes: Some(Processes {
            count: 200 + noise(7, 40),
            top_cpu: (0..5).map(process).collect(),
            top_memory: (5..10).map(process).collect(),
        }),
        os: Some("Debian GNU/Linux 12 (bookworm)".to_owned()),
        kernel: Some("6.1.0-28-amd64".to_owned()),
        ..Sample::empty(at)
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap())
}
