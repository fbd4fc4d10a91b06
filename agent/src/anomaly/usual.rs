//! Values far above what is usual for this host.
//!
//! Only rises count: a host that does less than usual is rarely in trouble, and one that does
//! nothing falls silent.

use sysmaint_protocol::sample::Sample;

use super::{
    Finding, Kind, Severity, limit,
    robust::{Usual, median},
};
use crate::metric::{Metric, rounded};

/// Spreads above the median from which a value is unusual. The textbook's 3.5 assumes a normal
/// distribution; load and traffic have heavier tails.
const SCORE_MIN: f64 = 5.0;

/// Newest samples whose median is the value now, so that one outlier is not news.
const NEWEST: usize = 3;

/// What is far above usual.
pub(super) fn findings(sample: &Sample, samples: &[Sample]) -> Vec<Finding> {
    Metric::ALL.iter().filter_map(|metric| finding(*metric, sample, samples)).collect()
}

fn finding(metric: Metric, sample: &Sample, samples: &[Sample]) -> Option<Finding> {
    let values: Vec<_> = samples.iter().filter_map(|sample| metric.value(sample)).collect();
    if values.len() < super::SAMPLES_MIN {
        return None;
    }
    let usual = Usual::of(&values, noise(metric))?;
    let now = median(&values[values.len() - NEWEST..])?;
    let score = usual.score(now);
    if score < SCORE_MIN || now - usual.median < rise_min(metric, sample) {
        return None;
    }
    let threshold = usual.median + SCORE_MIN * usual.spread;
    let beyond = |sample: &Sample| metric.value(sample).map(|value| value >= threshold);
    Some(Finding {
        severity: Severity::Notice,
        metric: Some(metric),
        value: Some(rounded(now)),
        usual: Some(rounded(usual.median)),
        score: Some(rounded(score)),
        ..Finding::new(Kind::Unusual, limit::since(sample, samples, beyond))
    })
}

/// The least spread of a metric: what it varies by when nothing happens.
const fn noise(metric: Metric) -> f64 {
    match metric {
        Metric::CpuPercent | Metric::CelsiusMax => 2.0,
        Metric::MemoryUsedPercent | Metric::SwapUsedPercent => 1.0,
        Metric::DiskUsedPercentMax => 0.5,
        Metric::Load1 => 0.1,
        Metric::ReceivedBytesPerS | Metric::SentBytesPerS => 20_000.0,
    }
}

/// The least rise that anybody would want to know of.
#[expect(clippy::cast_precision_loss, reason = "no host has 2^52 cores")]
fn rise_min(metric: Metric, sample: &Sample) -> f64 {
    match metric {
        Metric::CpuPercent => 20.0,
        Metric::MemoryUsedPercent | Metric::SwapUsedPercent | Metric::CelsiusMax => 10.0,
        Metric::DiskUsedPercentMax => 5.0,
        Metric::Load1 => (sample.cpu_cores_percent.len() as f64 / 2.0).max(1.0),
        Metric::ReceivedBytesPerS | Metric::SentBytesPerS => 1_000_000.0,
    }
}
