//! `get_top_processes`: what used a host, at a moment or over a range.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::json;
use sysmaint_protocol::{
    Handle, Timestamp,
    sample::{Process, Processes, Sample},
};

use super::{Tool, ToolError, View, host_choice, run_typed, schema};
use crate::{host_text::HostText, metric::rounded, range::Range, telemetry::HostState};

/// Hosts in one answer.
pub const HOSTS_MAX: usize = 8;

/// Processes of one host, and of each of many.
pub const PROCESSES_MAX: usize = 8;
const OF_MANY_MAX: usize = 4;

/// More hosts than these are many.
const FEW: usize = 3;

/// How far from the moment that was asked for a sample may be.
const NEAR: Duration = Duration::from_mins(15);

/// The tool as it is offered to a model.
pub const TOOL: Tool = Tool {
    name: "get_top_processes",
    description: "The processes that used most CPU or memory on one or all hosts: in the newest \
                  sample, in the one nearest to a moment (at), or over a range with each \
                  process's highest and average use. A sample lists only its largest processes, \
                  so a small one is not in it.",
    parameters: || {
        schema::object(&json!({
            "host": schema::host(),
            "by": {
                "type": "string",
                "enum": [Measure::Cpu, Measure::Memory],
                "description": "What to rank by. Default cpu.",
            },
            "at": schema::time("A moment, RFC 3339, such as 2026-11-23T09:30:00Z. Not together with range."),
            "range": schema::range("Leave out for the newest sample alone."),
        }))
    },
    run: |view, arguments| run_typed(view, arguments, top_processes),
};

/// What the call is about.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    /// One host, or all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Handle>,
    /// What to rank by; CPU if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Measure>,
    /// A moment of the past.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// A stretch up to now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<Range>,
}

/// What processes are ranked by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Share of one core.
    #[default]
    Cpu,
    /// Resident memory.
    Memory,
}

/// The largest processes of each host.
#[derive(Clone, Debug, Serialize)]
pub struct TopProcesses {
    /// What they are ranked by.
    pub by: Measure,
    /// The hosts, by name.
    pub hosts: Vec<HostProcesses>,
    /// Hosts beyond [`HOSTS_MAX`], by number.
    #[serde(skip_serializing_if = "super::is_zero")]
    pub hosts_left_out: usize,
}

/// One host's part.
#[derive(Clone, Debug, Serialize)]
pub struct HostProcesses {
    /// Which host.
    pub host: Handle,
    /// How many samples were looked at. Without any there is nothing to tell.
    pub samples: usize,
    /// When the first of them was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_sample: Option<Timestamp>,
    /// When the last of them was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample_time: Option<Timestamp>,
    /// The processes, the largest first.
    pub processes: Vec<Ranked>,
}

/// A process, or all of one name over a range.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ranked {
    /// Its name.
    pub name: HostText,
    /// Its number, where it was highest.
    pub pid: u32,
    /// When it was highest.
    pub highest_at: Timestamp,
    /// Share of one core: the highest.
    pub cpu_percent: f64,
    /// Resident memory: the highest.
    pub memory_bytes: u64,
    /// Mean of what it is ranked by (percent of one core, or bytes) over the samples that list it.
    pub average: f64,
    /// In how many samples it is among the largest.
    pub samples: usize,
}

/// Ranks the processes.
pub fn top_processes(view: &View<'_>, arguments: &Arguments) -> Result<TopProcesses, ToolError> {
    let chosen = host_choice::chosen(view, arguments.host.as_ref())?;
    let by = arguments.by.unwrap_or_default();
    let most = if chosen.len() > FEW { OF_MANY_MAX } else { PROCESSES_MAX };
    let mut hosts = Vec::new();
    for state in chosen.iter().take(HOSTS_MAX) {
        let samples = samples(view, state, arguments)?;
        hosts.push(host_processes(state, by, &samples, most));
    }
    Ok(TopProcesses { by, hosts_left_out: chosen.len() - hosts.len(), hosts })
}

fn samples(
    view: &View<'_>,
    state: &HostState,
    arguments: &Arguments,
) -> Result<Vec<Sample>, ToolError> {
    let read = |from, to| view.samples(&state.host, from, to);
    match (arguments.at, arguments.range) {
        (Some(_), Some(_)) => {
            Err(ToolError::Arguments("at and range exclude each other; give one".to_owned()))
        }
        (None, None) => Ok(vec![state.sample.clone()]),
        (None, Some(range)) => Ok(read(range.start(view.now), view.now)?),
        (Some(at), None) => {
            let near = read(at.before(NEAR), at.after(NEAR))?;
            let distance = |sample: &Sample| apart(sample.taken_at, at);
            Ok(near.into_iter().min_by_key(distance).into_iter().collect())
        }
    }
}

fn apart(one: Timestamp, other: Timestamp) -> Duration {
    one.since(other).max(other.since(one))
}

fn host_processes(
    state: &HostState,
    by: Measure,
    samples: &[Sample],
    most: usize,
) -> HostProcesses {
    let mut named: BTreeMap<HostText, Ranked> = BTreeMap::new();
    for sample in samples {
        for process in sample.processes.iter().flat_map(|processes| by.listed(processes)) {
            add(&mut named, by, process, sample.taken_at);
        }
    }
    let mut processes: Vec<_> = named.into_values().collect();
    processes.sort_by(|one, other| by.of(other).total_cmp(&by.of(one)));
    processes.truncate(most);
    for process in &mut processes {
        process.average = rounded(process.average);
    }
    HostProcesses {
        host: state.host.clone(),
        samples: samples.len(),
        first_sample: samples.first().map(|sample| sample.taken_at),
        sample_time: samples.last().map(|sample| sample.taken_at),
        processes,
    }
}

/// Processes come and go under one name, as a compiler's do; what people ask for is the name.
fn add(named: &mut BTreeMap<HostText, Ranked>, by: Measure, process: &Process, at: Timestamp) {
    let name = HostText::new(&process.name);
    let new = Ranked {
        name: name.clone(),
        pid: process.pid,
        highest_at: at,
        cpu_percent: rounded(f64::from(process.cpu_percent)),
        memory_bytes: process.memory_bytes,
        average: 0.0,
        samples: 0,
    };
    let value = by.of(&new);
    let known = named.entry(name).or_insert_with(|| new.clone());
    if value > by.of(known) {
        *known = Ranked { average: known.average, samples: known.samples, ..new };
    }
    known.samples += 1;
    #[expect(clippy::cast_precision_loss, reason = "no more than some thousand samples")]
    let count = known.samples as f64;
    known.average += (value - known.average) / count;
}

impl Measure {
    fn listed(self, processes: &Processes) -> &[Process] {
        match self {
            Self::Cpu => &processes.top_cpu,
            Self::Memory => &processes.top_memory,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "memory is ranked, not added up")]
    fn of(self, process: &Ranked) -> f64 {
        match self {
            Self::Cpu => process.cpu_percent,
            Self::Memory => process.memory_bytes as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::made::Made;

    fn of_web1(made: &Made, arguments: &Arguments) -> HostProcesses {
        let arguments = Arguments { host: Some("web1".parse().unwrap()), ..arguments.clone() };
        top_processes(&made.view(), &arguments).unwrap().hosts.remove(0)
    }

    /// An hour, in which `backup` ran 30 to 40 minutes ago.
    fn with_a_backup() -> Made {
        let mut made = Made::two_hosts();
        made.course("web1", 61, 60, |sample, index| {
            if (20..=30).contains(&index) {
                let top = &mut sample.processes.as_mut().unwrap().top_cpu[0];
                top.name = "backup".to_owned();
                top.cpu_percent = if index == 25 { 95.0 } else { 60.0 };
            }
        });
        made
    }

    #[test]
    fn the_newest_sample_is_ranked_by_either_measure() {
        let made = Made::two_hosts();
        let cpu = of_web1(&made, &Arguments::default());
        assert_eq!(cpu.processes[0].name.as_str(), "nginx");
        assert_eq!(cpu.sample_time, Some(made.sample("web1").taken_at));
        let memory = Arguments { by: Some(Measure::Memory), ..Arguments::default() };
        assert_eq!(of_web1(&made, &memory).processes[0].name.as_str(), "postgres");
    }

    #[test]
    fn a_moment_of_the_past_has_its_own_processes() {
        let made = with_a_backup();
        let at = |minutes: u64| {
            let at = Some(made.time_before(minutes * 60 + 20));
            of_web1(&made, &Arguments { at, ..Arguments::default() })
        };
        assert_eq!(at(35).processes[0].name.as_str(), "backup");
        assert_eq!(at(35).sample_time, Some(made.time_before(35 * 60)));
        assert_eq!(at(10).processes[0].name.as_str(), "nginx");
        assert_eq!((at(600).samples, at(600).processes.len()), (0, 0));
    }

    #[test]
    fn over_a_range_a_process_is_told_with_its_peak_and_average() {
        let range = Some("1h".parse().unwrap());
        let ranked = of_web1(&with_a_backup(), &Arguments { range, ..Arguments::default() });
        let backup = &ranked.processes[0];
        assert_eq!((backup.name.as_str(), backup.samples), ("backup", 11));
        assert_eq!((backup.cpu_percent, backup.average), (95.0, 63.18));
        assert_eq!(backup.highest_at, Made::two_hosts().time_before(35 * 60));
    }

    #[test]
    fn a_moment_and_a_range_together_are_refused() {
        let made = Made::two_hosts();
        let both =
            Arguments { at: Some(made.now()), range: Some(Range::HOUR), ..Arguments::default() };
        let error = top_processes(&made.view(), &both).unwrap_err();
        assert!(error.to_string().contains("exclude each other"), "{error}");
    }
}
