//! One look at a host. What could not be read is absent, never zero.

mod virtualization;

use serde::{Deserialize, Serialize};

pub use self::virtualization::{Container, Hypervisor, UnknownVirtualization, Virtualization};
use crate::Timestamp;

/// The state of a host at one moment.
///
/// The host itself is not named: it is the authenticated sender of the message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Sample {
    /// When it was taken, by the host's clock.
    pub taken_at: Timestamp,
    /// Seconds since boot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uptime_s: Option<u64>,
    /// Busy share of all cores, 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_percent: Option<f32>,
    /// Busy share of each core, 0 to 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cpu_cores_percent: Vec<f32>,
    /// Load average over one minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_1: Option<f64>,
    /// Load average over five minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_5: Option<f64>,
    /// Load average over fifteen minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_15: Option<f64>,
    /// Installed memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_total_bytes: Option<u64>,
    /// Memory in use, caches not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_used_bytes: Option<u64>,
    /// Memory that programs could still get.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_available_bytes: Option<u64>,
    /// Size of swap; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub swap_total_bytes: Option<u64>,
    /// Swap in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub swap_used_bytes: Option<u64>,
    /// Mounted file systems.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disks: Vec<Disk>,
    /// Network interfaces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<Network>,
    /// Temperature sensors.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub temperatures: Vec<Temperature>,
    /// Processes, as far as they are visible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processes: Option<Processes>,
    /// Operating system and version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub os: Option<String>,
    /// Kernel version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<String>,
    /// What the host calls itself; not who it is, which the seal tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_name: Option<String>,
    /// The processors' model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_model: Option<String>,
    /// What it runs inside of, such as `container:docker` or `vm:kvm`; `none` on the bare machine.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "virtualization::if_known"
    )]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, example = "vm:kvm"))]
    pub virtualization: Option<Virtualization>,
}

/// A mounted file system.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Disk {
    /// Mount point.
    pub mount: String,
    /// Type, such as `ext4`.
    pub file_system: String,
    /// Size.
    pub total_bytes: u64,
    /// In use.
    pub used_bytes: u64,
    /// Read rate since the sample before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_bytes_per_s: Option<f64>,
    /// Write rate since the sample before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write_bytes_per_s: Option<f64>,
}

/// A network interface.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Network {
    /// Its name, such as `eth0`.
    pub interface: String,
    /// Receive rate since the sample before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received_bytes_per_s: Option<f64>,
    /// Send rate since the sample before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_bytes_per_s: Option<f64>,
    /// Errors in both directions since the sample before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errors: Option<u64>,
}

/// A temperature sensor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Temperature {
    /// The sensor's name.
    pub sensor: String,
    /// Degrees Celsius.
    pub celsius: f32,
}

/// Processes, counted, with the largest by CPU and by memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Processes {
    /// How many there are.
    pub count: u64,
    /// The busiest, first first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub top_cpu: Vec<Process>,
    /// The largest, first first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub top_memory: Vec<Process>,
}

/// One process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Its name; text that the host chose.
    pub name: String,
    /// Share of one core; above 100 for several.
    pub cpu_percent: f32,
    /// Resident memory.
    pub memory_bytes: u64,
}

impl Sample {
    /// A sample that knows nothing but its moment.
    pub fn empty(taken_at: Timestamp) -> Self {
        Self {
            taken_at,
            uptime_s: None,
            cpu_percent: None,
            cpu_cores_percent: Vec::new(),
            load_1: None,
            load_5: None,
            load_15: None,
            memory_total_bytes: None,
            memory_used_bytes: None,
            memory_available_bytes: None,
            swap_total_bytes: None,
            swap_used_bytes: None,
            disks: Vec::new(),
            networks: Vec::new(),
            temperatures: Vec::new(),
            processes: None,
            os: None,
            kernel: None,
            host_name: None,
            cpu_model: None,
            virtualization: None,
        }
    }

    /// Memory in use as a share of what is installed, 0 to 100.
    pub fn memory_used_percent(&self) -> Option<f64> {
        share(self.memory_used_bytes?, self.memory_total_bytes?)
    }

    /// Swap in use as a share of what there is, 0 to 100.
    pub fn swap_used_percent(&self) -> Option<f64> {
        share(self.swap_used_bytes?, self.swap_total_bytes?)
    }

    /// The fullest file system's use, 0 to 100.
    pub fn disk_used_percent_max(&self) -> Option<f64> {
        self.disks.iter().filter_map(Disk::used_percent).max_by(f64::total_cmp)
    }

    /// The hottest sensor.
    pub fn celsius_max(&self) -> Option<f32> {
        self.temperatures.iter().map(|sensor| sensor.celsius).max_by(f32::total_cmp)
    }

    /// Receive rate over all interfaces but loopback; absent if none is known.
    pub fn received_bytes_per_s(&self) -> Option<f64> {
        self.total_rate(|network| network.received_bytes_per_s)
    }

    /// Send rate over all interfaces but loopback; absent if none is known.
    pub fn sent_bytes_per_s(&self) -> Option<f64> {
        self.total_rate(|network| network.sent_bytes_per_s)
    }

    fn total_rate(&self, rate: impl Fn(&Network) -> Option<f64>) -> Option<f64> {
        let outward = self.networks.iter().filter(|network| network.interface != "lo");
        outward.filter_map(rate).reduce(|sum, rate| sum + rate)
    }
}

impl Disk {
    /// Share in use, 0 to 100.
    pub fn used_percent(&self) -> Option<f64> {
        share(self.used_bytes, self.total_bytes)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share needs no more than 53 bits")]
fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64 * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unknown_is_absent_and_not_zero() {
        let sample = Sample::empty(Timestamp::from_millis(0));
        let json = serde_json::to_string(&sample).unwrap();
        assert_eq!(json, r#"{"taken_at":"1970-01-01T00:00:00Z"}"#);
        assert_eq!(serde_json::from_str::<Sample>(&json).unwrap(), sample);
        assert_eq!(sample.received_bytes_per_s(), None);
    }

    #[test]
    fn a_kind_of_virtualization_that_is_not_known_is_absent() {
        let of = |kind: &str| {
            let json = format!(r#"{{"taken_at":"1970-01-01T00:00:00Z","virtualization":{kind}}}"#);
            serde_json::from_str::<Sample>(&json).unwrap().virtualization
        };
        assert_eq!(of("\"vm:kvm\""), Some(Virtualization::Machine(Hypervisor::Kvm)));
        assert_eq!(of("\"else\""), None);
        assert_eq!(of("null"), None);
    }
}
