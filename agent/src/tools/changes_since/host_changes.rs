//! One host, then and now.

use std::{collections::BTreeSet, time::Duration};

use serde::Serialize;
use sysmaint_protocol::{
    Handle, Timestamp,
    sample::{Disk, Process, Sample},
};

use crate::{
    anomaly::{self, median},
    host_text::HostText,
    metric::{Metric, Unit, rounded},
    telemetry::HostState,
    tools::View,
};

/// Samples at either end whose median is the level there.
const LEVEL: usize = 5;

/// Items of one list.
const ITEMS_MAX: usize = 5;

/// Percent points by which a file system's use must differ.
const DISK_MIN: f64 = 2.0;

/// What is different on one host.
#[derive(Clone, Debug, Serialize)]
pub struct HostChanges {
    /// Which host.
    pub host: Handle,
    /// How many samples were compared; with fewer than two nothing can be told.
    pub samples: usize,
    /// When the first of them was taken: the level then is that of the samples from there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_sample: Option<Timestamp>,
    /// When the last of them was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample_time: Option<Timestamp>,
    /// Whether nothing was heard of it of late.
    pub silent: bool,
    /// Metrics at a notably other level.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<Measured>,
    /// File systems at another level, new, or gone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub disks: Vec<DiskChange>,
    /// When it started anew.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub restarts: Vec<Timestamp>,
    /// Stretches without samples.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub silences: Vec<Silence>,
    /// Another operating system's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub os: Option<Changed>,
    /// Another kernel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel: Option<Changed>,
    /// Large processes that were not among the largest then.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub new_processes: Vec<NewProcess>,
}

/// A metric's level then and now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measured {
    /// Which metric.
    pub metric: Metric,
    /// What it is counted in.
    pub unit: Unit,
    /// The median of the first samples.
    pub before: f64,
    /// The median of the last samples.
    pub now: f64,
}

/// A file system's use then and now; absent where it is not mounted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DiskChange {
    /// Mount point.
    pub mount: HostText,
    /// Percent in use then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before_percent: Option<f64>,
    /// Percent in use now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub now_percent: Option<f64>,
}

/// A text then and now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Changed {
    /// Then.
    pub before: HostText,
    /// Now.
    pub now: HostText,
}

/// A stretch in which no sample was taken, or none arrived.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Silence {
    /// The last sample before it.
    pub from: Timestamp,
    /// The first sample after it.
    pub to: Timestamp,
}

/// A process that was not among the largest.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NewProcess {
    /// Its name.
    pub name: HostText,
    /// Its number.
    pub pid: u32,
    /// Share of one core.
    pub cpu_percent: f64,
    /// Resident memory.
    pub memory_bytes: u64,
    /// The first sample that lists it.
    pub first_seen: Timestamp,
}

impl HostChanges {
    /// Compares the beginning of `samples`, oldest first, with their end.
    pub(super) fn between(view: &View<'_>, state: &HostState, samples: &[Sample]) -> Self {
        let level = LEVEL.min(samples.len() / 2);
        let (before, now) = (&samples[..level], &samples[samples.len() - level..]);
        let ends = before.first().zip(now.last());
        let text = |of: fn(&Sample) -> Option<&str>| {
            ends.and_then(|(before, now)| changed(of(before)?, of(now)?))
        };
        Self {
            host: state.host.clone(),
            samples: samples.len(),
            first_sample: samples.first().map(|sample| sample.taken_at),
            sample_time: samples.last().map(|sample| sample.taken_at),
            silent: view.is_silent(state),
            metrics: measured(before, now),
            disks: ends.map(|(before, now)| disks(before, now)).unwrap_or_default(),
            restarts: newest(samples.windows(2).filter_map(restart)),
            silences: newest(silences(view, samples).into_iter()),
            os: text(|sample| sample.os.as_deref()),
            kernel: text(|sample| sample.kernel.as_deref()),
            new_processes: new_processes(before, now, samples),
        }
    }

    /// Whether nothing is different.
    pub fn is_unchanged(&self) -> bool {
        self.metrics.is_empty()
            && self.disks.is_empty()
            && self.restarts.is_empty()
            && self.silences.is_empty()
            && self.os.is_none()
            && self.kernel.is_none()
            && self.new_processes.is_empty()
    }
}

/// The last few, in their order.
fn newest<T>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut items: Vec<_> = items.collect();
    items.drain(..items.len().saturating_sub(ITEMS_MAX));
    items
}

fn measured(before: &[Sample], now: &[Sample]) -> Vec<Measured> {
    let level = |metric: Metric, samples: &[Sample]| {
        let values: Vec<_> = samples.iter().filter_map(|sample| metric.value(sample)).collect();
        median(&values)
    };
    let change = |metric: &Metric| {
        let metric = *metric;
        let (then, value) = (level(metric, before)?, level(metric, now)?);
        let notable = (value - then).abs() >= anomaly::notable(metric, now.last()?);
        notable.then(|| Measured {
            metric,
            unit: metric.unit(),
            before: rounded(then),
            now: rounded(value),
        })
    };
    Metric::ALL.iter().filter_map(change).collect()
}

fn disks(before: &Sample, now: &Sample) -> Vec<DiskChange> {
    let percent = |sample: &Sample, mount: &str| {
        let disk = sample.disks.iter().find(|disk| disk.mount == mount)?;
        disk.used_percent().map(rounded)
    };
    let mounts: BTreeSet<&str> = before.disks.iter().chain(&now.disks).map(mount).collect();
    let change = |mount: &str| DiskChange {
        mount: HostText::new(mount),
        before_percent: percent(before, mount),
        now_percent: percent(now, mount),
    };
    let differs = |change: &DiskChange| match (change.before_percent, change.now_percent) {
        (Some(before), Some(now)) => (now - before).abs() >= DISK_MIN,
        (before, now) => before.is_some() != now.is_some(),
    };
    let mut changes: Vec<_> = mounts.into_iter().map(change).filter(differs).collect();
    let by = |change: &DiskChange| {
        (change.now_percent.unwrap_or(0.0) - change.before_percent.unwrap_or(0.0)).abs()
    };
    changes.sort_by(|one, other| by(other).total_cmp(&by(one)));
    changes.truncate(ITEMS_MAX);
    changes
}

fn mount(disk: &Disk) -> &str {
    &disk.mount
}

fn changed(before: &str, now: &str) -> Option<Changed> {
    (before != now).then(|| Changed { before: HostText::new(before), now: HostText::new(now) })
}

/// When a host booted between two samples.
fn restart(pair: &[Sample]) -> Option<Timestamp> {
    let [earlier, later] = pair else { return None };
    let up = later.uptime_s?;
    (up < earlier.uptime_s?).then(|| later.taken_at.before(Duration::from_secs(up)))
}

/// Steps between samples that are far longer than their usual step.
fn silences(view: &View<'_>, samples: &[Sample]) -> Vec<Silence> {
    let step = |pair: &[Sample]| match pair {
        [earlier, later] => later.taken_at.since(earlier.taken_at),
        _ => Duration::ZERO,
    };
    let steps: Vec<_> = samples.windows(2).map(|pair| step(pair).as_secs_f64()).collect();
    let Some(usual) = median(&steps) else { return Vec::new() };
    let long = Duration::from_secs_f64(usual * 3.0).max(view.silent_after);
    samples
        .windows(2)
        .filter(|pair| step(pair) > long)
        .filter_map(|pair| {
            Some(Silence { from: pair.first()?.taken_at, to: pair.last()?.taken_at })
        })
        .collect()
}

fn new_processes(before: &[Sample], now: &[Sample], samples: &[Sample]) -> Vec<NewProcess> {
    let names: BTreeSet<&str> =
        before.iter().flat_map(listed).map(|process| process.name.as_str()).collect();
    let Some(last) = now.last() else { return Vec::new() };
    let mut new: Vec<NewProcess> = Vec::new();
    let large = |process: &&Process| anomaly::is_large(process, last);
    for process in listed(last).filter(large) {
        let name = HostText::new(&process.name);
        let known = names.contains(process.name.as_str());
        if known || before.is_empty() || new.iter().any(|other| other.name == name) {
            continue;
        }
        let first = samples.iter().find(|sample| lists(sample, &process.name));
        new.push(NewProcess {
            name,
            pid: process.pid,
            cpu_percent: rounded(f64::from(process.cpu_percent)),
            memory_bytes: process.memory_bytes,
            first_seen: first.unwrap_or(last).taken_at,
        });
    }
    new.truncate(ITEMS_MAX);
    new
}

fn listed(sample: &Sample) -> impl Iterator<Item = &Process> {
    sample.processes.iter().flat_map(|all| all.top_cpu.iter().chain(&all.top_memory))
}

fn lists(sample: &Sample, name: &str) -> bool {
    listed(sample).any(|process| process.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        telemetry::made::Made,
        tools::changes_since::{Arguments, changes_since},
    };

    fn changes(made: &Made) -> HostChanges {
        let arguments = Arguments { host: Some("web1".parse().unwrap()), ..Arguments::default() };
        changes_since(&made.view(), &arguments).unwrap().hosts.remove(0)
    }

    #[test]
    fn nothing_changed_where_all_is_as_it_was() {
        let mut made = Made::two_hosts();
        made.course("web1", 60, 60, |_, _| {});
        let changes = changes(&made);
        assert!(changes.is_unchanged(), "{changes:#?}");
        assert_eq!((changes.samples, changes.sample_time), (60, Some(made.now())));
    }

    #[test]
    fn levels_disks_and_systems_are_told_with_both_values() {
        let mut made = Made::two_hosts();
        made.course("web1", 60, 60, |sample, index| {
            if index >= 30 {
                sample.cpu_percent = Some(80.0);
                sample.disks[0].used_bytes = sample.disks[0].total_bytes / 2;
                sample.disks.remove(1);
                sample.kernel = Some("7.0.1".to_owned());
            }
        });
        let changes = changes(&made);
        let cpu = &changes.metrics[0];
        assert_eq!((cpu.metric, cpu.before, cpu.now), (Metric::CpuPercent, 12.5, 80.0));
        assert_eq!(changes.disks[0].mount.as_str(), "/data");
        assert_eq!(
            (changes.disks[0].before_percent, changes.disks[0].now_percent),
            (Some(63.0), None)
        );
        assert_eq!(
            (changes.disks[1].before_percent, changes.disks[1].now_percent),
            (Some(40.0), Some(50.0))
        );
        let kernel = changes.kernel.unwrap();
        assert_eq!((kernel.before.as_str(), kernel.now.as_str()), ("6.18.44", "7.0.1"));
        assert_eq!(changes.os, None);
    }

    #[test]
    fn a_restart_is_told_with_its_moment() {
        let mut made = Made::two_hosts();
        made.course("web1", 60, 60, |sample, index| {
            sample.uptime_s =
                Some(if index < 40 { 90_000 + index * 60 } else { (index - 40) * 60 + 20 });
        });
        assert_eq!(changes(&made).restarts, [made.time_before(19 * 60 + 20)]);
    }

    #[test]
    fn a_stretch_without_samples_is_told() {
        let mut made = Made::two_hosts();
        made.course("web1", 60, 60, |sample, index| {
            let earlier = if index < 30 { 3_600 } else { 0 };
            sample.taken_at = sample.taken_at.before(Duration::from_secs(earlier));
        });
        let silences = changes(&made).silences;
        assert_eq!(silences.len(), 1);
        assert_eq!(silences[0].to.since(silences[0].from), Duration::from_mins(61));
    }

    #[test]
    fn only_large_processes_are_news() {
        let mut made = Made::two_hosts();
        made.course("web1", 60, 60, |sample, index| {
            let all = sample.processes.as_mut().unwrap();
            if index >= 45 {
                all.top_cpu[0].name = "miner".to_owned();
                all.top_cpu[0].cpu_percent = 180.0;
                all.top_cpu[1].name = "cron".to_owned();
            }
        });
        let new = changes(&made).new_processes;
        assert_eq!(new.len(), 1, "{new:?}");
        assert_eq!((new[0].name.as_str(), new[0].first_seen), ("miner", made.time_before(14 * 60)));
    }

    #[test]
    fn one_sample_is_compared_with_nothing() {
        let changes = changes(&Made::two_hosts());
        assert_eq!(changes.samples, 1);
        assert!(changes.is_unchanged());
    }
}
