//! `get_anomaly_summary`: what is unusual, and by what measure.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use sysmaint_protocol::{Handle, Timestamp, sample::Sample};

use super::{SAMPLES_MAX, Tool, ToolError, View, host_choice, run_typed, schema};
use crate::{
    anomaly::{self, Finding, Judgement},
    metric::Metric,
    range::Range,
    telemetry::{Telemetry, TelemetryError},
};

/// Hosts that are looked at.
pub const HOSTS_MAX: usize = 32;

/// Hosts with findings of which each finding is told; of the rest only how many there are.
const DETAILED_MAX: usize = 5;

/// Findings of one host.
const FINDINGS_MAX: usize = 6;

/// Of this time every sample is read.
const LATE: Duration = Duration::from_mins(30);

/// The tool as it is offered to a model.
pub const TOOL: Tool = Tool {
    name: "get_anomaly_summary",
    description: "What is unusual on one or all hosts now, judged by rules: fixed limits (disk and \
                  memory 90 %, swap 50 %, load twice the cores, 85 degrees Celsius), values far \
                  above what is usual for the host at this time, steady growth, levels that rose \
                  and stayed, and hosts that fell silent. Each finding carries its value, what is usual, since when, and the \
                  likely cause if known. Says where there is too little history to judge.",
    parameters: || {
        schema::object(&json!({
            "host": schema::host(),
            "metric": schema::metric("Findings on one metric alone. Leave out for all."),
            "range": schema::range("Default 24h."),
        }))
    },
    run: |view, arguments| run_typed(view, arguments, anomaly_summary),
};

/// What the call is about.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    /// One host, or all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Handle>,
    /// One metric, or all. That a host is silent is told in either case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<Metric>,
    /// What counts as the past to compare with; a day if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<Range>,
}

/// What is unusual.
#[derive(Clone, Debug, Serialize)]
pub struct AnomalySummary {
    /// Where the past that was compared with begins.
    pub from: Timestamp,
    /// The moment of the question.
    pub to: Timestamp,
    /// Findings on all hosts.
    pub findings: usize,
    /// Each host, those with findings first, then by name.
    pub hosts: Vec<Judgement>,
    /// Hosts beyond the bound, by number.
    #[serde(skip_serializing_if = "super::is_zero")]
    pub hosts_left_out: usize,
}

/// Judges the hosts.
pub fn anomaly_summary(
    view: &View<'_>,
    arguments: &Arguments,
) -> Result<AnomalySummary, ToolError> {
    let chosen = host_choice::chosen(view, arguments.host.as_ref())?;
    let from = arguments.range.unwrap_or(Range::DAY).start(view.now);
    let looked_at = chosen.len().min(HOSTS_MAX);
    let mut hosts = Vec::with_capacity(looked_at);
    for state in &chosen[..looked_at] {
        let samples = samples(view.telemetry, &state.host, from, view.now)?;
        let mut judgement = anomaly::judge(state, &samples, view.now, view.silent_after);
        judgement.findings.retain(|finding| wanted(finding, arguments.metric));
        hosts.push(judgement);
    }
    let findings = hosts.iter().map(|host| host.findings.len()).sum();
    hosts.sort_by_key(|host| std::cmp::Reverse(host.severity()));
    bound(&mut hosts);
    let hosts_left_out = chosen.len() - looked_at;
    Ok(AnomalySummary { from, to: view.now, findings, hosts, hosts_left_out })
}

/// A host's day up to a moment, as far as findings need it: thinned, and of late every sample.
pub(crate) fn past(
    telemetry: &dyn Telemetry,
    host: &Handle,
    to: Timestamp,
) -> Result<Vec<Sample>, TelemetryError> {
    samples(telemetry, host, Range::DAY.start(to), to)
}

/// What is going on now must not wait for a sample that thinning keeps.
fn samples(
    telemetry: &dyn Telemetry,
    host: &Handle,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<Sample>, TelemetryError> {
    let late = from.max(to.before(LATE));
    let mut samples = telemetry.samples(host, from, to, SAMPLES_MAX)?;
    let newest = telemetry.samples(host, late, to, SAMPLES_MAX)?;
    if let Some(first) = newest.first() {
        samples.retain(|sample| sample.taken_at < first.taken_at);
        samples.extend(newest);
    }
    Ok(samples)
}

fn wanted(finding: &Finding, metric: Option<Metric>) -> bool {
    metric.is_none() || finding.metric.is_none() || finding.metric == metric
}

fn bound(hosts: &mut [Judgement]) {
    for (index, host) in hosts.iter_mut().enumerate() {
        let told = if index < DETAILED_MAX { FINDINGS_MAX } else { 0 };
        host.findings_left_out = host.findings.len().saturating_sub(told);
        host.findings.truncate(told);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::made::Made;

    #[test]
    fn the_worst_host_comes_first() {
        let mut made = Made::two_hosts();
        made.hush("web2", 3_600);
        let summary = anomaly_summary(&made.view(), &Arguments::default()).unwrap();
        assert_eq!(summary.hosts[0].host.as_str(), "web2");
        assert_eq!(summary.findings, 1);
    }
}
