//! How numbers developed, in words.

use sysmaint_protocol::Timestamp;

use super::{
    inquiry::Inquiry,
    question::Question,
    wording::{clock, count, course, duration, value},
};
use crate::{
    metric::{Metric, Unit},
    tools::{
        ToolError,
        recent_status_history::{At, History, HostHistory, MetricHistory, Point},
    },
};

/// Points in the small picture.
const DRAWN: usize = 24;

/// Tells the course of these metrics, a line a host and metric.
pub(super) fn tell(
    inquiry: &mut Inquiry<'_>,
    question: &Question,
    metrics: &[Metric],
) -> Result<String, ToolError> {
    let mut lines = Vec::new();
    for metric in metrics {
        for history in inquiry.history(question, *metric)? {
            lines.extend(history.hosts.iter().map(|host| line(host, &history, *metric)));
            if history.hosts_left_out > 0 {
                lines.push(format!(
                    "- and {}: name one to hear of it",
                    count(history.hosts_left_out, "more host")
                ));
            }
        }
    }
    Ok(lines.join("\n"))
}

fn line(host: &HostHistory, history: &History, metric: Metric) -> String {
    let span = duration(history.to.since(history.from));
    let Some(told) = host.metrics.first() else {
        let why = if host.samples == 0 { "no sample" } else { "not reported" };
        return format!("- **{}**: {}: {why} in the last {span}", host.host, metric.label());
    };
    format!(
        "- **{}**: {} over the last {span}: {}{}",
        host.host,
        metric.label(),
        numbers(told, history.to),
        coverage(host, history)
    )
}

fn numbers(told: &MetricHistory, now: Timestamp) -> String {
    let at = |at: At| format!("{} at {}", value(at.value, told.unit), clock(at.time, now));
    if told.lowest.time == told.highest.time {
        return format!("a single sample: {}", at(told.last));
    }
    format!(
        "average {}, lowest {}, highest {}; from {} to {}, {} {}",
        value(told.average, told.unit),
        at(told.lowest),
        at(told.highest),
        at(told.first),
        at(told.last),
        direction(&told.points, told.unit),
        picture(&told.points)
    )
}

/// The averages of the first and the last quarter, compared.
fn direction(points: &[Point], unit: Unit) -> &'static str {
    let quarter = (points.len() / 4).max(1);
    let first = mean(&points[..quarter.min(points.len())]);
    let last = mean(&points[points.len().saturating_sub(quarter)..]);
    let still = match unit {
        Unit::Percent | Unit::Celsius => 3.0,
        Unit::Processes => 0.2,
        Unit::BytesPerSecond => 50_000.0,
    };
    let change = last - first;
    if change.abs() < f64::max(still, first.abs() * 0.1) {
        "steady"
    } else if change > 0.0 {
        "rising"
    } else {
        "falling"
    }
}

#[expect(clippy::cast_precision_loss, reason = "at most 60 points")]
fn mean(points: &[Point]) -> f64 {
    points.iter().map(|point| point.average).sum::<f64>() / points.len().max(1) as f64
}

fn picture(points: &[Point]) -> String {
    let stretch = points.len().div_ceil(DRAWN).max(1);
    let values: Vec<_> = points.chunks(stretch).map(mean).collect();
    format!("`{}`", course(&values))
}

/// Says where the samples do not reach as far back as was asked.
fn coverage(host: &HostHistory, history: &History) -> String {
    let asked = history.to.since(history.from);
    let (Some(first), Some(last)) = (host.first_sample, host.last_sample) else {
        return String::new();
    };
    let samples = count(host.samples, "sample");
    let late = first.since(history.from) > asked / 10;
    let early = history.to.since(last) > asked / 10;
    let from = clock(first, history.to);
    let to = clock(last, history.to);
    match (late, early) {
        (false, false) => format!(" ({samples})"),
        (true, false) => format!(" ({samples}; its history begins at {from})"),
        _ => format!(" ({samples}, from {from} to {to} only)"),
    }
}
