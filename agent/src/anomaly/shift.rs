//! A level that changed and stayed: a step too small to be wild, too lasting to be noise.
//!
//! The point is where the sum of all deviations from the median, with wild ones cut, turns
//! (CUSUM). The levels before and after it are then compared by their medians.

use std::time::Duration;

use sysmaint_protocol::sample::Sample;

use super::{
    Finding, Kind, Severity,
    course::Course,
    level::notable,
    robust::{Usual, median},
};
use crate::metric::{Metric, rounded};

/// How long the new level must last.
const AFTER_MIN: Duration = Duration::from_mins(10);

/// How long the old one must have lasted.
const BEFORE_MIN: Duration = Duration::from_mins(30);

/// Cells that either level must have.
const CELLS_MIN: usize = 6;

/// Spreads between the levels from which the step is told.
const ENTER: f64 = 2.5;

/// Spreads at which it is still told, if it was a while ago.
const LEAVE: f64 = 1.8;

/// Deviations beyond so many spreads count as so many: one wild value is no level.
const CUT: f64 = 3.0;

/// Steps that are looked for, each after the one before it.
const STEPS_MAX: usize = 4;

/// A metric whose level rose, at the newest step that it took.
pub(super) fn finding(
    metric: Metric,
    course: &Course,
    sample: &Sample,
    noise: f64,
) -> Option<Finding> {
    let level = course.level();
    let least = Least {
        before: course.cells(BEFORE_MIN).max(CELLS_MIN),
        after: course.cells(AFTER_MIN).max(CELLS_MIN),
        noise,
    };
    let earlier = &level[..level.len().saturating_sub(least.after)];
    let step = newest(&level, &least, ENTER)
        .or_else(|| newest(earlier, &least, ENTER).and_then(|_| newest(&level, &least, LEAVE)))?;
    // What has been so for most of the time is what is usual.
    let recent = level.len() - step.at <= level.len() / 2;
    let rose = step.score > 0.0 && step.after - step.before >= notable(metric, sample);
    (recent && rose).then(|| Finding {
        severity: Severity::Notice,
        metric: Some(metric),
        value: Some(rounded(step.after)),
        usual: Some(rounded(step.before)),
        score: Some(rounded(step.score)),
        ..Finding::new(Kind::Shifted, course.moment(step.at))
    })
}

/// What either side of a step must have.
struct Least {
    before: usize,
    after: usize,
    noise: f64,
}

/// A step from one level to another.
struct Step {
    at: usize,
    before: f64,
    after: f64,
    score: f64,
}

/// The newest of the steps that are found one after the other.
fn newest(level: &[f64], least: &Least, score_min: f64) -> Option<Step> {
    let mut found = None;
    let mut from = 0;
    for _ in 0..STEPS_MAX {
        let Some(turn) = turn(&level[from..], least.noise) else { break };
        let at = from + turn;
        if at < least.before || level.len() - at < least.after {
            break;
        }
        let before = Usual::of(&level[from..at], least.noise)?;
        let after = Usual::of(&level[at..], least.noise)?;
        let score = (after.median - before.median) / before.spread.max(after.spread);
        if score.abs() < score_min {
            break;
        }
        found = Some(Step { at, before: before.median, after: after.median, score });
        from = at;
    }
    found
}

/// Where the level changes most; absent in too short a course.
fn turn(level: &[f64], noise: f64) -> Option<usize> {
    if level.len() < CELLS_MIN * 2 {
        return None;
    }
    let usual = Usual { median: mean_of_ends(level)?, spread: Usual::of(level, noise)?.spread };
    let mut sum = 0.0;
    let mut turn = (0.0, 0);
    for (index, value) in level.iter().enumerate() {
        sum += usual.score(*value).clamp(-CUT, CUT);
        if sum.abs() > turn.0 {
            turn = (sum.abs(), index + 1);
        }
    }
    (turn.1 > 0 && turn.1 < level.len()).then_some(turn.1)
}

/// Between the level at the beginning and that at the end: the median of all lies on the longer
/// one and would not see the shorter.
fn mean_of_ends(level: &[f64]) -> Option<f64> {
    let end = CELLS_MIN.max(level.len() / 20);
    let (first, last) = (level.get(..end)?, level.get(level.len() - end..)?);
    Some(f64::midpoint(median(first)?, median(last)?))
}
