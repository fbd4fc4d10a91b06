//! The process that most likely stands behind a finding.

use serde::Serialize;
use sysmaint_protocol::sample::{Process, Sample};

use crate::{
    host_text::HostText,
    metric::{Metric, rounded, share},
};

/// Share of one core below which a process explains no load.
const CPU_MIN: f32 = 20.0;

/// Share of all memory below which a process explains no shortage.
const MEMORY_MIN: f64 = 5.0;

/// A process, as of the sample that the finding is about.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cause {
    /// Its number.
    pub pid: u32,
    /// Its name.
    pub process: HostText,
    /// Share of one core.
    pub cpu_percent: f64,
    /// Resident memory.
    pub memory_bytes: u64,
}

/// The likely cause, if a process stands out. Of disks and networks a sample knows none.
pub(super) fn of(metric: Metric, sample: &Sample) -> Option<Cause> {
    let processes = sample.processes.as_ref()?;
    match metric {
        Metric::CpuPercent | Metric::Load1 | Metric::CelsiusMax => {
            processes.top_cpu.first().filter(|process| process.cpu_percent >= CPU_MIN)
        }
        Metric::MemoryUsedPercent | Metric::SwapUsedPercent => {
            let total = sample.memory_total_bytes?;
            let large = |process: &&Process| {
                share(process.memory_bytes, total).is_some_and(|share| share >= MEMORY_MIN)
            };
            processes.top_memory.first().filter(large)
        }
        Metric::DiskUsedPercentMax | Metric::ReceivedBytesPerS | Metric::SentBytesPerS => None,
    }
    .map(cause)
}

fn cause(process: &Process) -> Cause {
    Cause {
        pid: process.pid,
        process: HostText::new(&process.name),
        cpu_percent: rounded(f64::from(process.cpu_percent)),
        memory_bytes: process.memory_bytes,
    }
}
