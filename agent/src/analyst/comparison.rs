//! Hosts side by side.

use super::{
    inquiry::Inquiry,
    question::Question,
    wording::{clock, value},
};
use crate::{
    metric::Metric,
    tools::{ToolError, host_status::HostStatus},
};

/// Columns of the table.
const HOSTS_MAX: usize = 6;

/// A table of the newest samples, and who is highest in what.
pub(super) fn tell(inquiry: &mut Inquiry<'_>, question: &Question) -> Result<String, ToolError> {
    let status = inquiry.status(question)?;
    let now = inquiry.now();
    if status.hosts.len() < 2 {
        let one = status.hosts.first().map(|host| host.host.to_string()).unwrap_or_default();
        return Ok(format!("There is only **{one}** to look at, so nothing to compare it with."));
    }
    let all = &Metric::ALL[..];
    let metrics = if question.metrics.is_empty() { all } else { &question.metrics };
    let mut told: Vec<_> =
        metrics.iter().filter_map(|metric| highest(&status.hosts, *metric)).collect();
    let shown = &status.hosts[..status.hosts.len().min(HOSTS_MAX)];
    let names = shown.iter().map(|host| {
        let silent = if host.silent { ", silent" } else { "" };
        format!("{} ({}{silent})", host.host, clock(host.sample_time, now))
    });
    let mut table = vec![row("", names), row("---", shown.iter().map(|_| "---:".to_owned()))];
    table.extend(metrics.iter().filter_map(|metric| numbers(shown, *metric)));
    let left_out = status.hosts.len() - shown.len() + status.left_out;
    if left_out > 0 {
        told.push(format!("{left_out} more hosts are not in the table"));
    }
    Ok(format!("{}\n\n{}.", table.join("\n"), told.join("; ")))
}

fn row(first: &str, cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<_> = cells.collect();
    format!("| {first} | {} |", cells.join(" | "))
}

/// A row, unless no host knows the metric.
fn numbers(hosts: &[HostStatus], metric: Metric) -> Option<String> {
    let known = hosts.iter().any(|host| of(host, metric).is_some());
    let cell = |host: &HostStatus| {
        of(host, metric).map_or("not reported".to_owned(), |number| value(number, metric.unit()))
    };
    known.then(|| row(metric.label(), hosts.iter().map(cell)))
}

fn highest(hosts: &[HostStatus], metric: Metric) -> Option<String> {
    let each = || hosts.iter().filter_map(|host| Some((host, of(host, metric)?)));
    let (host, most) = each().max_by(|one, other| one.1.total_cmp(&other.1))?;
    let (_, least) = each().min_by(|one, other| one.1.total_cmp(&other.1))?;
    let apart = most > least;
    apart.then(|| {
        format!(
            "{} is highest on **{}** with {}",
            metric.label(),
            host.host,
            value(most, metric.unit())
        )
    })
}

fn of(host: &HostStatus, metric: Metric) -> Option<f64> {
    match metric {
        Metric::CpuPercent => host.cpu_percent,
        Metric::Load1 => host.load_1,
        Metric::MemoryUsedPercent => Some(host.memory?.used_percent),
        Metric::SwapUsedPercent => Some(host.swap?.used_percent),
        Metric::DiskUsedPercentMax => Some(host.disks.first()?.used.used_percent),
        Metric::CelsiusMax => Some(host.temperatures.first()?.celsius),
        Metric::ReceivedBytesPerS => host.received_bytes_per_s,
        Metric::SentBytesPerS => host.sent_bytes_per_s,
    }
}
