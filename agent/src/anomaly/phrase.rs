//! Findings in words.

use std::time::Duration;

use super::{Cause, Finding, Kind};
use crate::{
    metric::Metric,
    wording::{bytes, duration, percent, value},
};

impl Finding {
    /// What was found, as the rest of a sentence that begins with the host.
    pub(crate) fn phrase(&self) -> String {
        phrase(self)
    }

    /// What likely causes it.
    pub(crate) fn cause_phrase(&self) -> Option<String> {
        Some(self.likely_cause.as_ref()?.phrase(self.metric?))
    }
}

impl Cause {
    /// The process, with what it takes of what a metric measures.
    pub(crate) fn phrase(&self, metric: Metric) -> String {
        let of_memory = matches!(metric, Metric::MemoryUsedPercent | Metric::SwapUsedPercent);
        let share = if of_memory {
            bytes(self.memory_bytes)
        } else {
            format!("{} of one core", percent(self.cpu_percent))
        };
        format!("{} (pid {}) with {share}", self.process.code(), self.pid)
    }
}

fn phrase(finding: &Finding) -> String {
    let Some(metric) = finding.metric else {
        return "is silent, nothing was heard of it".to_owned();
    };
    let told = |number: Option<f64>| {
        number.map_or("unknown".to_owned(), |number| value(number, metric.unit()))
    };
    let subject = subject(metric, finding);
    let now = told(finding.value);
    let usual = finding.usual.map(|usual| value(usual, metric.unit()));
    let score = finding.score.map(|score| format!(" (robust z-score {score:.1})"));
    let score = score.unwrap_or_default();
    match finding.kind {
        Kind::Growing => {
            let full = finding.full_in_s.map(|seconds| {
                format!(", full in about {} at this rate", duration(Duration::from_secs(seconds)))
            });
            let from = usual.map(|usual| format!(" from {usual}")).unwrap_or_default();
            format!("{subject} grows steadily,{from} to {now}{}", full.unwrap_or_default())
        }
        Kind::OverLimit => {
            let usual = usual.map(|usual| format!(", usually {usual}")).unwrap_or_default();
            let passed = finding.value >= finding.limit;
            let over = if passed { "over" } else { "was just over" };
            format!("{subject} is at {now}, {over} the limit of {}{usual}", told(finding.limit))
        }
        Kind::Shifted => {
            format!("{subject} rose from {} to {now} and stayed there{score}", told(finding.usual))
        }
        Kind::Silent => "is silent, nothing was heard of it".to_owned(),
        Kind::Unusual => {
            format!("{subject} is at {now}, usually {}{score}", told(finding.usual))
        }
    }
}

fn subject(metric: Metric, finding: &Finding) -> String {
    match (metric, &finding.subject) {
        (Metric::DiskUsedPercentMax, Some(mount)) => format!("disk {}", mount.code()),
        (Metric::CelsiusMax, Some(sensor)) => format!("sensor {}", sensor.code()),
        (Metric::ReceivedBytesPerS, _) => "incoming traffic".to_owned(),
        (Metric::SentBytesPerS, _) => "outgoing traffic".to_owned(),
        (metric, _) => metric.label().to_owned(),
    }
}
