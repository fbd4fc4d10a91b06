//! `get_disks`: how full each file system is, and how fast it fills.

use serde::{Deserialize, Serialize};
use serde_json::json;
use sysmaint_protocol::{
    Handle, Timestamp,
    sample::{Disk, Sample},
};

use super::{
    Tool, ToolError, View, host_choice,
    host_status::{DiskStatus, disk_statuses},
    run_typed, schema,
};
use crate::{metric::rounded, range::Range, telemetry::HostState};

/// Hosts in one answer.
pub const HOSTS_MAX: usize = 10;

/// File systems of one host, where only one is asked for; many hosts share them.
pub const DISKS_MAX: usize = 32;

/// Percent points of growth from which an end is foretold.
const GROWTH_MIN: f64 = 1.0;

/// An end farther away than this, in seconds, is none.
const FAR: f64 = 365.0 * 24.0 * 3600.0;

/// The tool as it is offered to a model.
pub const TOOL: Tool = Tool {
    name: "get_disks",
    description: "Every file system of one or all hosts, the fullest first: size, use, read and \
                  write rates, how its use changed over a range, and when it would be full if it \
                  grew on like that.",
    parameters: || {
        schema::object(&json!({ "host": schema::host(), "range": schema::range("Default 24h.") }))
    },
    run: |view, arguments| run_typed(view, arguments, disks),
};

/// What the call is about.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    /// One host, or all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Handle>,
    /// Over which time change is measured; a day if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<Range>,
}

/// The file systems of each host.
#[derive(Clone, Debug, Serialize)]
pub struct Disks {
    /// Since when change is measured.
    pub from: Timestamp,
    /// The hosts, by name.
    pub hosts: Vec<HostDisks>,
    /// Hosts beyond [`HOSTS_MAX`], by number.
    #[serde(skip_serializing_if = "super::is_zero")]
    pub hosts_left_out: usize,
}

/// One host's part.
#[derive(Clone, Debug, Serialize)]
pub struct HostDisks {
    /// Which host.
    pub host: Handle,
    /// When its newest sample was taken.
    pub sample_time: Timestamp,
    /// Whether that sample is old because nothing was heard since.
    pub silent: bool,
    /// The file systems, the fullest first.
    pub disks: Vec<DiskCourse>,
    /// File systems that are less full and not listed.
    #[serde(skip_serializing_if = "super::is_zero")]
    pub disks_left_out: usize,
}

/// A file system and how its use changed.
#[derive(Clone, Debug, Serialize)]
pub struct DiskCourse {
    /// As it is now.
    #[serde(flatten)]
    pub now: DiskStatus,
    /// The oldest sample of the range that knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// By how many percent points its use changed since then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed_by_percent_points: Option<f64>,
    /// Seconds until it is full, if it grows on like that; absent if it does not grow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_in_s: Option<u64>,
}

/// Reads the file systems.
pub fn disks(view: &View<'_>, arguments: &Arguments) -> Result<Disks, ToolError> {
    let chosen = host_choice::chosen(view, arguments.host.as_ref())?;
    let from = arguments.range.unwrap_or(Range::DAY).start(view.now);
    let shown = chosen.len().min(HOSTS_MAX);
    let most = DISKS_MAX / shown.max(1);
    let hosts: Result<_, ToolError> =
        chosen.iter().take(shown).map(|state| host_disks(view, state, from, most)).collect();
    Ok(Disks { from, hosts: hosts?, hosts_left_out: chosen.len() - shown })
}

fn host_disks(
    view: &View<'_>,
    state: &HostState,
    from: Timestamp,
    most: usize,
) -> Result<HostDisks, ToolError> {
    let samples = view.samples(&state.host, from, view.now)?;
    let all = disk_statuses(&state.sample);
    let disks_left_out = all.len().saturating_sub(most);
    let disks = all.into_iter().take(most).map(|(disk, now)| course(disk, now, state, &samples));
    Ok(HostDisks {
        host: state.host.clone(),
        sample_time: state.sample.taken_at,
        silent: view.is_silent(state),
        disks: disks.collect(),
        disks_left_out,
    })
}

fn course(disk: &Disk, now: DiskStatus, state: &HostState, samples: &[Sample]) -> DiskCourse {
    let known = samples.iter().find_map(|sample| {
        let same = sample.disks.iter().find(|other| other.mount == disk.mount)?;
        Some((sample.taken_at, same.used_percent()?))
    });
    let Some((since, before)) = known.filter(|(since, _)| *since < state.sample.taken_at) else {
        return DiskCourse { now, since: None, changed_by_percent_points: None, full_in_s: None };
    };
    let grown = now.used.used_percent - before;
    let span = state.sample.taken_at.since(since).as_secs_f64();
    let left = (100.0 - now.used.used_percent) / (grown / span);
    let foretold = grown >= GROWTH_MIN && (0.0..FAR).contains(&left);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded by FAR")]
    let full_in_s = foretold.then_some(left as u64);
    DiskCourse {
        now,
        since: Some(since),
        changed_by_percent_points: Some(rounded(grown)),
        full_in_s,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::made::Made;

    #[test]
    fn a_disk_that_fills_is_told_with_its_end() {
        let mut made = Made::two_hosts();
        made.course("web1", 121, 60, |sample, index| {
            // From 40 to 52 % in two hours.
            sample.disks[0].used_bytes = sample.disks[0].total_bytes / 1_000 * (400 + index);
        });
        let disks = disks(&made.view(), &Arguments::default()).unwrap();
        let root = &disks.hosts[0].disks[1];
        assert_eq!(root.now.mount.as_str(), "/");
        assert_eq!(root.changed_by_percent_points, Some(12.0));
        assert_eq!(root.since, Some(made.time_before(7_200)));
        let truth = 48.0 / 6.0 * 3_600.0;
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let foretold = root.full_in_s.unwrap() as f64;
        assert!((foretold / truth - 1.0).abs() < 0.01, "{foretold}");
        let still = &disks.hosts[0].disks[0];
        assert_eq!((still.changed_by_percent_points, still.full_in_s), (Some(0.0), None));
    }

    #[test]
    fn one_sample_tells_no_change() {
        let disks = disks(&Made::two_hosts().view(), &Arguments::default()).unwrap();
        let disk = &disks.hosts[0].disks[0];
        assert_eq!((disk.since, disk.full_in_s), (None, None));
        assert!((disk.now.used.used_percent - 63.0).abs() < 1e-9);
    }

    #[test]
    fn many_file_systems_are_counted_instead_of_told() {
        let disks = disks(&Made::crowd(3).view(), &Arguments::default()).unwrap();
        assert_eq!((disks.hosts[0].disks.len(), disks.hosts[0].disks_left_out), (10, 54));
    }
}
