//! One look at this host: what a sample holds, and how little is read for it.
//!
//! Whatever cannot be read is absent from the sample, never zero. Rates are differences since the
//! sample before, so the first sample has none, and neither has one after a counter began anew.

mod cpu;
mod disks;
mod machine;
mod memory;
mod name;
mod networks;
mod processes;
mod rate;
mod temperatures;
mod virtualization;

use std::{
    fmt,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use sysinfo::{MINIMUM_CPU_UPDATE_INTERVAL, System};
use sysmaint_protocol::{Timestamp, sample::Sample};

use self::{
    disks::Disks, machine::Machine, name::plain, networks::Networks, processes::Processes,
    temperatures::Temperatures,
};

/// Bytes of an operating system's or kernel's name.
const VERSION_MAX: usize = 128;

/// Bytes of a sample as JSON at the very most, whatever the host shows: it must fit one message
/// beside its place in the stream, or the probe could never send it.
///
/// A name counts as long as JSON makes it, and a number takes at most 20 bytes.
pub const SAMPLE_MAX: usize = 1_024
    + machine::HOST_NAME_MAX
    + machine::CPU_MODEL_MAX
    + cpu::CORES_MAX * 7
    + disks::DISKS_MAX * (disks::MOUNT_MAX + disks::FILE_SYSTEM_MAX + 192)
    + networks::NETWORKS_MAX * (networks::INTERFACE_MAX + 128)
    + temperatures::SENSORS_MAX * (temperatures::SENSOR_MAX + 48)
    + 2 * processes::TOP_MAX * (processes::NAME_MAX + 96);

const _: () = assert!(SAMPLE_MAX < sysmaint_protocol::limits::BODY_MAX - 1_024);

/// Reads this host, again and again.
///
/// It blocks on files of `/proc` and `/sys` for a few milliseconds a sample: call it off the async
/// threads.
pub struct Sampler {
    system: Option<System>,
    disks: Disks,
    networks: Networks,
    temperatures: Temperatures,
    processes: Processes,
    machine: Machine,
    os: Option<String>,
    kernel: Option<String>,
    last: Option<Instant>,
}

impl Sampler {
    /// Takes the first look, and waits until a second one can tell how busy the processors are
    /// (200 ms).
    pub fn new() -> Self {
        let mut system = System::new().ok();
        if let Some(system) = &mut system {
            cpu::refresh(system);
        }
        let processes = Processes::below(Path::new("/"));
        thread::sleep(MINIMUM_CPU_UPDATE_INTERVAL);
        Self {
            system,
            disks: Disks::new(),
            networks: Networks::below(Path::new("/")),
            temperatures: Temperatures::new(),
            processes,
            machine: Machine::read(),
            os: version(System::long_os_version()),
            kernel: version(System::kernel_version()),
            last: None,
        }
    }

    /// The state of this host now. `now` is written into the sample; what passed since the sample
    /// before is measured by a clock that nobody sets.
    pub fn sample(&mut self, now: Timestamp) -> Sample {
        let moment = Instant::now();
        let elapsed = self.last.replace(moment).map(|last| moment.duration_since(last));
        let mut sample = Sample {
            uptime_s: System::uptime().ok().filter(|seconds| *seconds > 0),
            disks: self.disks.read(elapsed),
            networks: self.networks.read(elapsed),
            temperatures: self.temperatures.read(),
            os: self.os.clone(),
            kernel: self.kernel.clone(),
            ..Sample::empty(now)
        };
        self.machine.fill(&mut sample);
        cpu::load(&mut sample);
        if let Some(system) = &mut self.system {
            cpu::refresh(system);
            cpu::fill(system, &mut sample);
            memory::refresh(system);
            memory::fill(system, &mut sample);
        }
        sample.processes = self.processes.read();
        sample
    }
}

impl Default for Sampler {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Sampler {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Sampler").finish_non_exhaustive()
    }
}

fn version(read: Result<String, sysinfo::Error>) -> Option<String> {
    read.ok().map(|text| plain(&text, VERSION_MAX)).filter(|text| !text.is_empty())
}

/// What passed since the sample before; absent on the first.
type Elapsed = Option<Duration>;

#[cfg(test)]
mod tests {
    use sysmaint_protocol::sample::{self, Disk, Network, Process, Temperature};

    use super::*;

    #[test]
    fn this_machine_yields_plausible_values() {
        let mut sampler = Sampler::new();
        let sample = sampler.sample(Timestamp::from_millis(5));

        assert_eq!(sample.taken_at.as_millis(), 5);
        assert!(sample.uptime_s.unwrap() > 0);
        let cpu = sample.cpu_percent.expect("the first sample already knows how busy it is");
        assert!((0.0..=100.0).contains(&cpu), "{cpu}");
        assert!(!sample.cpu_cores_percent.is_empty());
        assert!(sample.cpu_cores_percent.iter().all(|core| (0.0..=100.0).contains(core)));
        assert!(sample.load_1.unwrap() >= 0.0);

        let total = sample.memory_total_bytes.unwrap();
        let used = sample.memory_used_bytes.unwrap();
        assert!(used > 0 && used < total);
        assert_eq!(used + sample.memory_available_bytes.unwrap(), total);
        assert_eq!(sample.swap_total_bytes.is_some(), sample.swap_used_bytes.is_some());

        assert!(!sample.disks.is_empty());
        assert!(sample.disks.iter().all(|disk| disk.used_bytes <= disk.total_bytes));
        assert!(sample.kernel.is_some() && sample.os.is_some());
        assert!(sample.host_name.is_some() && sample.virtualization.is_some());
    }

    #[test]
    fn this_process_is_among_those_that_are_seen() {
        let sample = Sampler::new().sample(Timestamp::default());
        let processes = sample.processes.unwrap();
        assert!(processes.count >= 1);
        let top = &processes.top_memory;
        assert!(!top.is_empty() && top.len() <= processes::TOP_MAX);
        assert!(top.is_sorted_by(|one, next| one.memory_bytes >= next.memory_bytes));
        assert!(processes.top_cpu.iter().all(|process| process.cpu_percent > 0.0));
    }

    #[test]
    fn rates_are_absent_first_and_known_from_then_on() {
        let mut sampler = Sampler::new();
        let first = sampler.sample(Timestamp::default());
        assert!(first.networks.iter().all(|network| network.received_bytes_per_s.is_none()));
        assert!(first.networks.iter().all(|network| network.errors.is_none()));
        assert!(first.disks.iter().all(|disk| disk.read_bytes_per_s.is_none()));
        let second = sampler.sample(Timestamp::default());
        assert!(!second.networks.is_empty());
        assert!(second.networks.iter().all(|network| network.received_bytes_per_s.is_some()));
    }

    #[test]
    fn a_sample_goes_out_though_nothing_on_the_host_may_be_read() {
        let nowhere = Path::new("/no such place");
        let mut sampler = Sampler {
            system: None,
            disks: Disks::unreadable(),
            networks: Networks::below(nowhere),
            temperatures: Temperatures::unreadable(),
            processes: Processes::below(nowhere),
            machine: Machine::unreadable(),
            os: None,
            kernel: None,
            last: None,
        };
        let now = Timestamp::from_millis(5);
        let sample = sampler.sample(now);
        // Of what is left no permission is asked.
        let Sample { uptime_s, load_1, load_5, load_15, .. } = sample;
        let empty = Sample { uptime_s, load_1, load_5, load_15, ..Sample::empty(now) };
        assert_eq!(sample, empty);
    }

    #[test]
    fn a_sample_is_small() {
        let mut sampler = Sampler::new();
        sampler.sample(Timestamp::default());
        let json = serde_json::to_string(&sampler.sample(Timestamp::default())).unwrap();
        assert!(json.len() < 8 * 1024, "{} bytes", json.len());
        assert!(!json.contains("null"), "{json}");
    }

    #[test]
    fn the_fullest_sample_stays_below_its_bound() {
        let long = |max: usize| plain(&"\"".repeat(999), max);
        let process = Process {
            pid: u32::MAX,
            name: long(processes::NAME_MAX),
            cpu_percent: 102_400.01,
            memory_bytes: u64::MAX,
        };
        let disk = Disk {
            mount: long(disks::MOUNT_MAX),
            file_system: long(disks::FILE_SYSTEM_MAX),
            total_bytes: u64::MAX,
            used_bytes: u64::MAX,
            read_bytes_per_s: Some(1e15),
            write_bytes_per_s: Some(1e15),
        };
        let network = Network {
            interface: long(networks::INTERFACE_MAX),
            received_bytes_per_s: Some(1e15),
            sent_bytes_per_s: Some(1e15),
            errors: Some(u64::MAX),
        };
        let sensor = Temperature { sensor: long(temperatures::SENSOR_MAX), celsius: -59.75 };
        let sample = Sample {
            cpu_percent: Some(99.99),
            cpu_cores_percent: vec![99.99; cpu::CORES_MAX],
            memory_total_bytes: Some(u64::MAX),
            disks: vec![disk; disks::DISKS_MAX],
            networks: vec![network; networks::NETWORKS_MAX],
            temperatures: vec![sensor; temperatures::SENSORS_MAX],
            processes: Some(sample::Processes {
                count: u64::MAX,
                top_cpu: vec![process.clone(); processes::TOP_MAX],
                top_memory: vec![process; processes::TOP_MAX],
            }),
            os: Some(long(VERSION_MAX)),
            kernel: Some(long(VERSION_MAX)),
            host_name: Some(long(machine::HOST_NAME_MAX)),
            cpu_model: Some(long(machine::CPU_MODEL_MAX)),
            virtualization: Some(sample::Virtualization::Container(
                sample::Container::SystemdNspawn,
            )),
            ..Sample::empty(Timestamp::from_millis(u64::MAX))
        };
        let json = serde_json::to_string(&sample).unwrap();
        assert!(json.len() <= SAMPLE_MAX, "{} of {SAMPLE_MAX}", json.len());
    }
}
