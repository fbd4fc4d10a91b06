//! `get_current_status`: the newest sample of each host.

use serde::{Deserialize, Serialize};
use serde_json::json;
use sysmaint_protocol::{
    Handle, Timestamp,
    sample::{Disk, Network, Process, Sample, Temperature},
};

use super::{Tool, ToolError, View, host_choice, host_property, object, run_typed};
use crate::{
    host_text::HostText,
    metric::{rounded, share},
    telemetry::HostState,
};

/// Hosts in one answer.
pub const HOSTS_MAX: usize = 10;

/// The tool as it is offered to a model.
pub const TOOL: Tool = Tool {
    name: "get_current_status",
    description: "The newest sample of one or all hosts: CPU, load, memory, swap, disks, network, \
                  temperatures, largest processes, uptime, and how old the sample is. Lists are \
                  shorter when many hosts are asked for at once.",
    parameters: || object(&json!({ "host": host_property() })),
    run: |view, arguments| run_typed(view, arguments, current_status),
};

/// What the call is about.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    /// One host, or all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Handle>,
}

/// Every host's newest sample.
#[derive(Clone, Debug, Serialize)]
pub struct CurrentStatus {
    /// The moment of the question.
    pub asked_at: Timestamp,
    /// The hosts, by name.
    pub hosts: Vec<HostStatus>,
    /// Hosts beyond [`HOSTS_MAX`], by number.
    #[serde(skip_serializing_if = "is_zero")]
    pub hosts_left_out: usize,
}

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
    #[serde(skip_serializing_if = "is_zero")]
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

/// Reads the newest samples.
pub fn current_status(view: &View<'_>, arguments: &Arguments) -> Result<CurrentStatus, ToolError> {
    current_status_of(view, arguments, HOSTS_MAX)
}

/// Reads the newest samples of more hosts than a model would want to read of.
pub(crate) fn current_status_of(
    view: &View<'_>,
    arguments: &Arguments,
    hosts_max: usize,
) -> Result<CurrentStatus, ToolError> {
    let chosen = host_choice::chosen(view, arguments.host.as_ref())?;
    let items = match chosen.len() {
        0..=1 => 8,
        2 => 5,
        3..=4 => 3,
        _ => 1,
    };
    let hosts: Vec<_> =
        chosen.iter().take(hosts_max).map(|state| host_status(view, state, items)).collect();
    Ok(CurrentStatus { asked_at: view.now, hosts_left_out: chosen.len() - hosts.len(), hosts })
}

fn host_status(view: &View<'_>, state: &HostState, items: usize) -> HostStatus {
    let HostState { host, last_seen, sample, missing } = state;
    let quiet = view.now.since(*last_seen);
    let disks = disks(sample);
    let processes = sample.processes.as_ref();
    HostStatus {
        host: host.clone(),
        sample_time: sample.taken_at,
        last_seen: *last_seen,
        last_seen_s_ago: quiet.as_secs(),
        silent: quiet > view.silent_after,
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
        disks: disks.into_iter().take(items).collect(),
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

fn disks(sample: &Sample) -> Vec<DiskStatus> {
    let status = |disk: &Disk| {
        Some(DiskStatus {
            mount: HostText::new(&disk.mount),
            file_system: HostText::new(&disk.file_system),
            used: used(Some(disk.used_bytes), Some(disk.total_bytes))?,
            read_bytes_per_s: disk.read_bytes_per_s.map(rounded),
            write_bytes_per_s: disk.write_bytes_per_s.map(rounded),
        })
    };
    let mut disks: Vec<_> = sample.disks.iter().filter_map(status).collect();
    disks.sort_by(|one, other| other.used.used_percent.total_cmp(&one.used.used_percent));
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

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::made::Made;

    fn status(made: &Made) -> CurrentStatus {
        current_status(&made.view(), &Arguments::default()).unwrap()
    }

    #[test]
    fn every_number_stands_beside_its_host_and_time() {
        let made = Made::two_hosts();
        let status = status(&made);
        let web1 = &status.hosts[0];
        assert_eq!(web1.host.as_str(), "web1");
        assert_eq!(web1.sample_time, made.sample("web1").taken_at);
        assert_eq!(web1.cpu_percent, Some(12.5));
        assert_eq!(web1.memory.map(|memory| memory.used_percent), Some(50.0));
        assert!(!web1.silent);
    }

    #[test]
    fn the_fullest_disk_comes_first() {
        let status = status(&Made::two_hosts());
        let mounts: Vec<_> = status.hosts[0].disks.iter().map(|disk| disk.mount.as_str()).collect();
        assert_eq!(mounts, ["/data", "/"]);
    }

    #[test]
    fn a_quiet_host_is_silent() {
        let mut made = Made::two_hosts();
        made.hush("web2", 600);
        let status = status(&made);
        assert!(status.hosts[1].silent && !status.hosts[0].silent);
        assert_eq!(status.hosts[1].last_seen_s_ago, 600);
    }

    #[test]
    fn what_a_host_does_not_know_is_not_in_the_result() {
        let made = Made::named(&["bare"]);
        let json = serde_json::to_value(status(&made)).unwrap();
        let bare = json["hosts"][0].as_object().unwrap();
        assert!(!bare.contains_key("cpu_percent") && !bare.contains_key("swap"), "{json}");
        assert!(!json.to_string().contains("null"));
    }
}
