//! One look at the hosts by the rules.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    time::Duration,
};

use sysmaint_protocol::{Handle, Timestamp, sample::Sample};

use super::{
    rule::{Condition, Rule, Rules},
    wording,
};
use crate::{
    anomaly::{Finding, Kind, Severity, judge},
    metric::Metric,
    telemetry::{HostState, Telemetry, TelemetryError},
    tools::anomaly_summary,
};

/// The share of a limit that an average must fall below it to be over.
const RELIEF: f64 = 0.97;
/// The share of a stretch that samples must cover to stand for it.
const COVERED: f64 = 0.8;
/// Samples without which there is no average.
const SAMPLES_MIN: usize = 3;
/// Samples of a stretch that are read.
const SAMPLES_MAX: usize = 720;
/// How often anomalies are looked for: that reads a day of each host.
const ANOMALIES_EVERY: Duration = Duration::from_mins(5);

/// What a rule says of a host.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Observed {
    pub(super) host: Handle,
    pub(super) rule: Rule,
    /// What is firing, by subject. Whatever else this rule had found of the host is over.
    pub(super) firing: BTreeMap<String, Reading>,
}

/// Why it fires.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reading {
    pub(super) since: Timestamp,
    pub(super) summary: String,
    pub(super) cause: Option<String>,
}

/// Looks again and again.
pub(super) struct Eye<'a> {
    pub(super) telemetry: &'a dyn Telemetry,
    pub(super) rules: &'a Rules,
    /// How long a host may be quiet until its samples are too old to judge.
    pub(super) silent_after: Duration,
    /// When a host was last searched for anomalies.
    pub(super) searched: &'a mut BTreeMap<Handle, Timestamp>,
}

impl Eye<'_> {
    /// Looks at every host; `hearing_since` is since when samples arrive here without a break. A
    /// rule that cannot be judged now is not among what is returned, and nothing changes by it.
    pub(super) fn look(
        &mut self,
        now: Timestamp,
        hearing_since: Timestamp,
    ) -> Result<Vec<Observed>, TelemetryError> {
        let hosts = self.telemetry.hosts()?;
        self.searched.retain(|host, _| hosts.iter().any(|state| state.host == *host));
        let mut observed = Vec::new();
        for state in &hosts {
            observed.extend(self.silence(state, now, hearing_since));
            if now.since(state.last_seen) <= self.silent_after {
                let averages = self.averages(state)?;
                let anomalies = self.anomalies(state, now, &averages)?;
                observed.extend(averages.into_iter().chain(anomalies));
            }
        }
        Ok(observed)
    }

    fn silence(
        &self,
        state: &HostState,
        now: Timestamp,
        hearing_since: Timestamp,
    ) -> Vec<Observed> {
        let mut observed = Vec::new();
        for rule in self.rules.iter() {
            let Condition::Silent { after } = rule.condition else { continue };
            if now.since(state.last_seen) <= after {
                observed.push(one(state, *rule, None));
            } else if now.since(hearing_since) > after {
                // Whoever has not listened for as long cannot call another one silent.
                let reading = Reading {
                    since: state.last_seen,
                    summary: wording::silent(state.last_seen, after),
                    cause: Some(wording::silent_cause(&state.sample)),
                };
                observed.push(one(state, *rule, Some(reading)));
            }
        }
        observed
    }

    fn averages(&self, state: &HostState) -> Result<Vec<Observed>, TelemetryError> {
        let mut observed = Vec::new();
        // Rules over the same stretch look at the same samples.
        let mut latest = BTreeMap::new();
        for rule in self.rules.iter() {
            let Condition::Above { metric, limit, over } = rule.condition else { continue };
            let samples = match latest.entry(over) {
                Entry::Occupied(read) => read.into_mut(),
                Entry::Vacant(place) => place.insert(self.latest(state, over)?),
            };
            let Some(average) = average(metric, samples, over) else { continue };
            if average >= limit {
                let summary = wording::above(metric, average, limit, over);
                let cause = wording::above_cause(metric, &state.sample, samples);
                let since = samples.first().map_or(state.sample.taken_at, |first| first.taken_at);
                observed.push(one(state, *rule, Some(Reading { since, summary, cause })));
            } else if average < limit * RELIEF {
                observed.push(one(state, *rule, None));
            }
        }
        Ok(observed)
    }

    /// By the host's own clock, which may be wrong.
    fn latest(&self, state: &HostState, over: Duration) -> Result<Vec<Sample>, TelemetryError> {
        let to = state.sample.taken_at;
        self.telemetry.samples(&state.host, to.before(over), to, SAMPLES_MAX)
    }

    fn anomalies(
        &mut self,
        state: &HostState,
        now: Timestamp,
        averages: &[Observed],
    ) -> Result<Vec<Observed>, TelemetryError> {
        let searched = self.searched.get(&state.host);
        let lately = searched.is_some_and(|at| now >= *at && now.since(*at) < ANOMALIES_EVERY);
        let mut rules = self.rules.iter().filter_map(|rule| match rule.condition {
            Condition::Anomaly { over } => Some((*rule, over)),
            _ => None,
        });
        let Some(first) = rules.next().filter(|_| !lately) else { return Ok(Vec::new()) };
        self.searched.insert(state.host.clone(), now);
        let to = state.sample.taken_at.max(now);
        let samples = anomaly_summary::past(self.telemetry, &state.host, to)?;
        let judgement = judge(state, &samples, now, self.silent_after);
        let told = judgement.findings.iter().filter(|finding| self.is_news(finding, averages));
        let told: Vec<_> = told.collect();
        let observed = std::iter::once(first).chain(rules).map(|(rule, over)| {
            let lasting = |finding: &&&Finding| judgement.sample_time.since(finding.since) >= over;
            let firing = told.iter().filter(lasting).map(|finding| reading(finding)).collect();
            Observed { host: state.host.clone(), rule, firing }
        });
        Ok(observed.collect())
    }

    /// Warnings, but not of silence, not of limits where a rule sets another one, and not of what
    /// such a rule tells now.
    fn is_news(&self, finding: &Finding, averages: &[Observed]) -> bool {
        let is_of = |rule: &Rule| match rule.condition {
            Condition::Above { metric, .. } => finding.metric == Some(metric),
            Condition::Silent { .. } | Condition::Anomaly { .. } => false,
        };
        let has_rule = self.rules.iter().any(is_of);
        let told = averages.iter().any(|one| is_of(&one.rule) && !one.firing.is_empty());
        finding.severity >= Severity::Warning
            && finding.kind != Kind::Silent
            && !told
            && !(has_rule && finding.kind == Kind::OverLimit)
    }
}

/// The average of a metric, if its samples cover the stretch.
fn average(metric: Metric, samples: &[Sample], over: Duration) -> Option<f64> {
    let values: Vec<_> = samples
        .iter()
        .filter_map(|sample| Some((sample.taken_at, metric.value(sample)?)))
        .collect();
    let ((first, _), (last, _)) = (values.first()?, values.last()?);
    let covered = last.since(*first).as_secs_f64() >= over.as_secs_f64() * COVERED;
    #[expect(clippy::cast_precision_loss, reason = "at most some hundreds")]
    let count = values.len() as f64;
    let sum: f64 = values.iter().map(|(_, value)| value).sum();
    (covered && values.len() >= SAMPLES_MIN).then(|| sum / count)
}

fn one(state: &HostState, rule: Rule, reading: Option<Reading>) -> Observed {
    let firing = reading.map(|reading| (String::new(), reading)).into_iter().collect();
    Observed { host: state.host.clone(), rule, firing }
}

/// Of one thing there may be several findings; they are told apart by what they are about.
fn reading(finding: &Finding) -> (String, Reading) {
    let metric = finding.metric.map_or("host", Metric::name);
    let subject = match &finding.subject {
        Some(subject) => format!("{metric} {}", subject.as_str()),
        None => metric.to_owned(),
    };
    let reading =
        Reading { since: finding.since, summary: finding.phrase(), cause: finding.cause_phrase() };
    (subject, reading)
}

#[cfg(test)]
mod tests;
