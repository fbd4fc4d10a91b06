//! Steady growth of what can fill up: memory, swap and disks.

use std::time::Duration;

use super::{Finding, Kind, Severity, course::Course, robust::median};
use crate::metric::{Metric, rounded};

/// Stretches whose medians are compared.
const STRETCHES: usize = 12;

/// Of the eleven steps between them, how many must go up.
const STEPS_UP: usize = 10;

/// The span that is looked at, at the least: a program that starts is not a leak.
const SPAN_MIN: Duration = Duration::from_mins(30);

/// The whole course, then its newer half, quarter and so on: growth may have begun late.
const HALVINGS: u32 = 6;

/// The growth must be so many times what the stretches stray from a straight line by: a step is no
/// growth.
const SCORE_MIN: f64 = 4.0;

/// A fill nearer than this is a warning.
const SOON: f64 = 24.0 * 3600.0;

/// A fill farther away than this is not foretold.
const FAR: f64 = 30.0 * 24.0 * 3600.0;

/// Percent points that it must have grown by; absent for what cannot fill up.
fn growth_min(metric: Metric) -> Option<f64> {
    match metric {
        Metric::MemoryUsedPercent | Metric::SwapUsedPercent => Some(8.0),
        Metric::DiskUsedPercentMax => Some(2.0),
        _ => None,
    }
}

/// A metric that grows steadily, over the longest span for which that holds.
pub(super) fn finding(metric: Metric, course: &Course, noise: f64) -> Option<Finding> {
    let growth_min = growth_min(metric)?;
    let level = course.level();
    (0..HALVINGS).find_map(|halving| {
        let from = level.len() - (level.len() >> halving);
        let newer = &level[from..];
        let enough = newer.len() >= course.cells(SPAN_MIN) && newer.len() >= STRETCHES * 2;
        let growth = enough.then(|| Growth::of(newer, noise)).flatten()?;
        // What has been as high before, and came down again, is a wave.
        let highest_before = level[..from].iter().copied().fold(f64::MIN, f64::max);
        if growth.last - growth.first < growth_min || growth.last < highest_before + noise {
            return None;
        }
        let span = course.moment(level.len()).since(course.moment(from));
        let full_in = growth.full_in(span);
        let soon = full_in.is_some_and(|seconds| seconds < SOON);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "bounded by FAR"
        )]
        let full_in_s = full_in.map(|seconds| seconds.max(0.0) as u64);
        Some(Finding {
            severity: if soon { Severity::Warning } else { Severity::Notice },
            metric: Some(metric),
            value: Some(rounded(growth.last)),
            usual: Some(rounded(growth.first)),
            score: Some(rounded(growth.score)),
            full_in_s,
            ..Finding::new(Kind::Growing, course.moment(from))
        })
    })
}

/// Growth from one level to another.
struct Growth {
    first: f64,
    last: f64,
    score: f64,
}

impl Growth {
    /// Of a course that goes up in nearly all its stretches, and evenly.
    fn of(level: &[f64], noise: f64) -> Option<Self> {
        let medians = medians(level)?;
        let steps_up = medians.windows(2).filter(|pair| pair[1] > pair[0]).count();
        let (first, last) = (*medians.first()?, *medians.last()?);
        if steps_up < STEPS_UP {
            return None;
        }
        let score = (last - first) / stray(&medians, first, last).max(noise * 0.25);
        (score >= SCORE_MIN).then_some(Self { first, last, score })
    }

    /// Seconds until 100 %, if it grows on as it did. The outer medians lie one stretch apart less
    /// than the whole span.
    #[expect(clippy::cast_precision_loss, reason = "a small constant")]
    fn full_in(&self, span: Duration) -> Option<f64> {
        let seconds = span.as_secs_f64() * (STRETCHES - 1) as f64 / STRETCHES as f64;
        let left = (100.0 - self.last) / ((self.last - self.first) / seconds);
        (left.is_finite() && left < FAR).then_some(left)
    }
}

fn medians(level: &[f64]) -> Option<Vec<f64>> {
    let stretch = |index: usize| {
        let from = index * level.len() / STRETCHES;
        let to = (index + 1) * level.len() / STRETCHES;
        median(&level[from..to])
    };
    (0..STRETCHES).map(stretch).collect()
}

/// The farthest that a stretch lies from the line between the ends.
#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn stray(medians: &[f64], first: f64, last: f64) -> f64 {
    let steps = (medians.len() - 1) as f64;
    let line = |index: usize| first + (last - first) * index as f64 / steps;
    medians.iter().enumerate().map(|(index, value)| (value - line(index)).abs()).fold(0.0, f64::max)
}
