//! What changed, in words.

use sysmaint_protocol::Timestamp;

use super::{
    inquiry::Inquiry,
    question::Question,
    wording::{bytes, clock, percent, time, value},
};
use crate::{
    metric::Metric,
    tools::{
        ToolError,
        changes_since::{DiskChange, HostChanges, Measured, NewProcess, Silence},
    },
};

/// Tells what is different from the beginning of the question's time, host by host.
pub(super) fn tell(inquiry: &mut Inquiry<'_>, question: &Question) -> Result<String, ToolError> {
    let changes = inquiry.changes(question)?;
    let now = inquiry.now();
    let told: Vec<_> = changes.iter().map(|host| about(host, &question.metrics, now)).collect();
    Ok(told.join("\n"))
}

fn about(host: &HostChanges, metrics: &[Metric], now: Timestamp) -> String {
    let (Some(first), Some(last)) = (host.first_sample, host.sample_time) else {
        return format!("- **{}**: no sample in that time", host.host);
    };
    let silent = if host.silent { ", **silent** since" } else { "" };
    let heading =
        format!("- **{}**, {} against {}{silent}", host.host, time(last), clock(first, now));
    if host.samples < 2 {
        return format!("{heading}: a single sample, so nothing to compare");
    }
    let told = if metrics.is_empty() { whole(host, now) } else { of_metrics(host, metrics) };
    if told.is_empty() {
        return format!("{heading}: nothing notable changed ({} samples)", host.samples);
    }
    format!("{heading}: {}", told.join("; "))
}

/// Only the numbers that were asked for, and that the others did not change notably.
fn of_metrics(host: &HostChanges, metrics: &[Metric]) -> Vec<String> {
    let told = |metric: &Metric| {
        let changed = host.metrics.iter().find(|measured| measured.metric == *metric);
        changed.map_or_else(|| format!("{} is not notably different", metric.label()), level)
    };
    metrics.iter().map(told).collect()
}

fn whole(host: &HostChanges, now: Timestamp) -> Vec<String> {
    let restart = |at: &Timestamp| format!("it restarted at {}", clock(*at, now));
    let silence = |silence: &Silence| {
        format!("no samples from {} to {}", clock(silence.from, now), clock(silence.to, now))
    };
    let changed = |what: &str, changed: &Option<_>| -> Option<String> {
        let changed: &crate::tools::changes_since::Changed = changed.as_ref()?;
        Some(format!("{what} {} instead of {}", changed.now.code(), changed.before.code()))
    };
    let process = |process: &NewProcess| {
        format!(
            "new among the largest: {} (pid {}) with {} of one core and {}, first seen at {}",
            process.name.code(),
            process.pid,
            percent(process.cpu_percent),
            bytes(process.memory_bytes),
            clock(process.first_seen, now)
        )
    };
    let mut told: Vec<_> = host.restarts.iter().map(restart).collect();
    told.extend(host.silences.iter().map(silence));
    // Each disk is told by itself.
    let levels = host.metrics.iter().filter(|it| it.metric != Metric::DiskUsedPercentMax);
    told.extend(levels.map(level));
    told.extend(host.disks.iter().map(disk));
    told.extend(changed("kernel", &host.kernel));
    told.extend(changed("system", &host.os));
    told.extend(host.new_processes.iter().map(process));
    told
}

fn level(measured: &Measured) -> String {
    let Measured { metric, unit, before, now } = measured;
    let direction = if now > before { "up" } else { "down" };
    format!(
        "{} {direction} from {} to {}",
        metric.label(),
        value(*before, *unit),
        value(*now, *unit)
    )
}

fn disk(change: &DiskChange) -> String {
    let mount = change.mount.code();
    match (change.before_percent, change.now_percent) {
        (Some(before), Some(now)) => {
            format!("disk {mount} from {} to {}", percent(before), percent(now))
        }
        (None, Some(now)) => format!("disk {mount} is new, at {}", percent(now)),
        (Some(before), None) => format!("disk {mount} is gone, was at {}", percent(before)),
        (None, None) => format!("disk {mount} without numbers"),
    }
}
