//! Fixed limits.

use sysmaint_protocol::sample::{Disk, Sample, Temperature};

use super::{
    Finding, Kind, Severity,
    run::{self, Band},
};
use crate::{
    host_text::HostText,
    metric::{Metric, rounded},
};

/// A limit, the value from which passing it is critical, and the one below which it counts as
/// passed no longer.
#[derive(Clone, Copy)]
struct Limit {
    warning: f64,
    critical: f64,
    leave: f64,
}

const DISK_PERCENT: Limit = Limit { warning: 90.0, critical: 97.0, leave: 89.0 };
const MEMORY_PERCENT: Limit = Limit { warning: 90.0, critical: 97.0, leave: 87.0 };
const SWAP_PERCENT: Limit = Limit { warning: 50.0, critical: 90.0, leave: 45.0 };
const LOAD_PER_CORE: Limit = Limit { warning: 2.0, critical: 8.0, leave: 1.7 };
const CELSIUS: Limit = Limit { warning: 85.0, critical: 95.0, leave: 82.0 };

/// What of `sample` is over a limit, and since when by the samples before it.
pub(super) fn findings(sample: &Sample, samples: &[Sample]) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut check = |metric, limit| found.extend(over(metric, limit, sample, samples));
    check(Metric::MemoryUsedPercent, MEMORY_PERCENT);
    check(Metric::SwapUsedPercent, SWAP_PERCENT);
    if let Some(limit) = load_limit(sample) {
        check(Metric::Load1, limit);
    }
    found.extend(sample.disks.iter().filter_map(|disk| over_disk(disk, sample, samples)));
    found
        .extend(sample.temperatures.iter().filter_map(|sensor| over_heat(sensor, sample, samples)));
    found
}

fn over(metric: Metric, limit: Limit, sample: &Sample, samples: &[Sample]) -> Option<Finding> {
    found(metric, limit, sample, samples, |sample| metric.value(sample))
}

fn over_disk(disk: &Disk, sample: &Sample, samples: &[Sample]) -> Option<Finding> {
    let full = |sample: &Sample| {
        sample.disks.iter().find(|other| other.mount == disk.mount).and_then(Disk::used_percent)
    };
    let finding = found(Metric::DiskUsedPercentMax, DISK_PERCENT, sample, samples, full)?;
    Some(Finding { subject: Some(HostText::new(&disk.mount)), ..finding })
}

fn over_heat(sensor: &Temperature, sample: &Sample, samples: &[Sample]) -> Option<Finding> {
    let heat = |sample: &Sample| {
        let same = sample.temperatures.iter().find(|other| other.sensor == sensor.sensor)?;
        Some(f64::from(same.celsius))
    };
    let finding = found(Metric::CelsiusMax, CELSIUS, sample, samples, heat)?;
    Some(Finding { subject: Some(HostText::new(&sensor.sensor)), ..finding })
}

fn found(
    metric: Metric,
    limit: Limit,
    sample: &Sample,
    samples: &[Sample],
    value: impl Fn(&Sample) -> Option<f64>,
) -> Option<Finding> {
    let now = value(sample)?;
    let known = samples.iter().filter_map(|sample| Some((sample.taken_at, value(sample)?)));
    let band = Band { enter: limit.warning, leave: limit.leave };
    // What a disk holds does not waver: it is told at once.
    let at_once = metric == Metric::DiskUsedPercentMax && now > limit.warning;
    let since = run::lasting(known, band).or(at_once.then_some(sample.taken_at))?;
    let severity = if now >= limit.critical { Severity::Critical } else { Severity::Warning };
    Some(Finding {
        severity,
        metric: Some(metric),
        value: Some(rounded(now)),
        limit: Some(limit.warning),
        ..Finding::new(Kind::OverLimit, since)
    })
}

/// Twice the cores. Without a count of cores a load says nothing.
#[expect(clippy::cast_precision_loss, reason = "no host has 2^52 cores")]
fn load_limit(sample: &Sample) -> Option<Limit> {
    let cores = sample.cpu_cores_percent.len() as f64;
    let Limit { warning, critical, leave } = LOAD_PER_CORE;
    (cores > 0.0).then_some(Limit {
        warning: warning * cores,
        critical: critical * cores,
        leave: leave * cores,
    })
}
