//! Two hosts that give every thing that they can name the same name.

use std::time::Duration;

use sysmaint_agent::telemetry::{HostState, Telemetry, TelemetryError};
use sysmaint_protocol::{
    Handle, Timestamp,
    sample::{Disk, Network, Process, Processes, Sample, Temperature},
};

const GIB: u64 = 1 << 30;

/// 2026-11-23T09:30:00Z.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_millis(1_795_426_200_000)
}

/// Hosts in trouble, so that every text that a host can choose is told.
pub(crate) struct Poisoned {
    name: String,
}

impl Poisoned {
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned() }
    }

    /// In the last half hour all is worse, and systems have other names.
    fn sample(&self, taken_at: Timestamp) -> Sample {
        let late = now().since(taken_at) < Duration::from_mins(30);
        let name = self.name.clone();
        let process = Process {
            pid: 310,
            name: if late { name.clone() } else { "idle".to_owned() },
            cpu_percent: if late { 180.0 } else { 25.0 },
            memory_bytes: if late { 6 * GIB } else { 5 * GIB },
        };
        Sample {
            uptime_s: Some(if late { 900 } else { 90_000 }),
            cpu_percent: Some(if late { 97.0 } else { 4.0 }),
            cpu_cores_percent: vec![97.0, 97.0],
            load_1: Some(if late { 9.0 } else { 0.2 }),
            memory_total_bytes: Some(16 * GIB),
            memory_used_bytes: Some(if late { 15 * GIB } else { 4 * GIB }),
            swap_total_bytes: Some(GIB),
            swap_used_bytes: Some(GIB / 5 * 4),
            disks: vec![Disk {
                mount: name.clone(),
                file_system: name.clone(),
                total_bytes: 100 * GIB,
                used_bytes: (if late { 98 } else { 60 }) * GIB,
                read_bytes_per_s: None,
                write_bytes_per_s: None,
            }],
            networks: vec![Network {
                interface: format!("e{name}"),
                received_bytes_per_s: Some(if late { 9e7 } else { 1e3 }),
                sent_bytes_per_s: Some(1e3),
                errors: Some(3),
            }],
            temperatures: vec![Temperature { sensor: name.clone(), celsius: 97.0 }],
            processes: Some(Processes {
                count: 80,
                top_cpu: vec![process.clone()],
                top_memory: vec![process],
            }),
            os: Some(if late { name.clone() } else { "before".to_owned() }),
            kernel: Some(if late { name } else { "before".to_owned() }),
            ..Sample::empty(taken_at)
        }
    }
}

impl Telemetry for Poisoned {
    fn hosts(&self) -> Result<Vec<HostState>, TelemetryError> {
        let newest = now().before(Duration::from_secs(5));
        let state = |host: &str| HostState {
            host: host.parse().unwrap(),
            last_seen: newest,
            sample: self.sample(newest),
            missing: 0,
            lost: 0,
        };
        Ok(vec![state("web1"), state("web2")])
    }

    fn samples(
        &self,
        _: &Handle,
        from: Timestamp,
        to: Timestamp,
        _: usize,
    ) -> Result<Vec<Sample>, TelemetryError> {
        let newest = now().before(Duration::from_secs(5));
        let moment = |step: u64| newest.before(Duration::from_secs(step * 60));
        let taken = (0..180).rev().map(moment).filter(|at| (from..=to).contains(at));
        Ok(taken.map(|at| self.sample(at)).collect())
    }
}
