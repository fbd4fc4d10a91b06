//! A host that was never there: what it does on a quiet day, and what befalls it.

use std::time::Duration;

use sysmaint_agent::metric::Metric;
use sysmaint_protocol::{
    Timestamp,
    sample::{Disk, Network, Process, Processes, Sample, Temperature},
};

use crate::chance::Chance;

/// Seconds between two samples.
pub(crate) const STEP_S: u32 = 10;

/// Seconds of quiet before the judged stretch: a day.
pub(crate) const PAST_S: u32 = 24 * 3_600;

/// Seconds of the judged stretch.
pub(crate) const JUDGED_S: u32 = 3 * 3_600;

const CORES: u16 = 4;
const GIB: u64 = 1 << 30;
const MEMORY: u64 = 16 * GIB;
const DISK: u64 = 100 * GIB;

/// What befalls a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scenario {
    Quiet,
    QuietHourlyJob,
    QuietDailyWave,
    Spike,
    Ramp,
    Step,
    RestlessStep,
    Leak,
    DiskFilling,
    Overload,
    Flood,
    Overheating,
    SpikeBesideHourlyJob,
    HostDown,
}

impl Scenario {
    pub(crate) const ALL: [Self; 14] = [
        Self::Quiet,
        Self::QuietHourlyJob,
        Self::QuietDailyWave,
        Self::Spike,
        Self::Ramp,
        Self::Step,
        Self::RestlessStep,
        Self::Leak,
        Self::DiskFilling,
        Self::Overload,
        Self::Flood,
        Self::Overheating,
        Self::SpikeBesideHourlyJob,
        Self::HostDown,
    ];

    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Quiet => "quiet day",
            Self::QuietHourlyJob => "quiet day with a heavy job of every hour",
            Self::QuietDailyWave => "quiet day with a daily wave",
            Self::Spike => "CPU spike of 8 to 25 minutes",
            Self::Ramp => "CPU ramp over 40 to 70 minutes",
            Self::Step => "CPU level 25 to 35 points higher",
            Self::RestlessStep => "CPU level 25 to 35 points higher on a restless host",
            Self::Leak => "memory leak of 12 to 30 points an hour",
            Self::DiskFilling => "disk filling by 4 to 10 points an hour",
            Self::Overload => "load of three times the cores",
            Self::Flood => "traffic of 30 to 80 MB/s",
            Self::Overheating => "sensor rising to 90 °C and more",
            Self::SpikeBesideHourlyJob => "CPU spike beside a heavy job of every hour",
            Self::HostDown => "host down for 10 to 30 minutes",
        }
    }
}

/// What is true of a host's stretch.
#[derive(Clone, Debug)]
pub(crate) struct Incident {
    /// Seconds since the first sample.
    pub(crate) start_s: u32,
    pub(crate) end_s: u32,
    /// What may be found of it; empty where the host falls silent.
    pub(crate) metrics: Vec<Metric>,
    /// The process behind it.
    pub(crate) process: Option<&'static str>,
}

/// Samples and the truth about them.
pub(crate) struct Host {
    pub(crate) samples: Vec<Sample>,
    pub(crate) incidents: Vec<Incident>,
}

pub(crate) fn moment(seconds: u32) -> Timestamp {
    // 2026-11-22T06:00:00Z, and a host's clock is not at the full second.
    Timestamp::from_millis(1_795_327_200_137 + u64::from(seconds) * 1_000)
}

/// One host of a scenario.
pub(crate) fn host(scenario: Scenario, seed: u64) -> Host {
    let mut chance = Chance::new(seed * 1_000 + scenario as u64);
    let incident = incident(scenario, &mut chance);
    let strength = chance.share();
    let mut quiet = Quiet::new(&mut chance);
    let mut samples = Vec::new();
    for second in (0..PAST_S + JUDGED_S).step_by(STEP_S as usize) {
        let mut numbers = quiet.numbers(second, scenario, &mut chance);
        let active = incident.as_ref().filter(|it| (it.start_s..it.end_s).contains(&second));
        if let Some(incident) = active {
            if scenario == Scenario::HostDown {
                continue;
            }
            numbers.befall(scenario, strength, f64::from(second - incident.start_s), &mut chance);
        }
        samples.push(numbers.sample(
            second,
            active.and_then(|incident| incident.process),
            scenario,
        ));
    }
    Host { samples, incidents: incident.into_iter().collect() }
}

fn incident(scenario: Scenario, chance: &mut Chance) -> Option<Incident> {
    use Metric as M;
    use Scenario as S;
    let (minutes, metrics, process): ((f64, f64), &[Metric], _) = match scenario {
        S::Quiet | S::QuietHourlyJob | S::QuietDailyWave => return None,
        S::Spike => ((8.0, 25.0), &[M::CpuPercent, M::Load1, M::CelsiusMax], Some("backup")),
        S::SpikeBesideHourlyJob => {
            ((12.0, 25.0), &[M::CpuPercent, M::Load1, M::CelsiusMax], Some("runaway"))
        }
        S::Ramp => ((60.0, 90.0), &[M::CpuPercent, M::Load1, M::CelsiusMax], Some("indexer")),
        S::Step | S::RestlessStep => {
            ((100.0, 120.0), &[M::CpuPercent, M::Load1, M::CelsiusMax], Some("miner"))
        }
        S::Leak => ((100.0, 120.0), &[M::MemoryUsedPercent], Some("leaky")),
        S::DiskFilling => ((110.0, 130.0), &[M::DiskUsedPercentMax], None),
        S::Overload => ((15.0, 30.0), &[M::CpuPercent, M::Load1, M::CelsiusMax], Some("make")),
        S::Flood => ((10.0, 20.0), &[M::ReceivedBytesPerS, M::SentBytesPerS], None),
        S::Overheating => ((30.0, 40.0), &[M::CelsiusMax], None),
        S::HostDown => ((10.0, 30.0), &[], None),
    };
    let start_s = PAST_S + seconds(chance.between(15.0, 45.0));
    let end_s = start_s + seconds(chance.between(minutes.0, minutes.1));
    Some(Incident { start_s, end_s, metrics: metrics.to_vec(), process })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few hours")]
fn seconds(minutes: f64) -> u32 {
    (minutes * 6.0) as u32 * STEP_S
}

/// What a host does by itself: it wavers, drifts over the day, and now and then does something
/// short.
struct Quiet {
    base_cpu: f64,
    base_memory: f64,
    walk: f64,
    load: f64,
    log: f64,
    burst_until: u32,
    burst: f64,
    traffic_until: u32,
    job_late_s: f64,
    wave_hour: f64,
}

impl Quiet {
    fn new(chance: &mut Chance) -> Self {
        Self {
            base_cpu: chance.between(6.0, 18.0),
            base_memory: chance.between(35.0, 55.0),
            walk: 0.0,
            load: 0.5,
            log: 0.0,
            burst_until: 0,
            burst: 0.0,
            traffic_until: 0,
            job_late_s: 0.0,
            wave_hour: chance.between(0.0, 24.0),
        }
    }

    fn numbers(&mut self, second: u32, scenario: Scenario, chance: &mut Chance) -> Numbers {
        let day = wave(f64::from(second) / 3_600.0 + self.wave_hour);
        let daily = if scenario == Scenario::QuietDailyWave { 15.0 } else { 3.0 };
        let restless = if scenario == Scenario::RestlessStep { 10.0 } else { 3.0 };
        let mut cpu = self.base_cpu + daily * day + restless * chance.normal();
        // Logins, checks and other jobs of less than a minute, about one each fifteen minutes.
        if second >= self.burst_until && chance.happens(90.0) {
            self.burst_until = second + STEP_S * if chance.happens(2.0) { 1 } else { 4 };
            self.burst = chance.between(20.0, 80.0);
        }
        if second < self.burst_until {
            cpu += self.burst;
        }
        let job = self.hourly_job(second, scenario, chance);
        if job {
            cpu += 65.0;
        }
        if second >= self.traffic_until && chance.happens(120.0) {
            self.traffic_until = second + STEP_S * 3;
        }
        let busy = if second < self.traffic_until { 12.0 } else { 1.0 };
        self.walk = (self.walk + 0.05 * chance.normal()).clamp(-2.0, 2.0);
        self.log = if second.is_multiple_of(86_400) { 0.0 } else { self.log + 0.03 / 360.0 };
        Numbers {
            cpu: cpu.clamp(0.5, 100.0),
            load: 0.0,
            memory: self.base_memory + self.walk + 1.5 * day,
            leaked: 0.0,
            disk: 40.0 + self.log,
            celsius: 0.0,
            received: 200_000.0 * chance.between(0.4, 1.6) * busy,
            job,
        }
        .warmed(&mut self.load, chance)
    }

    /// Five minutes of each hour, but never to the second.
    fn hourly_job(&mut self, second: u32, scenario: Scenario, chance: &mut Chance) -> bool {
        let into = f64::from(second % 3_600);
        if second % 3_600 < STEP_S {
            self.job_late_s = chance.between(0.0, 40.0);
        }
        let hourly = matches!(scenario, Scenario::QuietHourlyJob | Scenario::SpikeBesideHourlyJob);
        hourly && (self.job_late_s..300.0 + self.job_late_s).contains(&into)
    }
}

/// From -1 to 1 and back within 24 hours, in straight lines.
fn wave(hour: f64) -> f64 {
    let turn = hour % 24.0 / 12.0;
    if turn < 1.0 { turn * 2.0 - 1.0 } else { 3.0 - turn * 2.0 }
}

struct Numbers {
    cpu: f64,
    load: f64,
    memory: f64,
    leaked: f64,
    disk: f64,
    celsius: f64,
    received: f64,
    job: bool,
}

impl Numbers {
    /// Load follows the processors within a minute, and so does heat.
    fn warmed(mut self, load: &mut f64, chance: &mut Chance) -> Self {
        *load += (self.cpu / 100.0 * f64::from(CORES) - *load) / 6.0;
        self.load = (*load + 0.08 * chance.normal()).max(0.0);
        self.celsius = 42.0 + 4.0 * *load + 0.7 * chance.normal();
        self
    }

    fn befall(&mut self, scenario: Scenario, strength: f64, since_s: f64, chance: &mut Chance) {
        let minutes = since_s / 60.0;
        let among = |low: f64, high: f64| low + (high - low) * strength;
        let rising = |over: f64| (minutes / over).min(1.0);
        let more_cpu = match scenario {
            Scenario::Spike | Scenario::SpikeBesideHourlyJob => among(65.0, 85.0),
            Scenario::Ramp => 80.0 * rising(among(40.0, 70.0)),
            Scenario::Step | Scenario::RestlessStep => among(25.0, 35.0),
            Scenario::Overload => 90.0,
            _ => 0.0,
        };
        self.cpu = (self.cpu + more_cpu).min(100.0);
        let cores = f64::from(CORES);
        self.load += if scenario == Scenario::Overload {
            cores * 2.5 * rising(2.0)
        } else {
            more_cpu / 100.0 * cores * rising(1.0)
        };
        self.celsius += more_cpu / 100.0 * cores * 4.0 * rising(2.0);
        match scenario {
            Scenario::Leak => {
                self.leaked = minutes * among(0.2, 0.5);
                self.memory += self.leaked;
            }
            Scenario::DiskFilling => self.disk += minutes * among(4.0, 10.0) / 60.0,
            Scenario::Flood => self.received += among(3e7, 8e7) * chance.between(0.8, 1.2),
            Scenario::Overheating => self.celsius += among(45.0, 50.0) * rising(15.0),
            _ => {}
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "shares of sizes"
    )]
    fn sample(&self, second: u32, process: Option<&str>, scenario: Scenario) -> Sample {
        let part =
            |whole: u64, percent: f64| (whole as f64 * percent.clamp(0.0, 100.0) / 100.0) as u64;
        let memory = part(MEMORY, self.memory);
        let postgres = listed("postgres", 1.0, MEMORY / 8);
        let mut top_cpu = vec![listed("nginx", self.cpu.min(15.0), MEMORY / 200), postgres.clone()];
        let mut top_memory = vec![postgres, listed("nginx", 5.0, MEMORY / 200)];
        if self.job {
            top_cpu.insert(0, listed("hourly", 260.0, MEMORY / 100));
        }
        if let Some(name) = process {
            let size = part(MEMORY, 1.0 + self.leaked);
            let cpu = if scenario == Scenario::Leak { 4.0 } else { self.cpu * f64::from(CORES) };
            top_cpu.insert(0, listed(name, cpu, size));
            top_memory.push(listed(name, cpu, size));
            top_memory.sort_by_key(|process| std::cmp::Reverse(process.memory_bytes));
        }
        Sample {
            uptime_s: Some(u64::from(second) + 5_000),
            cpu_percent: Some(self.cpu as f32),
            cpu_cores_percent: vec![self.cpu as f32; usize::from(CORES)],
            load_1: Some(self.load),
            memory_total_bytes: Some(MEMORY),
            memory_used_bytes: Some(memory),
            disks: vec![disk("/", part(DISK, self.disk)), disk("/boot", part(DISK, 31.0))],
            networks: vec![Network {
                interface: "eth0".to_owned(),
                received_bytes_per_s: Some(self.received),
                sent_bytes_per_s: Some(self.received / 4.0),
                errors: None,
            }],
            temperatures: vec![Temperature {
                sensor: "Package id 0".to_owned(),
                celsius: self.celsius as f32,
            }],
            processes: Some(Processes { count: 150, top_cpu, top_memory }),
            ..Sample::empty(moment(second))
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a percentage")]
fn listed(name: &str, cpu_percent: f64, memory_bytes: u64) -> Process {
    Process { pid: 300, name: name.to_owned(), cpu_percent: cpu_percent as f32, memory_bytes }
}

fn disk(mount: &str, used_bytes: u64) -> Disk {
    Disk {
        mount: mount.to_owned(),
        file_system: "ext4".to_owned(),
        total_bytes: DISK,
        used_bytes,
        read_bytes_per_s: None,
        write_bytes_per_s: None,
    }
}

/// How long an incident may still be told of after its end, since what has passed is looked at too.
pub(crate) const GRACE: Duration = Duration::from_mins(20);
