//! Values far above what is usual for this host, at this time.
//!
//! Only rises count: a host that does less than usual is rarely in trouble, and one that does
//! nothing falls silent.

use sysmaint_protocol::sample::Sample;

use super::{
    Finding, Kind, Severity,
    course::Course,
    robust::median,
    run::{self, Band},
};
use crate::metric::{Metric, rounded};

/// Spreads above what is expected from which a value is unusual. The textbook's 3.5 assumes a
/// normal distribution; load and traffic have heavier tails.
const ENTER: f64 = 5.0;

/// Spreads below which it no longer is.
const LEAVE: f64 = 3.0;

/// Newest values whose median is told as the value now.
const NEWEST: usize = 3;

/// A metric that is far above usual.
pub(super) fn finding(metric: Metric, course: &Course, sample: &Sample) -> Option<Finding> {
    let spread = course.usual().spread;
    let rise = (notable(metric, sample) / spread).max(ENTER);
    let scores =
        course.values().iter().map(|(at, value)| (*at, (value - course.expected(*at)) / spread));
    let band = Band { enter: rise, leave: rise * LEAVE / ENTER };
    let since = run::lasting(scores, band)?;
    let newest: Vec<_> =
        course.values().iter().rev().take(NEWEST).map(|(_, value)| *value).collect();
    let (now, expected) = (median(&newest)?, course.expected(sample.taken_at));
    Some(Finding {
        severity: Severity::Notice,
        metric: Some(metric),
        value: Some(rounded(now)),
        usual: Some(rounded(expected)),
        score: Some(rounded((now - expected) / spread)),
        ..Finding::new(Kind::Unusual, since)
    })
}

/// The least spread of a metric: what it varies by when nothing happens.
pub(super) const fn noise(metric: Metric) -> f64 {
    match metric {
        Metric::CpuPercent | Metric::CelsiusMax => 2.0,
        Metric::MemoryUsedPercent | Metric::SwapUsedPercent => 1.0,
        Metric::DiskUsedPercentMax => 0.5,
        Metric::Load1 => 0.1,
        Metric::ReceivedBytesPerS | Metric::SentBytesPerS => 20_000.0,
    }
}

/// The least difference that anybody would want to know of.
#[expect(clippy::cast_precision_loss, reason = "no host has 2^52 cores")]
pub(crate) fn notable(metric: Metric, sample: &Sample) -> f64 {
    match metric {
        Metric::CpuPercent => 20.0,
        Metric::MemoryUsedPercent | Metric::SwapUsedPercent | Metric::CelsiusMax => 10.0,
        Metric::DiskUsedPercentMax => 5.0,
        Metric::Load1 => (sample.cpu_cores_percent.len() as f64 / 2.0).max(1.0),
        Metric::ReceivedBytesPerS | Metric::SentBytesPerS => 1_000_000.0,
    }
}
