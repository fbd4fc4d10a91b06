//! The process that most likely stands behind a finding.

use serde::Serialize;
use sysmaint_protocol::sample::{Process, Sample};

use super::robust::median;
use crate::{
    host_text::HostText,
    metric::{Metric, rounded, share},
};

/// Share of one core below which a process explains no load.
const CPU_MIN: f32 = 20.0;

/// Share of all memory below which a process explains no shortage.
const MEMORY_MIN: f64 = 5.0;

/// Samples before the finding that are compared with, spread over all of them.
const COMPARED_MAX: usize = 60;

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

/// The likely cause: of the processes that are large now, the one that grew most over its median
/// in the samples before the finding. Of disks and networks a sample knows none.
pub(crate) fn of(metric: Metric, sample: &Sample, before: &[Sample]) -> Option<Cause> {
    let measure = Measure::of(metric)?;
    let step = before.len().div_ceil(COMPARED_MAX).max(1);
    let grown = |process: &Process| {
        let compared = before.iter().step_by(step);
        let uses: Vec<_> = compared.map(|sample| measure.used(&process.name, sample)).collect();
        measure.use_of(process) - median(&uses).unwrap_or_default()
    };
    let large = measure.listed(sample).iter().filter(|process| measure.is_large(process, sample));
    let mut most: Option<(&Process, f64)> = None;
    for process in large {
        let grown = grown(process);
        // The list is sorted, so that of equals the largest is kept.
        if most.is_none_or(|(_, most)| grown > most) {
            most = Some((process, grown));
        }
    }
    most.map(|(process, _)| cause(process))
}

/// What explains a metric.
#[derive(Clone, Copy)]
enum Measure {
    Cpu,
    Memory,
}

impl Measure {
    fn of(metric: Metric) -> Option<Self> {
        match metric {
            Metric::CpuPercent | Metric::Load1 | Metric::CelsiusMax => Some(Self::Cpu),
            Metric::MemoryUsedPercent | Metric::SwapUsedPercent => Some(Self::Memory),
            Metric::DiskUsedPercentMax | Metric::ReceivedBytesPerS | Metric::SentBytesPerS => None,
        }
    }

    fn listed(self, sample: &Sample) -> &[Process] {
        let Some(all) = &sample.processes else { return &[] };
        match self {
            Self::Cpu => &all.top_cpu,
            Self::Memory => &all.top_memory,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "compared, not added up")]
    fn use_of(self, process: &Process) -> f64 {
        match self {
            Self::Cpu => f64::from(process.cpu_percent),
            Self::Memory => process.memory_bytes as f64,
        }
    }

    /// What processes of a name used; what a sample does not list is small.
    fn used(self, name: &str, sample: &Sample) -> f64 {
        let named = self.listed(sample).iter().filter(|process| process.name == name);
        named.map(|process| self.use_of(process)).sum()
    }

    fn is_large(self, process: &Process, sample: &Sample) -> bool {
        match self {
            Self::Cpu => process.cpu_percent >= CPU_MIN,
            Self::Memory => memory_share(process, sample) >= MEMORY_MIN,
        }
    }
}

/// Whether a process takes enough of the host to explain anything.
pub(crate) fn is_large(process: &Process, sample: &Sample) -> bool {
    Measure::Cpu.is_large(process, sample) || Measure::Memory.is_large(process, sample)
}

fn memory_share(process: &Process, sample: &Sample) -> f64 {
    let total = sample.memory_total_bytes.unwrap_or_default();
    share(process.memory_bytes, total).unwrap_or_default()
}

fn cause(process: &Process) -> Cause {
    Cause {
        pid: process.pid,
        process: HostText::new(&process.name),
        cpu_percent: rounded(f64::from(process.cpu_percent)),
        memory_bytes: process.memory_bytes,
    }
}
