//! Steady growth of what can fill up: memory, swap and disks.

use std::time::Duration;

use sysmaint_protocol::{Timestamp, sample::Sample};

use super::{Finding, Kind, Severity, robust::median};
use crate::metric::{Metric, rounded};

/// What can fill up.
const FILLING: [Metric; 3] =
    [Metric::MemoryUsedPercent, Metric::SwapUsedPercent, Metric::DiskUsedPercentMax];

/// Stretches whose medians are compared.
const STRETCHES: usize = 12;

/// Of the eleven steps between them, how many must go up.
const STEPS_UP: usize = 9;

/// Percent points that it must have grown by.
const GROWTH_MIN: f64 = 10.0;

/// The span that the samples must cover: a program that starts is not a leak.
const SPAN_MIN: Duration = Duration::from_mins(30);

/// A fill nearer than this is a warning.
const SOON: f64 = 24.0 * 3600.0;

/// A fill farther away than this is not foretold.
const FAR: f64 = 30.0 * 24.0 * 3600.0;

/// What grows steadily.
pub(super) fn findings(_sample: &Sample, samples: &[Sample]) -> Vec<Finding> {
    FILLING.iter().filter_map(|metric| finding(*metric, samples)).collect()
}

fn finding(metric: Metric, samples: &[Sample]) -> Option<Finding> {
    let values: Vec<_> = samples
        .iter()
        .filter_map(|sample| Some((sample.taken_at, metric.value(sample)?)))
        .collect();
    let (start, end) = (values.first()?.0, values.last()?.0);
    if values.len() < super::SAMPLES_MIN || end.since(start) < SPAN_MIN {
        return None;
    }
    let medians = medians(&values)?;
    let steps_up = medians.windows(2).filter(|pair| pair[1] > pair[0]).count();
    let (first, last) = (*medians.first()?, *medians.last()?);
    if steps_up < STEPS_UP || last - first < GROWTH_MIN {
        return None;
    }
    let full_in = full_in(first, last, end.since(start));
    let soon = full_in.is_some_and(|seconds| seconds < SOON);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded by FAR")]
    let full_in_s = full_in.map(|seconds| seconds.max(0.0) as u64);
    Some(Finding {
        severity: if soon { Severity::Warning } else { Severity::Notice },
        metric: Some(metric),
        value: Some(rounded(last)),
        usual: Some(rounded(first)),
        full_in_s,
        ..Finding::new(Kind::Growing, start)
    })
}

fn medians(values: &[(Timestamp, f64)]) -> Option<Vec<f64>> {
    let stretch = |index: usize| {
        let from = index * values.len() / STRETCHES;
        let to = (index + 1) * values.len() / STRETCHES;
        let values: Vec<_> = values[from..to].iter().map(|(_, value)| *value).collect();
        median(&values)
    };
    (0..STRETCHES).map(stretch).collect()
}

/// Seconds until 100 %, if it grows on as it did. The outer medians lie one stretch apart less
/// than the whole span.
#[expect(clippy::cast_precision_loss, reason = "a small constant")]
fn full_in(first: f64, last: f64, span: Duration) -> Option<f64> {
    let seconds = span.as_secs_f64() * (STRETCHES - 1) as f64 / STRETCHES as f64;
    let left = (100.0 - last) / ((last - first) / seconds);
    (left.is_finite() && left < FAR).then_some(left)
}
