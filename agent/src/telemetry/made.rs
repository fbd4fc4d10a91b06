//! Hand-made telemetry for tests, in memory.

use std::{collections::BTreeMap, time::Duration};

use sysmaint_protocol::{
    Handle, Timestamp,
    sample::{Disk, Network, Process, Processes, Sample, Temperature},
};

use super::{HostState, Telemetry, TelemetryError};
use crate::tools::{SILENT_AFTER, View};

/// 2026-11-23T09:30:00Z.
const NOW: u64 = 1_795_426_200_000;

const GIB: u64 = 1 << 30;

/// Hosts and their samples, oldest first.
pub(crate) struct Made {
    hosts: BTreeMap<Handle, Series>,
    broken: bool,
}

struct Series {
    last_seen: Timestamp,
    missing: u64,
    samples: Vec<Sample>,
}

impl Made {
    /// No host has reported.
    pub(crate) fn nobody() -> Self {
        Self { hosts: BTreeMap::new(), broken: false }
    }

    /// A store that cannot be read.
    pub(crate) fn broken() -> Self {
        Self { broken: true, ..Self::nobody() }
    }

    /// Hosts of which nothing is known but that they exist.
    pub(crate) fn named(names: &[&str]) -> Self {
        let mut made = Self::nobody();
        for name in names {
            made.put(name, vec![Sample::empty(made.time_before(5))]);
        }
        made
    }

    /// `web1` at rest and `web2` busier, each with one sample of five seconds ago.
    pub(crate) fn two_hosts() -> Self {
        let mut made = Self::nobody();
        let sample = usual(made.time_before(5));
        let busier = Sample {
            cpu_percent: Some(75.0),
            load_1: Some(1.75),
            memory_used_bytes: Some(12 * GIB),
            uptime_s: Some(7_200),
            ..sample.clone()
        };
        made.put("web1", vec![sample]);
        made.put("web2", vec![busier]);
        made
    }

    /// Many hosts, each with all that a sample can hold and a full history.
    pub(crate) fn crowd(count: usize) -> Self {
        let mut made = Self::nobody();
        for index in 0..count {
            let name = format!("h{index}");
            made.put(&name, vec![crowded(made.time_before(5))]);
            made.course(&name, 60, 60, |sample, _| *sample = crowded(sample.taken_at));
        }
        made
    }

    pub(crate) fn put(&mut self, host: &str, samples: Vec<Sample>) {
        let series = Series { last_seen: self.time_before(5), missing: 0, samples };
        self.hosts.insert(host.parse().unwrap(), series);
    }

    /// Gives a host `count` samples, one each `step` seconds, the last of them now. They are like
    /// its newest one, changed by `change(sample, index)`.
    pub(crate) fn course(
        &mut self,
        host: &str,
        count: u64,
        step: u64,
        change: impl Fn(&mut Sample, u64),
    ) {
        let pattern = self.sample(host).clone();
        let sample = |index: u64| {
            let taken_at = self.time_before((count - 1 - index) * step);
            let mut sample = Sample { taken_at, ..pattern.clone() };
            change(&mut sample, index);
            sample
        };
        let samples = (0..count).map(sample).collect();
        self.put(host, samples);
    }

    /// Moves all that was heard of a host into the past.
    pub(crate) fn hush(&mut self, host: &str, seconds: u64) {
        let last_seen = self.time_before(seconds);
        let series = self.hosts.get_mut(&host.parse::<Handle>().unwrap()).unwrap();
        series.last_seen = last_seen;
        let quiet = Duration::from_secs(seconds);
        for sample in &mut series.samples {
            sample.taken_at = sample.taken_at.before(quiet);
        }
    }

    pub(crate) fn lose(&mut self, host: &str, missing: u64) {
        self.hosts.get_mut(&host.parse::<Handle>().unwrap()).unwrap().missing = missing;
    }

    pub(crate) fn change(&mut self, host: &str, change: impl FnOnce(&mut Sample)) {
        let series = self.hosts.get_mut(&host.parse::<Handle>().unwrap()).unwrap();
        change(series.samples.last_mut().unwrap());
    }

    pub(crate) fn sample(&self, host: &str) -> &Sample {
        self.hosts[&host.parse::<Handle>().unwrap()].samples.last().unwrap()
    }

    pub(crate) fn state(&self, host: &str) -> HostState {
        let hosts = self.hosts().unwrap();
        hosts.into_iter().find(|state| state.host.as_str() == host).unwrap()
    }

    #[expect(clippy::unused_self, reason = "reads like the rest")]
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_millis(NOW)
    }

    pub(crate) fn time_before(&self, seconds: u64) -> Timestamp {
        self.now().before(Duration::from_secs(seconds))
    }

    pub(crate) fn view(&self) -> View<'_> {
        View { telemetry: self, now: self.now(), silent_after: SILENT_AFTER }
    }
}

impl Telemetry for Made {
    fn hosts(&self) -> Result<Vec<HostState>, TelemetryError> {
        if self.broken {
            return Err(TelemetryError::new("disk I/O error"));
        }
        let state = |(host, series): (&Handle, &Series)| HostState {
            host: host.clone(),
            last_seen: series.last_seen,
            sample: series.samples.last().unwrap().clone(),
            missing: series.missing,
            lost: 0,
        };
        Ok(self.hosts.iter().map(state).collect())
    }

    fn samples(
        &self,
        host: &Handle,
        from: Timestamp,
        to: Timestamp,
        max_points: usize,
    ) -> Result<Vec<Sample>, TelemetryError> {
        if self.broken {
            return Err(TelemetryError::new("disk I/O error"));
        }
        let within = |sample: &&Sample| (from..=to).contains(&sample.taken_at);
        let samples: Vec<_> = self.hosts[host].samples.iter().filter(within).cloned().collect();
        let step = samples.len().div_ceil(max_points).max(1);
        let kept = samples.into_iter().rev().step_by(step);
        let mut kept: Vec<_> = kept.collect();
        kept.reverse();
        Ok(kept)
    }
}

/// Between -1 and 1, the same for the same arguments, without memory.
pub(crate) fn noise(seed: u64, index: u64) -> f64 {
    let mut bits = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(index);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let step = u16::try_from((bits ^ (bits >> 31)) % 2_001).unwrap();
    f64::from(step) / 1_000.0 - 1.0
}

fn usual(taken_at: Timestamp) -> Sample {
    let disk = |mount: &str, used: u64| Disk {
        mount: mount.to_owned(),
        file_system: "ext4".to_owned(),
        total_bytes: 100 * GIB,
        used_bytes: used * GIB,
        read_bytes_per_s: Some(0.0),
        write_bytes_per_s: Some(4_096.0),
    };
    let process = |pid, name: &str, cpu_percent, memory: u64| Process {
        pid,
        name: name.to_owned(),
        cpu_percent,
        memory_bytes: memory << 20,
    };
    Sample {
        uptime_s: Some(273_600),
        cpu_percent: Some(12.5),
        cpu_cores_percent: vec![10.0, 15.0],
        load_1: Some(0.25),
        load_5: Some(0.2),
        load_15: Some(0.15),
        memory_total_bytes: Some(16 * GIB),
        memory_used_bytes: Some(8 * GIB),
        memory_available_bytes: Some(8 * GIB),
        swap_total_bytes: Some(4 * GIB),
        swap_used_bytes: Some(0),
        disks: vec![disk("/", 40), disk("/data", 63)],
        networks: vec![
            Network {
                interface: "lo".to_owned(),
                received_bytes_per_s: Some(9e9),
                sent_bytes_per_s: Some(9e9),
                errors: Some(0),
            },
            Network {
                interface: "eth0".to_owned(),
                received_bytes_per_s: Some(2_048.0),
                sent_bytes_per_s: Some(1_024.0),
                errors: Some(0),
            },
        ],
        temperatures: vec![Temperature { sensor: "Package id 0".to_owned(), celsius: 48.5 }],
        processes: Some(Processes {
            count: 120,
            top_cpu: vec![process(310, "nginx", 18.0, 90), process(1, "systemd", 0.5, 12)],
            top_memory: vec![process(400, "postgres", 2.0, 2_048), process(310, "nginx", 18.0, 90)],
        }),
        os: Some("Linux (Debian GNU/Linux 12)".to_owned()),
        kernel: Some("6.18.44".to_owned()),
        ..Sample::empty(taken_at)
    }
}

/// As many and as long names as a sample can hold, all of it in trouble.
fn crowded(taken_at: Timestamp) -> Sample {
    let name = |index: usize| format!("{index}{}", "\"\\".repeat(60));
    let mut sample = usual(taken_at);
    let disk = sample.disks[0].clone();
    let process = sample.processes.as_ref().unwrap().top_cpu[0].clone();
    sample.disks = (0..64)
        .map(|index| Disk { mount: name(index), used_bytes: 99 * GIB, ..disk.clone() })
        .collect();
    sample.temperatures =
        (0..64).map(|index| Temperature { sensor: name(index), celsius: 99.99 }).collect();
    let network = sample.networks[1].clone();
    sample.networks =
        (0..64).map(|index| Network { interface: name(index), ..network.clone() }).collect();
    let processes: Vec<_> =
        (0..8).map(|index| Process { name: name(index), ..process.clone() }).collect();
    sample.processes =
        Some(Processes { count: 4_000, top_cpu: processes.clone(), top_memory: processes });
    sample
}
