//! What is unusual about a host, by rules that anybody can check.
//!
//! Four measures: fixed limits, distance from what is usual at this time in units of the usual
//! spread, steady growth, and a level that changed and stayed. All but the first need history;
//! where there is too little of it, that is said instead of guessed. A host that fell silent is a
//! finding too. What comes back regularly is usual. `docs/anomalies.md` says how well this judges.

mod cause;
mod course;
mod level;
mod limit;
mod phrase;
mod robust;
mod run;
mod season;
mod shift;
mod trend;

use std::time::Duration;

use serde::Serialize;
use sysmaint_protocol::{Handle, Timestamp, sample::Sample};

pub use self::cause::Cause;
use self::course::Course;
pub(crate) use self::{
    cause::{is_large, of as cause_of},
    level::notable,
    robust::median,
};
use crate::{host_text::HostText, metric::Metric, telemetry::HostState};

/// Samples without which nothing is called unusual.
const SAMPLES_MIN: usize = 30;

/// The span that they must cover.
const SPAN_MIN: Duration = Duration::from_mins(10);

/// What was found about one host.
#[derive(Clone, Debug, Serialize)]
pub struct Judgement {
    /// Which host.
    pub host: Handle,
    /// The time of its newest sample, to which the findings refer.
    pub sample_time: Timestamp,
    /// How many samples were compared with.
    pub samples: usize,
    /// Seconds from the first of them to the last.
    pub history_s: u64,
    /// Whether that is enough to know what is usual. If not, only limits were checked.
    pub enough_history: bool,
    /// What was found, the worst first.
    pub findings: Vec<Finding>,
    /// Findings that are not told, by number.
    #[serde(skip_serializing_if = "is_zero")]
    pub findings_left_out: usize,
}

/// One thing that is unusual.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// By what measure.
    pub kind: Kind,
    /// How bad it is.
    pub severity: Severity,
    /// What number; absent where the host is silent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<Metric>,
    /// Which disk or sensor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<HostText>,
    /// Its value now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// The host's median, or where growth began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usual: Option<f64>,
    /// The limit that it passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<f64>,
    /// Distance from usual in usual spreads (robust z-score); of growth, in what it strays from a
    /// straight line by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// Since when, as far as the samples reach.
    pub since: Timestamp,
    /// Seconds until full, if it grows on like this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_in_s: Option<u64>,
    /// The process that most likely causes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub likely_cause: Option<Cause>,
}

/// By what measure something is unusual.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It grows steadily.
    Growing,
    /// It passed a fixed limit.
    OverLimit,
    /// Its level rose and stayed.
    Shifted,
    /// Nothing was heard of the host.
    Silent,
    /// It is far above what is usual at this time.
    Unusual,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth a look.
    Notice,
    /// Likely to become trouble.
    Warning,
    /// Trouble.
    Critical,
}

impl Judgement {
    /// The worst finding's; absent without one.
    pub fn severity(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }
}

/// Judges a host by its newest sample and the `samples` of the past, oldest first.
pub fn judge(
    state: &HostState,
    samples: &[Sample],
    now: Timestamp,
    silent_after: Duration,
) -> Judgement {
    let span = match (samples.first(), samples.last()) {
        (Some(first), Some(last)) => last.taken_at.since(first.taken_at),
        _ => Duration::ZERO,
    };
    let enough_history = samples.len() >= SAMPLES_MIN && span >= SPAN_MIN;
    let mut findings = limit::findings(&state.sample, samples);
    if now.since(state.last_seen) > silent_after {
        // Its numbers are old: what they passed is worth knowing, what they did is not news.
        findings.push(silent(state.last_seen));
    } else if enough_history {
        for metric in Metric::ALL {
            add(&mut findings, measured(metric, &state.sample, samples));
        }
    }
    for finding in &mut findings {
        let before = samples.partition_point(|sample| sample.taken_at < finding.since);
        let before = &samples[..before];
        finding.likely_cause =
            finding.metric.and_then(|metric| cause::of(metric, &state.sample, before));
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    Judgement {
        host: state.host.clone(),
        sample_time: state.sample.taken_at,
        samples: samples.len(),
        history_s: span.as_secs(),
        enough_history,
        findings,
        findings_left_out: 0,
    }
}

/// What history says of a metric. What is unusual is held against what comes back regularly before
/// it is told: a search for that takes longer than all the rest.
fn measured(metric: Metric, sample: &Sample, samples: &[Sample]) -> Vec<Finding> {
    let noise = level::noise(metric);
    let Some(course) = Course::of(metric, samples, noise) else { return Vec::new() };
    let found = found(metric, &course, sample, noise);
    if found.is_empty() {
        return found;
    }
    match course.with_season(noise) {
        Some(course) => self::found(metric, &course, sample, noise),
        None => found,
    }
}

/// By each measure; the first finding is the one that tells most.
fn found(metric: Metric, course: &Course, sample: &Sample, noise: f64) -> Vec<Finding> {
    let found = [
        trend::finding(metric, course, noise),
        level::finding(metric, course, sample),
        shift::finding(metric, course, sample, noise),
    ];
    found.into_iter().flatten().collect()
}

fn silent(last_seen: Timestamp) -> Finding {
    Finding {
        kind: Kind::Silent,
        severity: Severity::Critical,
        ..Finding::new(Kind::Silent, last_seen)
    }
}

/// One finding a metric: what is over its limit need not be called unusual as well, but takes
/// over what the other measure knows of it.
fn add(findings: &mut Vec<Finding>, more: Vec<Finding>) {
    for new in more {
        match findings.iter_mut().find(|finding| finding.metric == new.metric) {
            Some(known) => {
                known.usual = known.usual.or(new.usual);
                known.score = known.score.or(new.score);
                known.full_in_s = known.full_in_s.or(new.full_in_s);
            }
            None => findings.push(new),
        }
    }
}

impl Finding {
    fn new(kind: Kind, since: Timestamp) -> Self {
        Self {
            kind,
            severity: Severity::Notice,
            metric: None,
            subject: None,
            value: None,
            usual: None,
            limit: None,
            score: None,
            since,
            full_in_s: None,
            likely_cause: None,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests;
