//! `get_recent_status_history`: how numbers developed.

use serde::{Deserialize, Serialize};
use serde_json::json;
use sysmaint_protocol::{Handle, Timestamp};
use sysmaint_store::Summary;

use super::{Tool, ToolError, View, host_choice, run_typed, schema};
use crate::{
    metric::{Metric, Unit, rounded},
    range::Range,
    telemetry::{HostState, Stretch},
};

/// Points of one metric in an answer.
pub const POINTS_MAX: usize = 60;

/// Hosts in one answer about one metric.
pub const HOSTS_MAX: usize = 10;

/// Hosts in one answer about every metric.
pub const SUMMARY_HOSTS_MAX: usize = 6;

/// The tool as it is offered to a model.
pub const TOOL: Tool = Tool {
    name: "get_recent_status_history",
    description: "How numbers developed on one or all hosts: lowest, average, highest (with their \
                  times), first and last value of each metric over a range. With a metric named, \
                  up to 60 points of it as well.",
    parameters: || {
        schema::object(&json!({
            "host": schema::host(),
            "metric": schema::metric("One metric, with points. Leave out for a summary of all."),
            "range": schema::range("Default 1h."),
        }))
    },
    run: |view, arguments| run_typed(view, arguments, recent_status_history),
};

/// What the call is about.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    /// One host, or all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Handle>,
    /// One metric, or a summary of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<Metric>,
    /// How far back; one hour if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<Range>,
}

/// How numbers developed.
#[derive(Clone, Debug, Serialize)]
pub struct History {
    /// Where the range begins.
    pub from: Timestamp,
    /// Where it ends.
    pub to: Timestamp,
    /// The hosts, by name.
    pub hosts: Vec<HostHistory>,
    /// Hosts beyond the bound, by number.
    #[serde(skip_serializing_if = "super::is_zero")]
    pub hosts_left_out: usize,
}

/// One host's part.
#[derive(Clone, Debug, Serialize)]
pub struct HostHistory {
    /// Which host.
    pub host: Handle,
    /// How many samples were looked at.
    pub samples: usize,
    /// When the first of them was taken, or the stretch that sums it up begins; absent without any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_sample: Option<Timestamp>,
    /// When the last of them was taken, or its stretch begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_sample: Option<Timestamp>,
    /// What the host knows of.
    pub metrics: Vec<MetricHistory>,
}

/// One metric's part.
#[derive(Clone, Debug, Serialize)]
pub struct MetricHistory {
    /// Which metric.
    pub metric: Metric,
    /// What it is counted in.
    pub unit: Unit,
    /// The lowest value.
    pub lowest: At,
    /// The mean of all samples.
    pub average: f64,
    /// The highest value.
    pub highest: At,
    /// The oldest value.
    pub first: At,
    /// The newest value.
    pub last: At,
    /// The course, where one metric was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub points: Vec<Point>,
}

/// A value and when it was.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct At {
    /// The sample's time, or the beginning of the stretch that sums it up.
    pub time: Timestamp,
    /// The value.
    pub value: f64,
}

/// A stretch of the course.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Point {
    /// The time of its first sample.
    pub time: Timestamp,
    /// The mean of its samples.
    pub average: f64,
    /// The highest of its samples.
    pub highest: f64,
}

/// Reads and sums up the history.
pub fn recent_status_history(view: &View<'_>, arguments: &Arguments) -> Result<History, ToolError> {
    let chosen = host_choice::chosen(view, arguments.host.as_ref())?;
    let range = arguments.range.unwrap_or(DEFAULT_RANGE);
    let from = range.start(view.now);
    let most = if arguments.metric.is_some() { HOSTS_MAX } else { SUMMARY_HOSTS_MAX };
    let shown = chosen.len().min(most);
    // Many hosts share the points of one, so that an answer stays readable.
    let points = if arguments.metric.is_some() { (POINTS_MAX / shown.max(1)).max(10) } else { 0 };
    let metrics: &[Metric] = arguments.metric.as_ref().map_or(&Metric::ALL, std::slice::from_ref);
    let hosts: Result<_, ToolError> = chosen
        .iter()
        .take(shown)
        .map(|state| host_history(view, state, from, metrics, points))
        .collect();
    Ok(History { from, to: view.now, hosts: hosts?, hosts_left_out: chosen.len() - shown })
}

const DEFAULT_RANGE: Range = Range::HOUR;

fn host_history(
    view: &View<'_>,
    state: &HostState,
    from: Timestamp,
    metrics: &[Metric],
    points: usize,
) -> Result<HostHistory, ToolError> {
    let course = view.telemetry.stretches(&state.host, from, view.now)?;
    let metrics = metrics.iter().filter_map(|metric| metric_history(*metric, &course, points));
    Ok(HostHistory {
        host: state.host.clone(),
        samples: course.iter().map(|stretch| stretch.samples as usize).sum(),
        first_sample: course.first().map(|stretch| stretch.time),
        last_sample: course.last().map(|stretch| stretch.time),
        metrics: metrics.collect(),
    })
}

fn metric_history(metric: Metric, course: &[Stretch], points: usize) -> Option<MetricHistory> {
    let place = Metric::ALL.iter().position(|known| *known == metric)?;
    let known = |stretch: &Stretch| Some((stretch.time, stretch.values[place]?));
    let values: Vec<(Timestamp, Summary)> = course.iter().filter_map(known).collect();
    let at = |value: fn(&Summary) -> f64| {
        values.iter().map(move |(time, summary)| At { time: *time, value: rounded(value(summary)) })
    };
    let by_value = |one: &At, other: &At| one.value.total_cmp(&other.value);
    Some(MetricHistory {
        metric,
        unit: metric.unit(),
        lowest: at(|summary| summary.low).min_by(by_value)?,
        average: average(&values)?,
        highest: at(|summary| summary.high).max_by(by_value)?,
        first: at(Summary::mean).next()?,
        last: at(Summary::mean).next_back()?,
        points: points_of(&values, points),
    })
}

/// At most `points` points of equally many stretches.
fn points_of(values: &[(Timestamp, Summary)], points: usize) -> Vec<Point> {
    if points == 0 {
        return Vec::new();
    }
    let together = values.len().div_ceil(points).max(1);
    let point = |values: &[(Timestamp, Summary)]| {
        let highest = values.iter().map(|(_, summary)| summary.high).fold(f64::MIN, f64::max);
        let time = values.first()?.0;
        Some(Point { time, average: average(values)?, highest: rounded(highest) })
    };
    values.chunks(together).filter_map(point).collect()
}

/// The mean of all samples, however many each stretch sums up.
fn average(values: &[(Timestamp, Summary)]) -> Option<f64> {
    let summaries = values.iter().map(|(_, summary)| *summary);
    let all = summaries.reduce(|mut all, summary| {
        all.add(&summary);
        all
    });
    all.map(|all| rounded(all.mean()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::made::Made;

    fn cpu_of_web1(made: &Made, range: &str) -> HostHistory {
        let arguments = Arguments {
            host: Some("web1".parse().unwrap()),
            metric: Some(Metric::CpuPercent),
            range: Some(range.parse().unwrap()),
        };
        recent_status_history(&made.view(), &arguments).unwrap().hosts.remove(0)
    }

    #[test]
    fn lowest_average_and_highest_are_those_of_the_samples() {
        let mut made = Made::two_hosts();
        made.course("web1", 60, 600, |sample, index| {
            sample.cpu_percent = Some(if index == 30 { 90.0 } else { 10.0 });
        });
        let history = cpu_of_web1(&made, "12h");
        let cpu = &history.metrics[0];
        assert_eq!((cpu.lowest.value, cpu.highest.value), (10.0, 90.0));
        assert_eq!(Some(cpu.average), Some(11.33));
        assert_eq!(cpu.highest.time, made.time_before(29 * 600));
        assert_eq!(cpu.points.len(), 60);
    }

    #[test]
    fn points_are_few_and_keep_the_peak() {
        let mut made = Made::two_hosts();
        made.course("web1", 500, 10, |sample, index| {
            sample.cpu_percent = Some(if index == 321 { 99.0 } else { 1.0 });
        });
        let history = cpu_of_web1(&made, "12h");
        let points = &history.metrics[0].points;
        assert!(points.len() <= POINTS_MAX, "{}", points.len());
        assert!(points.iter().any(|point| point.highest > 98.0));
    }

    #[test]
    fn a_metric_that_a_host_does_not_know_is_left_out() {
        let made = Made::named(&["bare"]);
        let history = recent_status_history(&made.view(), &Arguments::default()).unwrap();
        assert!(history.hosts[0].metrics.is_empty());
        assert_eq!(history.hosts[0].samples, 1);
    }
}
