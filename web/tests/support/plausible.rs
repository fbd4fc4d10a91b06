//! Numbers as a real host would have them, the same each time.

use std::time::Duration;

use sysmaint_protocol::{
    Alert, ContentId, Handle, Timestamp,
    alert::{Severity, State},
    body::{Answer, Tokens, ToolUse, Usage},
    sample::{Disk, Network, Process, Processes, Sample, Temperature},
};
use sysmaint_store::{Gap, History, Metric, Series, Summary, readings};
use sysmaint_web::backend::{HostStatus, Measure, Point, Range, Window};

const GIB: u64 = 1 << 30;

/// A host with a sample taken at `at`; only one of three tells its temperature.
pub fn host(name: &str, at: Timestamp, stale: bool) -> HostStatus {
    let host: Handle = name.parse().unwrap();
    let sample = sample(&host, at);
    HostStatus { host, last_seen: at, stale, missing: 0, lost: 0, late: 0, duplicate: 0, sample }
}

/// A host's history up to `now`, with a gap; rolled up for a day and more.
pub fn history(host: &Handle, range: Range, now: Timestamp) -> Vec<Point> {
    let span = range.span();
    let step = span / if range == Range::Hour { 360 } else { 480 };
    let rolled_up = range >= Range::Day;
    let gap = now.before(span * 2 / 5)..now.before(span * 7 / 20);
    (0..480)
        .rev()
        .map(|back| now.before(step * back))
        .filter(|time| now.since(*time) <= span && !gap.contains(time))
        .map(|time| point(&sample(host, time), rolled_up))
        .collect()
}

/// A hundred points with the readings of a sample, and a gap of ten; rolled up beyond an hour.
pub fn series(sample: &Sample, window: Window, metrics: &[Metric]) -> History {
    let Window { from, to } = window;
    let step = to.since(from) / 100;
    let times: Vec<_> = (0..100).map(|index| from.after(step * index)).collect();
    let rolled_up = to.since(from) > Range::Hour.span();
    let value = |value: f64, index: usize| {
        let wide = Summary { low: value - 1.0, high: value + 1.0, sum: value * 6.0, count: 6 };
        let summary = if rolled_up { wide } else { Summary::one(value) };
        (!(40..50).contains(&index)).then_some(summary)
    };
    let series = readings(sample)
        .into_iter()
        .filter(|reading| metrics.is_empty() || metrics.contains(&reading.metric))
        .map(|reading| Series {
            metric: reading.metric,
            label: reading.label.clone().into_owned(),
            values: (0..100).map(|index| value(reading.value, index)).collect(),
        })
        .collect();
    let gaps = vec![Gap { from: times[39], to: times[50], missing: 10 }];
    History { step, rolled_up, times, series, gaps }
}

fn point(sample: &Sample, rolled_up: bool) -> Point {
    let measure = |value: f64| Measure {
        value,
        spread: rolled_up.then(|| (value * 0.72, (value * 1.35).min(value + 30.0))),
    };
    let mut point = Point::empty(sample.taken_at);
    point.cpu_percent = sample.cpu_percent.map(|value| measure(value.into()));
    point.load_1 = sample.load_1.map(measure);
    point.memory_used_bytes = sample.memory_used_bytes.map(Measure::exact);
    point.swap_used_bytes = sample.swap_used_bytes.map(Measure::exact);
    point.disk_used_percent_max = sample.disk_used_percent_max().map(measure);
    point.received_bytes_per_s = sample.received_bytes_per_s().map(Measure::exact);
    point.sent_bytes_per_s = sample.sent_bytes_per_s().map(Measure::exact);
    point.celsius_max = sample.celsius_max().map(|value| measure(value.into()));
    point
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "made-up numbers"
)]
fn sample(host: &Handle, at: Timestamp) -> Sample {
    let seed = host.as_str().bytes().fold(7, |sum, byte| (sum * 31 + u64::from(byte)) % 9973);
    let seconds = at.as_millis() as f64 / 1000.0;
    let random = |salt: u64| (noise(seed + salt, at.as_millis() / 10_000) % 1000) as f64 / 1000.0;
    let wave = |period: f64| 0.5 + 0.5 * (seconds / period + seed as f64).sin();
    let cores = 4 + 4 * (seed % 3);
    let busy = 8.0 + 30.0 * wave(900.0) + 14.0 * wave(140.0) + 9.0 * random(1);
    let peak = if random(2) > 0.985 { 35.0 } else { 0.0 };
    let cpu = (busy + peak).min(99.0);
    let mut sample = Sample::empty(at);
    sample.uptime_s = Some(1_234_567 + at.as_millis() / 1000 % 86_400);
    sample.cpu_percent = Some(cpu as f32);
    sample.cpu_cores_percent =
        (0..cores).map(|core| (cpu * (0.4 + 1.2 * random(10 + core))).min(100.0) as f32).collect();
    sample.load_1 = Some(cpu / 100.0 * cores as f64 * 1.1);
    sample.load_5 = Some(cpu / 100.0 * cores as f64);
    sample.load_15 = Some(cpu / 100.0 * cores as f64 * 0.9);
    let total = (4 * GIB) << (seed % 3);
    sample.memory_total_bytes = Some(total);
    let used = total as f64 * (0.48 + 0.2 * wave(5000.0) + 0.01 * random(3));
    sample.memory_used_bytes = Some(used as u64);
    sample.memory_available_bytes = Some(total - used as u64);
    sample.swap_total_bytes = Some(2 * GIB);
    sample.swap_used_bytes = Some((0.1 * GIB as f64 * wave(9000.0)) as u64);
    sample.disks = vec![
        disk("/", 60 * GIB, 0.42 + 0.1 * (seed % 5) as f64, random(4)),
        disk("/var/lib/postgresql", 400 * GIB, 0.83, random(5)),
    ];
    sample.networks = vec![
        network("eth0", 900_000.0 * wave(600.0) + 90_000.0 * random(6), 240_000.0 * wave(450.0)),
        network("lo", 120_000.0, 120_000.0),
    ];
    if seed.is_multiple_of(2) {
        let celsius = 41.0 + 18.0 * wave(900.0) as f32;
        sample.temperatures = vec![Temperature { sensor: "Package id 0".to_owned(), celsius }];
    }
    sample.processes = Some(processes(cpu as f32));
    sample.os = Some("Debian GNU/Linux 12 (bookworm)".to_owned());
    sample.kernel = Some("6.1.0-28-amd64".to_owned());
    sample
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "made-up numbers"
)]
fn disk(mount: &str, total: u64, used: f64, activity: f64) -> Disk {
    Disk {
        mount: mount.to_owned(),
        file_system: "ext4".to_owned(),
        total_bytes: total,
        used_bytes: (total as f64 * used.min(0.97)) as u64,
        read_bytes_per_s: Some(80_000.0 * activity),
        write_bytes_per_s: Some(900_000.0 * activity),
    }
}

fn network(interface: &str, received: f64, sent: f64) -> Network {
    Network {
        interface: interface.to_owned(),
        received_bytes_per_s: Some(received),
        sent_bytes_per_s: Some(sent),
        errors: Some(0),
    }
}

fn processes(cpu: f32) -> Processes {
    let all = [
        (2114, "postgres", 1.6, 3_870_000_000),
        (811, "nginx", 0.9, 96_000_000),
        (903, "nats-server", 0.4, 61_000_000),
        (4410, "backup.sh <b>not bold</b>", 0.2, 12_000_000),
        (1, "systemd", 0.1, 14_000_000),
    ];
    let top_cpu: Vec<_> = all
        .into_iter()
        .map(|(pid, name, share, memory_bytes)| Process {
            pid,
            name: name.to_owned(),
            cpu_percent: cpu * share,
            memory_bytes,
        })
        .collect();
    let mut top_memory = top_cpu.clone();
    top_memory.sort_by_key(|process| std::cmp::Reverse(process.memory_bytes));
    Processes { count: 214, top_cpu, top_memory }
}

/// An alert of a busy host.
pub fn alert(id: u8, state: State) -> Alert {
    let since = Timestamp::from_millis(1_795_426_200_000 + u64::from(id));
    Alert {
        id: ContentId::from_bytes([id; 16]),
        host: "diagprobe".parse().unwrap(),
        rule: "cpu_percent>90/10m".to_owned(),
        metric: Some("cpu_percent".to_owned()),
        severity: Severity::Warning,
        state,
        since,
        until: (state == State::Resolved).then(|| since.after(Duration::from_mins(20))),
        summary: "CPU averaged 97% over 10 min, the limit is 90%".to_owned(),
        cause: Some("`cc1plus` (pid 4711) with 388% of one core".to_owned()),
    }
}

pub fn id(number: u64) -> ContentId {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&noise(number, 0).to_be_bytes());
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    ContentId::from_bytes(bytes)
}

pub fn answer(prompt: &str, total: Usage, time: Duration) -> Answer {
    let text = format!(
        "**web1** carries a load of `1.42` on 8 cores, which is usual for this hour.\n\n\
         Two things stand out:\n\n\
         - Memory grew from 9.1 GiB to **11.6 GiB** since 06:00; `postgres` holds most of it.\n\
         - `db1` has sent nothing for 14 minutes.\n\n\
         1. Look at the connection of `db1` first.\n2. Then at `shared_buffers`.\n\n\
         ```\nhost  cpu  load\nweb1  31%  1.42\n```\n\n\
         You asked: {prompt} <img src=x onerror=alert(1)> [link](javascript:alert(1))"
    );
    let tools = [("get_current_status", "{}"), ("get_anomaly_summary", r#"{"hours":24}"#)];
    Answer {
        text,
        model: "gpt-4o-mini".to_owned(),
        refused: false,
        stopped: false,
        tools: tools
            .map(|(name, arguments)| ToolUse { name: name.into(), arguments: arguments.into() })
            .into(),
        usage: Tokens {
            input_tokens: 1840,
            output_tokens: 212,
            cost_usd: 0.000_403,
            estimated: false,
        },
        total,
        took_ms: u64::try_from(time.as_millis()).unwrap(),
    }
}

/// Bytes with the outer shape of an envelope and nothing inside.
pub fn envelope(seed: u64, message: usize) -> Vec<u8> {
    let mut bytes = vec![0x11, 0x0a, 33, 0x05];
    let fill = |bytes: &mut Vec<u8>, count: usize| {
        let from = bytes.len() as u64;
        bytes.extend((0..count as u64).map(|at| noise(seed, from + at).to_be_bytes()[0]));
    };
    fill(&mut bytes, 32);
    bytes.extend([0x12, 43]);
    fill(&mut bytes, 43);
    let length = u32::try_from(message + 380).unwrap();
    bytes.extend([0x1a, length.to_le_bytes()[0] | 0x80, (length >> 7).to_le_bytes()[0]]);
    fill(&mut bytes, message + 380);
    bytes
}

/// SplitMix64: noise that is the same each time.
pub fn noise(seed: u64, at: u64) -> u64 {
    let mut mixed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(at);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9).wrapping_add(at);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
