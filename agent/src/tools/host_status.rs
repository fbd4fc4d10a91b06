//! What the newest sample of a host says.

use serde::Serialize;
use sysmaint_protocol::{
    Handle, Timestamp,
    sample::{Disk, Network, Process, Sample, Temperature},
};

use super::View;
use crate::{
    host_text::HostText,
    metric::{Metric, rounded, share},
    telemetry::HostState,
};

/// A host's newest sample. What the host does not know is absent.
#[derive(Clone, Debug, Serialize)]
pub struct HostStatus {
    /// Which host.
    pub host: Handle,
    /// When the sample was taken, by the host's clock. Every number below is of that moment.
    pub sample_time: Timestamp,
    /// When something was last heard of the host, by the agent's clock.
    pub last_seen: Timestamp,
    /// Seconds since then.
    pub last_seen_s_ago: u64,
    /// Whether that is too long ago: the numbers are the last known ones.
    pub silent: bool,
    /// Samples that were taken and have not arrived.
    pub samples_missing: u64,
    /// Seconds since boot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uptime_s: Option<u64>,
    /// Operating system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub os: Option<HostText>,
    /// Kernel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel: Option<HostText>,
    /// Busy share of all cores.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_percent: Option<f64>,
    /// Number of cores.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cores: Option<usize>,
    /// Load averages over 1, 5 and 15 minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_1: Option<f64>,
    /// See `load_1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_5: Option<f64>,
    /// See `load_1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_15: Option<f64>,
    /// Memory in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Used>,
    /// Swap in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub swap: Option<Used>,
    /// File systems, the fullest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub disks: Vec<DiskStatus>,
    /// File systems that are less full and not listed.
    #[serde(skip_serializing_if = "super::is_zero")]
    pub disks_left_out: usize,
    /// Interfaces without loopback, the busiest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<NetworkStatus>,
    /// Sum over all interfaces but loopback.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub received_bytes_per_s: Option<f64>,
    /// Sum over all interfaces but loopback.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent_bytes_per_s: Option<f64>,
    /// Sensors, the hottest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub temperatures: Vec<SensorStatus>,
    /// How many processes there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process_count: Option<u64>,
    /// The busiest processes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub top_cpu: Vec<ProcessStatus>,
    /// The largest processes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub top_memory: Vec<ProcessStatus>,
}

/// A part of a whole.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Used {
    /// In use.
    pub used_bytes: u64,
    /// Size.
    pub total_bytes: u64,
    /// Their share.
    pub used_percent: f64,
}

/// A file system.
#[derive(Clone, Debug, Serialize)]
pub struct DiskStatus {
    /// Mount point.
    pub mount: HostText,
    /// Type.
    pub file_system: HostText,
    /// How full it is.
    #[serde(flatten)]
    pub used: Used,
    /// Read rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_bytes_per_s: Option<f64>,
    /// Write rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write_bytes_per_s: Option<f64>,
}

/// A network interface.
#[derive(Clone, Debug, Serialize)]
pub struct NetworkStatus {
    /// Its name.
    pub interface: HostText,
    /// Receive rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub received_bytes_per_s: Option<f64>,
    /// Send rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent_bytes_per_s: Option<f64>,
    /// Errors since the sample before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors: Option<u64>,
}

/// A temperature sensor.
#[derive(Clone, Debug, Serialize)]
pub struct SensorStatus {
    /// Its name.
    pub sensor: HostText,
    /// Degrees.
    pub celsius: f64,
}

/// A process.
#[derive(Clone, Debug, Serialize)]
pub struct ProcessStatus {
    /// Its number.
    pub pid: u32,
    /// Its name.
    pub name: HostText,
    /// Share of one core.
    pub cpu_percent: f64,
    /// Resident memory.
    pub memory_bytes: u64,
}

impl HostStatus {
    /// What belongs to one metric, or all of it.
    pub(super) fn narrowed(mut self, metric: Option<Metric>) -> Self {
        let Some(metric) = metric else { return self };
        let about = |metrics: &[Metric]| metrics.contains(&metric);
        self.cpu_percent = self.cpu_percent.filter(|_| about(&[Metric::CpuPercent]));
        if !about(&[Metric::Load1]) {
            (self.load_1, self.load_5, self.load_15) = (None, None, None);
        }
        if !about(&[Metric::CpuPercent, Metric::Load1]) {
            self.cores = None;
            self.top_cpu.clear();
        }
        self.memory = self.memory.filter(|_| about(&[Metric::MemoryUsedPercent]));
        self.swap = self.swap.filter(|_| about(&[Metric::SwapUsedPercent]));
        if !about(&[Metric::MemoryUsedPercent, Metric::SwapUsedPercent]) {
            self.top_memory.clear();
        }
        if !about(&[Metric::DiskUsedPercentMax]) {
            self.disks.clear();
            self.disks_left_out = 0;
        }
        if !about(&[Metric::CelsiusMax]) {
            self.temperatures.clear();
        }
        if !about(&[Metric::ReceivedBytesPerS, Metric::SentBytesPerS]) {
            self.networks.clear();
            (self.received_bytes_per_s, self.sent_bytes_per_s) = (None, None);
        }
        Self { uptime_s: None, os: None, kernel: None, process_count: None, ..self }
    }
}

/// Of its newest sample, with so many items in each list.
pub(super) fn host_status(view: &View<'_>, state: &HostState, items: usize) -> HostStatus {
    let HostState { host, last_seen, sample, missing, .. } = state;
    let disks = disk_statuses(sample);
    let processes = sample.processes.as_ref();
    HostStatus {
        host: host.clone(),
        sample_time: sample.taken_at,
        last_seen: *last_seen,
        last_seen_s_ago: view.now.since(*last_seen).as_secs(),
        silent: view.is_silent(state),
        samples_missing: *missing,
        uptime_s: sample.uptime_s,
        os: sample.os.as_deref().map(HostText::new),
        kernel: sample.kernel.as_deref().map(HostText::new),
        cpu_percent: sample.cpu_percent.map(f64::from).map(rounded),
        cores: Some(sample.cpu_cores_percent.len()).filter(|cores| *cores > 0),
        load_1: sample.load_1.map(rounded),
        load_5: sample.load_5.map(rounded),
        load_15: sample.load_15.map(rounded),
        memory: used(sample.memory_used_bytes, sample.memory_total_bytes),
        swap: used(sample.swap_used_bytes, sample.swap_total_bytes),
        disks_left_out: disks.len().saturating_sub(items),
        disks: disks.into_iter().take(items).map(|(_, disk)| disk).collect(),
        networks: networks(sample).into_iter().take(items).collect(),
        received_bytes_per_s: sample.received_bytes_per_s().map(rounded),
        sent_bytes_per_s: sample.sent_bytes_per_s().map(rounded),
        temperatures: temperatures(sample).into_iter().take(items).collect(),
        process_count: processes.map(|processes| processes.count),
        top_cpu: processes.map(|all| listed(&all.top_cpu, items)).unwrap_or_default(),
        top_memory: processes.map(|all| listed(&all.top_memory, items)).unwrap_or_default(),
    }
}

fn used(used: Option<u64>, total: Option<u64>) -> Option<Used> {
    let (used_bytes, total_bytes) = (used?, total?);
    let used_percent = rounded(share(used_bytes, total_bytes)?);
    Some(Used { used_bytes, total_bytes, used_percent })
}

/// File systems, the fullest first.
pub(super) fn disk_statuses(sample: &Sample) -> Vec<(&Disk, DiskStatus)> {
    let status = |disk: &Disk| {
        Some(DiskStatus {
            mount: HostText::new(&disk.mount),
            file_system: HostText::new(&disk.file_system),
            used: used(Some(disk.used_bytes), Some(disk.total_bytes))?,
            read_bytes_per_s: disk.read_bytes_per_s.map(rounded),
            write_bytes_per_s: disk.write_bytes_per_s.map(rounded),
        })
    };
    let mut disks: Vec<_> =
        sample.disks.iter().filter_map(|disk| Some((disk, status(disk)?))).collect();
    let percent = |(_, status): &(&Disk, DiskStatus)| status.used.used_percent;
    disks.sort_by(|one, other| percent(other).total_cmp(&percent(one)));
    disks
}

fn networks(sample: &Sample) -> Vec<NetworkStatus> {
    let status = |network: &Network| NetworkStatus {
        interface: HostText::new(&network.interface),
        received_bytes_per_s: network.received_bytes_per_s.map(rounded),
        sent_bytes_per_s: network.sent_bytes_per_s.map(rounded),
        errors: network.errors,
    };
    let outward = sample.networks.iter().filter(|network| network.interface != "lo");
    let mut networks: Vec<_> = outward.map(status).collect();
    let traffic = |network: &NetworkStatus| {
        network.received_bytes_per_s.unwrap_or(0.0) + network.sent_bytes_per_s.unwrap_or(0.0)
    };
    networks.sort_by(|one, other| traffic(other).total_cmp(&traffic(one)));
    networks
}

fn temperatures(sample: &Sample) -> Vec<SensorStatus> {
    let status = |sensor: &Temperature| SensorStatus {
        sensor: HostText::new(&sensor.sensor),
        celsius: rounded(f64::from(sensor.celsius)),
    };
    let mut sensors: Vec<_> = sample.temperatures.iter().map(status).collect();
    sensors.sort_by(|one, other| other.celsius.total_cmp(&one.celsius));
    sensors
}

fn listed(processes: &[Process], items: usize) -> Vec<ProcessStatus> {
    processes.iter().take(items).map(process).collect()
}

fn process(process: &Process) -> ProcessStatus {
    ProcessStatus {
        pid: process.pid,
        name: HostText::new(&process.name),
        cpu_percent: rounded(f64::from(process.cpu_percent)),
        memory_bytes: process.memory_bytes,
    }
}
