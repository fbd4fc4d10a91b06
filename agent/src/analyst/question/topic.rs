//! What can be asked for, and the words for it.

use crate::metric::Metric;

/// One thing to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::analyst) enum Topic {
    Absent,
    Action,
    Capabilities,
    Changes,
    Comparison,
    Cpu,
    Disks,
    Health,
    Hosts,
    Load,
    Memory,
    Network,
    Outlook,
    Processes,
    SinceWhen,
    Summary,
    Swap,
    System,
    Temperature,
    Uptime,
}

impl Topic {
    /// Its heading, where an answer has several parts.
    pub(in crate::analyst) const fn title(self) -> Option<&'static str> {
        match self {
            Self::Absent | Self::Action | Self::Capabilities | Self::Summary => None,
            Self::Changes => Some("What changed"),
            Self::Comparison => Some("Comparison"),
            Self::Cpu => Some("CPU"),
            Self::Disks => Some("Disks"),
            Self::Health => Some("Anything unusual"),
            Self::Hosts => Some("Hosts"),
            Self::Load => Some("Load"),
            Self::Memory => Some("Memory"),
            Self::Network => Some("Network"),
            Self::Outlook => Some("How long disks last"),
            Self::Processes => Some("Processes"),
            Self::SinceWhen => Some("Since when"),
            Self::Swap => Some("Swap"),
            Self::System => Some("System"),
            Self::Temperature => Some("Temperature"),
            Self::Uptime => Some("Uptime"),
        }
    }

    /// The numbers that have a history.
    pub(in crate::analyst) const fn metrics(self) -> &'static [Metric] {
        match self {
            Self::Cpu => &[Metric::CpuPercent],
            Self::Disks => &[Metric::DiskUsedPercentMax],
            Self::Load => &[Metric::Load1],
            Self::Memory => &[Metric::MemoryUsedPercent],
            Self::Network => &[Metric::ReceivedBytesPerS, Metric::SentBytesPerS],
            Self::Swap => &[Metric::SwapUsedPercent],
            Self::Temperature => &[Metric::CelsiusMax],
            _ => &[],
        }
    }

    /// The topic that a word names by itself.
    pub(super) fn of(word: &str) -> Option<Self> {
        Some(match word {
            "cpu" | "cpus" | "processor" | "processors" | "core" | "cores" => Self::Cpu,
            "disk" | "disks" | "storage" | "space" | "full" | "fullest" | "filesystem"
            | "filesystems" | "mount" | "mounts" | "volume" | "volumes" | "partition"
            | "partitions" | "drive" | "drives" => Self::Disks,
            "load" | "loads" | "loaded" | "busy" | "busiest" | "loadavg" => Self::Load,
            "memory" | "mem" | "ram" => Self::Memory,
            "network" | "networks" | "traffic" | "bandwidth" | "throughput" | "interface"
            | "interfaces" | "net" => Self::Network,
            "process" | "processes" | "program" | "programs" | "hog" | "hogs" | "pid" => {
                Self::Processes
            }
            "swap" | "swapping" | "swapped" => Self::Swap,
            "os" | "kernel" | "kernels" | "distribution" | "distro" | "operating" => Self::System,
            "temperature" | "temperatures" | "temp" | "temps" | "hot" | "hottest" | "heat"
            | "thermal" | "sensor" | "sensors" | "warm" | "celsius" | "overheating" => {
                Self::Temperature
            }
            "uptime" | "boot" | "booted" | "reboot" | "rebooted" | "restarted" => Self::Uptime,
            "change" | "changes" | "changed" | "differently" => Self::Changes,
            _ => return Self::wide(word),
        })
    }

    /// Topics that are about a host as a whole.
    fn wide(word: &str) -> Option<Self> {
        Some(match word {
            "ok" | "okay" | "fine" | "healthy" | "health" | "wrong" | "unusual" | "unusually"
            | "anomaly" | "anomalies" | "anomalous" | "problem" | "problems" | "issue"
            | "issues" | "alert" | "alerts" | "strange" | "weird" | "odd" | "abnormal"
            | "normal" | "suspicious" | "trouble" | "broken" | "worry" | "worried"
            | "attention" | "warning" | "warnings" | "concern" | "concerns" | "well" => {
                Self::Health
            }
            "compare" | "compared" | "comparison" | "versus" | "vs" | "difference" | "differ"
            | "different" => Self::Comparison,
            "online" | "offline" | "down" | "alive" | "reachable" | "silent" | "reporting"
            | "stale" => Self::Hosts,
            "summary" | "summarise" | "summarize" | "overview" | "status" | "report" | "state" => {
                Self::Summary
            }
            "help" => Self::Capabilities,
            _ => return None,
        })
    }
}
