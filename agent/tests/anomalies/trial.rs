//! A trial: a stretch is judged again and again as time goes on, and what was said is held against
//! what is true.

use std::{collections::BTreeMap, time::Duration};

use sysmaint_agent::{
    anomaly::Finding,
    metric::Metric,
    telemetry::{HostState, Telemetry, TelemetryError},
    tools::{
        SILENT_AFTER, View,
        anomaly_summary::{Arguments, anomaly_summary},
    },
};
use sysmaint_protocol::{Handle, Timestamp, sample::Sample};

use crate::host::{GRACE, Incident};

/// What is found at one moment.
pub(crate) struct Found {
    /// Absent where the host is silent.
    pub(crate) metric: Option<Metric>,
    /// The process that is held to be behind it.
    pub(crate) process: Option<String>,
}

/// A way to judge: samples up to a moment in, findings out.
pub(crate) type Judge = fn(&[Sample], Timestamp) -> Vec<Found>;

/// How a trial went.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Score {
    pub(crate) hosts: usize,
    pub(crate) incidents: usize,
    pub(crate) found: usize,
    /// Stretches in which something was said without a break, by metric.
    pub(crate) alarms: usize,
    pub(crate) false_alarms: usize,
    /// The false ones by what they are about.
    pub(crate) false_by: BTreeMap<&'static str, usize>,
    /// Seconds from the beginning of each incident that was found.
    pub(crate) delays_s: Vec<u64>,
    /// Incidents found that have a process behind them, and of how many it was named.
    pub(crate) with_process: usize,
    pub(crate) process_named: usize,
}

impl Score {
    pub(crate) fn add(&mut self, other: Self) {
        self.hosts += other.hosts;
        self.incidents += other.incidents;
        self.found += other.found;
        self.alarms += other.alarms;
        self.false_alarms += other.false_alarms;
        self.delays_s.extend(other.delays_s);
        self.with_process += other.with_process;
        self.process_named += other.process_named;
    }

    /// True alarms of all alarms; 1 without any.
    #[expect(clippy::cast_precision_loss, reason = "small counts")]
    pub(crate) fn precision(&self) -> f64 {
        1.0 - self.false_alarms as f64 / self.alarms.max(1) as f64
    }

    /// Incidents found of all; 1 without any.
    #[expect(clippy::cast_precision_loss, reason = "small counts")]
    pub(crate) fn recall(&self) -> f64 {
        if self.incidents == 0 { 1.0 } else { self.found as f64 / self.incidents as f64 }
    }

    /// The delay that so large a share of the incidents did not exceed.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "small counts"
    )]
    pub(crate) fn delay_s(&self, share: f64) -> Option<u64> {
        let mut delays = self.delays_s.clone();
        delays.sort_unstable();
        let index = ((delays.len() as f64 * share).ceil() as usize).saturating_sub(1);
        delays.get(index).copied()
    }
}

/// An unbroken run of moments at which something was said of one metric.
struct Alarm {
    metric: Option<Metric>,
    from: Timestamp,
    to: Timestamp,
    process: Option<String>,
}

/// Judges at each of `moments`, oldest first, by what was there then.
pub(crate) fn trial(
    judge: Judge,
    samples: &[Sample],
    moments: &[Timestamp],
    incidents: &[(Timestamp, Timestamp, &Incident)],
) -> Score {
    let mut alarms: Vec<Alarm> = Vec::new();
    let mut open: BTreeMap<Option<&'static str>, usize> = BTreeMap::new();
    for now in moments {
        let known = samples.partition_point(|sample| sample.taken_at <= *now);
        let mut still = BTreeMap::new();
        for found in judge(&samples[..known], *now) {
            let key = found.metric.map(Metric::name);
            let index = open.get(&key).or_else(|| still.get(&key)).copied().unwrap_or(alarms.len());
            if let Some(alarm) = alarms.get_mut(index) {
                alarm.to = *now;
            } else {
                let Found { metric, process } = found;
                alarms.push(Alarm { metric, from: *now, to: *now, process });
            }
            still.insert(key, index);
        }
        open = still;
    }
    score(&alarms, incidents)
}

fn score(alarms: &[Alarm], incidents: &[(Timestamp, Timestamp, &Incident)]) -> Score {
    let mut score =
        Score { hosts: 1, incidents: incidents.len(), alarms: alarms.len(), ..Score::default() };
    let about = |alarm: &Alarm, (start, end, incident): &(Timestamp, Timestamp, &Incident)| {
        let related = match alarm.metric {
            None => incident.metrics.is_empty(),
            Some(metric) => incident.metrics.contains(&metric),
        };
        // What was said before is no news of it.
        related && (*start..=end.after(GRACE)).contains(&alarm.from)
    };
    let any = |alarm: &Alarm| incidents.iter().any(|incident| about(alarm, incident));
    for alarm in alarms.iter().filter(|alarm| !any(alarm)) {
        score.false_alarms += 1;
        *score.false_by.entry(alarm.metric.map_or("silence", Metric::label)).or_default() += 1;
    }
    for incident in incidents {
        let in_time = |alarm: &&Alarm| about(alarm, incident) && alarm.from <= incident.1;
        let of_it: Vec<_> = alarms.iter().filter(in_time).collect();
        let Some(first) = of_it.iter().map(|alarm| alarm.from).min() else { continue };
        score.found += 1;
        score.delays_s.push(first.since(incident.0).as_secs());
        if let Some(process) = incident.2.process {
            score.with_process += 1;
            let named = of_it.iter().any(|alarm| alarm.process.as_deref() == Some(process));
            score.process_named += usize::from(named);
        }
    }
    score
}

/// The agent's own judgement, through the tool that a model calls.
pub(crate) fn by_the_agent(samples: &[Sample], now: Timestamp) -> Vec<Found> {
    let tape = Tape(samples);
    let view = View { telemetry: &tape, now, silent_after: SILENT_AFTER };
    let summary = anomaly_summary(&view, &Arguments::default()).unwrap();
    let found = |finding: Finding| Found {
        metric: finding.metric,
        process: finding.likely_cause.map(|cause| cause.process.as_str().to_owned()),
    };
    summary.hosts.into_iter().flat_map(|host| host.findings).map(found).collect()
}

/// What a simple rule would say: the newest sample is three standard deviations above the mean.
#[expect(clippy::cast_precision_loss, reason = "small counts")]
pub(crate) fn by_three_deviations(samples: &[Sample], now: Timestamp) -> Vec<Found> {
    let day = now.before(Duration::from_hours(24));
    let samples = &samples[samples.partition_point(|sample| sample.taken_at < day)..];
    let beyond = |metric: &Metric| {
        // Each twelfth, as many as the agent reads.
        let read = samples.iter().rev().step_by(12);
        let values: Vec<_> = read.filter_map(|sample| metric.value(sample)).collect();
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let deviation =
            (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt();
        values.first().is_some_and(|newest| newest - mean > 3.0 * deviation)
    };
    let found = |metric: Metric| Found { metric: Some(metric), process: None };
    let silent = samples.last().is_none_or(|last| now.since(last.taken_at) > SILENT_AFTER);
    let silence = silent.then_some(Found { metric: None, process: None });
    Metric::ALL.into_iter().filter(beyond).map(found).chain(silence).collect()
}

/// One host's samples, given out as the store does it.
struct Tape<'a>(&'a [Sample]);

impl Telemetry for Tape<'_> {
    fn hosts(&self) -> Result<Vec<HostState>, TelemetryError> {
        let state = |sample: &Sample| HostState {
            host: "judged".parse().unwrap(),
            last_seen: sample.taken_at,
            sample: sample.clone(),
            missing: 0,
            lost: 0,
        };
        Ok(self.0.last().map(state).into_iter().collect())
    }

    fn samples(
        &self,
        _: &Handle,
        from: Timestamp,
        to: Timestamp,
        max_points: usize,
    ) -> Result<Vec<Sample>, TelemetryError> {
        let first = self.0.partition_point(|sample| sample.taken_at < from);
        let last = self.0.partition_point(|sample| sample.taken_at <= to);
        let within = &self.0[first..last.max(first)];
        let step = within.len().div_ceil(max_points).max(1);
        let mut kept: Vec<_> = within.iter().rev().step_by(step).cloned().collect();
        kept.reverse();
        Ok(kept)
    }
}
