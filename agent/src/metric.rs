//! The numbers of a sample that have a history.

use serde::{Deserialize, Serialize};
use sysmaint_protocol::sample::Sample;

/// One number of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Busy share of all cores.
    CpuPercent,
    /// Load average over one minute.
    #[serde(rename = "load_1")]
    Load1,
    /// Memory in use, caches not counted.
    MemoryUsedPercent,
    /// Swap in use.
    SwapUsedPercent,
    /// The fullest file system.
    DiskUsedPercentMax,
    /// The hottest sensor.
    CelsiusMax,
    /// Received over all interfaces but loopback.
    ReceivedBytesPerS,
    /// Sent over all interfaces but loopback.
    SentBytesPerS,
}

/// What a metric is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// 0 to 100.
    Percent,
    /// Processes that run or wait to.
    Processes,
    /// Degrees Celsius.
    Celsius,
    /// Bytes a second.
    BytesPerSecond,
}

impl Metric {
    /// Every metric, in the order in which people are told.
    pub const ALL: [Self; 8] = [
        Self::CpuPercent,
        Self::Load1,
        Self::MemoryUsedPercent,
        Self::SwapUsedPercent,
        Self::DiskUsedPercentMax,
        Self::CelsiusMax,
        Self::ReceivedBytesPerS,
        Self::SentBytesPerS,
    ];

    /// Its name in arguments and results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CpuPercent => "cpu_percent",
            Self::Load1 => "load_1",
            Self::MemoryUsedPercent => "memory_used_percent",
            Self::SwapUsedPercent => "swap_used_percent",
            Self::DiskUsedPercentMax => "disk_used_percent_max",
            Self::CelsiusMax => "celsius_max",
            Self::ReceivedBytesPerS => "received_bytes_per_s",
            Self::SentBytesPerS => "sent_bytes_per_s",
        }
    }

    /// Its name for people.
    pub const fn label(self) -> &'static str {
        match self {
            Self::CpuPercent => "CPU",
            Self::Load1 => "load (1 min)",
            Self::MemoryUsedPercent => "memory",
            Self::SwapUsedPercent => "swap",
            Self::DiskUsedPercentMax => "fullest disk",
            Self::CelsiusMax => "hottest sensor",
            Self::ReceivedBytesPerS => "received",
            Self::SentBytesPerS => "sent",
        }
    }

    /// What it is counted in.
    pub const fn unit(self) -> Unit {
        match self {
            Self::CpuPercent
            | Self::MemoryUsedPercent
            | Self::SwapUsedPercent
            | Self::DiskUsedPercentMax => Unit::Percent,
            Self::Load1 => Unit::Processes,
            Self::CelsiusMax => Unit::Celsius,
            Self::ReceivedBytesPerS | Self::SentBytesPerS => Unit::BytesPerSecond,
        }
    }

    /// Its value in a sample; absent where the host does not know it.
    pub fn value(self, sample: &Sample) -> Option<f64> {
        let value = match self {
            Self::CpuPercent => sample.cpu_percent.map(f64::from),
            Self::Load1 => sample.load_1,
            Self::MemoryUsedPercent => sample.memory_used_percent(),
            Self::SwapUsedPercent => sample.swap_used_percent(),
            Self::DiskUsedPercentMax => sample.disk_used_percent_max(),
            Self::CelsiusMax => sample.celsius_max().map(f64::from),
            Self::ReceivedBytesPerS => sample.received_bytes_per_s(),
            Self::SentBytesPerS => sample.sent_bytes_per_s(),
        };
        value.filter(|value| value.is_finite())
    }
}

/// A share of 100, 0 to 100; absent for a whole of nothing.
#[expect(clippy::cast_precision_loss, reason = "a share needs no more than 53 bits")]
pub(crate) fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64 * 100.0)
}

/// To hundredths, which is all that is shown and half the tokens of a full double.
pub(crate) fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use sysmaint_protocol::Timestamp;

    use super::*;

    #[test]
    fn a_metric_has_one_name_everywhere() {
        for metric in Metric::ALL {
            assert_eq!(serde_json::to_value(metric).unwrap(), metric.name());
        }
    }

    #[test]
    fn an_empty_sample_has_no_metric() {
        let sample = Sample::empty(Timestamp::default());
        assert!(Metric::ALL.iter().all(|metric| metric.value(&sample).is_none()));
        let nan = Sample { load_1: Some(f64::NAN), ..sample };
        assert_eq!(Metric::Load1.value(&nan), None);
    }
}
