//! What is kept over time of a sample.

use std::{borrow::Cow, collections::HashSet, fmt, str::FromStr};

use sysmaint_protocol::sample::Sample;

/// Bytes of a label; the rest of a longer one is cut off.
const LABEL_MAX: usize = 128;

/// Something that hosts measure, by the name that it has in every answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
    /// Busy share of all cores.
    CpuPercent,
    /// Busy share of a core.
    CpuCorePercent,
    /// Load average over one minute.
    Load1,
    /// Load average over five minutes.
    Load5,
    /// Load average over fifteen minutes.
    Load15,
    /// Memory in use.
    MemoryUsedBytes,
    /// Memory that programs could still get.
    MemoryAvailableBytes,
    /// Memory in use as a share of what is installed.
    MemoryUsedPercent,
    /// Swap in use.
    SwapUsedBytes,
    /// Swap in use as a share of what there is.
    SwapUsedPercent,
    /// Use of the fullest file system.
    DiskUsedPercentMax,
    /// Use of a file system.
    DiskUsedPercent,
    /// What is in use of a file system.
    DiskUsedBytes,
    /// Read rate of a file system.
    DiskReadBytesPerS,
    /// Write rate of a file system.
    DiskWriteBytesPerS,
    /// Receive rate over all interfaces but loopback.
    ReceivedBytesPerS,
    /// Send rate over all interfaces but loopback.
    SentBytesPerS,
    /// Receive rate of an interface.
    NetworkReceivedBytesPerS,
    /// Send rate of an interface.
    NetworkSentBytesPerS,
    /// Errors of an interface since the sample before.
    NetworkErrors,
    /// The hottest sensor.
    CelsiusMax,
    /// A sensor.
    TemperatureCelsius,
    /// Processes.
    ProcessCount,
}

/// No metric has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a metric; there are {all}", all = Metric::ALL.map(Metric::name).join(", "))]
pub struct UnknownMetric(String);

/// One value of a sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading<'a> {
    /// What was measured.
    pub metric: Metric,
    /// Of which core, mount, interface or sensor; empty where the metric has no parts.
    pub label: Cow<'a, str>,
    /// How much it was.
    pub value: f64,
}

impl Metric {
    /// Every metric, in the order of charts.
    pub const ALL: [Self; 23] = [
        Self::CpuPercent,
        Self::CpuCorePercent,
        Self::Load1,
        Self::Load5,
        Self::Load15,
        Self::MemoryUsedBytes,
        Self::MemoryAvailableBytes,
        Self::MemoryUsedPercent,
        Self::SwapUsedBytes,
        Self::SwapUsedPercent,
        Self::DiskUsedPercentMax,
        Self::DiskUsedPercent,
        Self::DiskUsedBytes,
        Self::DiskReadBytesPerS,
        Self::DiskWriteBytesPerS,
        Self::ReceivedBytesPerS,
        Self::SentBytesPerS,
        Self::NetworkReceivedBytesPerS,
        Self::NetworkSentBytesPerS,
        Self::NetworkErrors,
        Self::CelsiusMax,
        Self::TemperatureCelsius,
        Self::ProcessCount,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CpuPercent => "cpu_percent",
            Self::CpuCorePercent => "cpu_core_percent",
            Self::Load1 => "load_1",
            Self::Load5 => "load_5",
            Self::Load15 => "load_15",
            Self::MemoryUsedBytes => "memory_used_bytes",
            Self::MemoryAvailableBytes => "memory_available_bytes",
            Self::MemoryUsedPercent => "memory_used_percent",
            Self::SwapUsedBytes => "swap_used_bytes",
            Self::SwapUsedPercent => "swap_used_percent",
            Self::DiskUsedPercentMax => "disk_used_percent_max",
            Self::DiskUsedPercent => "disk_used_percent",
            Self::DiskUsedBytes => "disk_used_bytes",
            Self::DiskReadBytesPerS => "disk_read_bytes_per_s",
            Self::DiskWriteBytesPerS => "disk_write_bytes_per_s",
            Self::ReceivedBytesPerS => "received_bytes_per_s",
            Self::SentBytesPerS => "sent_bytes_per_s",
            Self::NetworkReceivedBytesPerS => "network_received_bytes_per_s",
            Self::NetworkSentBytesPerS => "network_sent_bytes_per_s",
            Self::NetworkErrors => "network_errors",
            Self::CelsiusMax => "celsius_max",
            Self::TemperatureCelsius => "temperature_celsius",
            Self::ProcessCount => "process_count",
        }
    }

    /// What it is counted in.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::CpuPercent
            | Self::CpuCorePercent
            | Self::MemoryUsedPercent
            | Self::SwapUsedPercent
            | Self::DiskUsedPercentMax
            | Self::DiskUsedPercent => "percent",
            Self::Load1 | Self::Load5 | Self::Load15 => "load",
            Self::MemoryUsedBytes
            | Self::MemoryAvailableBytes
            | Self::SwapUsedBytes
            | Self::DiskUsedBytes => "bytes",
            Self::DiskReadBytesPerS
            | Self::DiskWriteBytesPerS
            | Self::ReceivedBytesPerS
            | Self::SentBytesPerS
            | Self::NetworkReceivedBytesPerS
            | Self::NetworkSentBytesPerS => "bytes_per_s",
            Self::CelsiusMax | Self::TemperatureCelsius => "celsius",
            Self::NetworkErrors | Self::ProcessCount => "count",
        }
    }

    /// What its labels name; nothing where it has no parts.
    pub const fn part(self) -> Option<&'static str> {
        match self {
            Self::CpuCorePercent => Some("core"),
            Self::DiskUsedPercent
            | Self::DiskUsedBytes
            | Self::DiskReadBytesPerS
            | Self::DiskWriteBytesPerS => Some("mount"),
            Self::NetworkReceivedBytesPerS | Self::NetworkSentBytesPerS | Self::NetworkErrors => {
                Some("interface")
            }
            Self::TemperatureCelsius => Some("sensor"),
            _ => None,
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Metric {
    type Err = UnknownMetric;

    fn from_str(text: &str) -> Result<Self, UnknownMetric> {
        let known = Self::ALL.into_iter().find(|metric| metric.name() == text);
        known.ok_or_else(|| UnknownMetric(text.chars().take(40).collect()))
    }
}

/// All that is kept of a sample, each metric and label once, in the order of charts.
pub fn readings(sample: &Sample) -> Vec<Reading<'_>> {
    let mut readings = Vec::new();
    whole_host(&mut readings, sample);
    for (core, percent) in sample.cpu_cores_percent.iter().enumerate() {
        put(&mut readings, Metric::CpuCorePercent, core.to_string(), Some(f64::from(*percent)));
    }
    for (mount, disk) in once(sample.disks.iter().map(|disk| (disk.mount.as_str(), disk))) {
        put(&mut readings, Metric::DiskUsedPercent, mount, disk.used_percent());
        put(&mut readings, Metric::DiskUsedBytes, mount, Some(number(disk.used_bytes)));
        put(&mut readings, Metric::DiskReadBytesPerS, mount, disk.read_bytes_per_s);
        put(&mut readings, Metric::DiskWriteBytesPerS, mount, disk.write_bytes_per_s);
    }
    let networks = sample.networks.iter().map(|network| (network.interface.as_str(), network));
    for (name, network) in once(networks) {
        put(&mut readings, Metric::NetworkReceivedBytesPerS, name, network.received_bytes_per_s);
        put(&mut readings, Metric::NetworkSentBytesPerS, name, network.sent_bytes_per_s);
        put(&mut readings, Metric::NetworkErrors, name, network.errors.map(number));
    }
    let sensors = sample.temperatures.iter().map(|sensor| (sensor.sensor.as_str(), sensor));
    for (name, sensor) in once(sensors) {
        put(&mut readings, Metric::TemperatureCelsius, name, Some(sensor.celsius.into()));
    }
    readings.sort_by_key(|reading| reading.metric);
    readings
}

fn whole_host(readings: &mut Vec<Reading<'_>>, sample: &Sample) {
    let values = [
        (Metric::CpuPercent, sample.cpu_percent.map(f64::from)),
        (Metric::Load1, sample.load_1),
        (Metric::Load5, sample.load_5),
        (Metric::Load15, sample.load_15),
        (Metric::MemoryUsedBytes, sample.memory_used_bytes.map(number)),
        (Metric::MemoryAvailableBytes, sample.memory_available_bytes.map(number)),
        (Metric::MemoryUsedPercent, sample.memory_used_percent()),
        (Metric::SwapUsedBytes, sample.swap_used_bytes.map(number)),
        (Metric::SwapUsedPercent, sample.swap_used_percent()),
        (Metric::DiskUsedPercentMax, sample.disk_used_percent_max()),
        (Metric::ReceivedBytesPerS, sample.received_bytes_per_s()),
        (Metric::SentBytesPerS, sample.sent_bytes_per_s()),
        (Metric::CelsiusMax, sample.celsius_max().map(f64::from)),
        (Metric::ProcessCount, sample.processes.as_ref().map(|all| number(all.count))),
    ];
    for (metric, value) in values {
        put(readings, metric, "", value);
    }
}

fn put<'a>(
    readings: &mut Vec<Reading<'a>>,
    metric: Metric,
    label: impl Into<Cow<'a, str>>,
    value: Option<f64>,
) {
    // JSON has no infinity, but a number beyond the largest may have been read as one.
    let Some(value) = value.filter(|value| value.is_finite()) else { return };
    readings.push(Reading { metric, label: label.into(), value: rounded(value) });
}

/// To thousandths, so that 97.97 is not told as 97.97000122. What is too large for them is whole.
fn rounded(value: f64) -> f64 {
    let thousandths = (value * 1000.0).round() / 1000.0;
    if thousandths.is_finite() { thousandths } else { value }
}

/// Each label once, cut to its bound. Of two that are the same then, the first counts.
fn once<'a, T>(parts: impl Iterator<Item = (&'a str, T)>) -> impl Iterator<Item = (&'a str, T)> {
    let mut seen = HashSet::new();
    parts.map(|(label, part)| (cut(label), part)).filter(move |(label, _)| seen.insert(*label))
}

fn cut(label: &str) -> &str {
    &label[..label.floor_char_boundary(LABEL_MAX)]
}

#[expect(clippy::cast_precision_loss, reason = "a chart needs no more than 53 bits")]
fn number(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use sysmaint_protocol::{Timestamp, sample::Temperature};

    use super::*;

    #[test]
    fn a_metric_reads_as_it_is_written() {
        for (place, metric) in Metric::ALL.into_iter().enumerate() {
            assert_eq!(metric.to_string().parse(), Ok(metric));
            assert_eq!(Metric::ALL.iter().filter(|other| **other < metric).count(), place);
        }
        let error = "cpu".parse::<Metric>().unwrap_err().to_string();
        assert!(error.contains("\"cpu\"") && error.contains("cpu_percent"), "{error}");
    }

    #[test]
    fn a_label_that_comes_twice_counts_once_and_a_long_one_is_cut() {
        let mut sample = Sample::empty(Timestamp::from_millis(0));
        let long = "ä".repeat(LABEL_MAX);
        for (sensor, celsius) in [("cpu", 50.0), ("cpu", 60.0), (&long, 1.0), (&long, 2.0)] {
            sample.temperatures.push(Temperature { sensor: sensor.to_owned(), celsius });
        }
        let readings = readings(&sample);
        let sensors: Vec<_> = readings
            .iter()
            .filter(|reading| reading.metric == Metric::TemperatureCelsius)
            .map(|reading| (reading.label.len(), reading.value))
            .collect();
        assert_eq!(sensors, [(3, 50.0), (LABEL_MAX, 1.0)]);
    }

    #[test]
    fn a_number_that_is_none_is_left_out() {
        let sample = Sample { load_1: Some(f64::INFINITY), ..Sample::empty(Timestamp::default()) };
        assert_eq!(readings(&sample), []);
    }
}
