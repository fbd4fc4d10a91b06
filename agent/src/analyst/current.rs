//! Numbers of the newest samples.

use std::time::Duration;

use sysmaint_protocol::Timestamp;

use super::{
    inquiry::Inquiry,
    question::{Question, Topic},
    wording::{bytes, count, duration, percent, time, value},
};
use crate::{
    host_text::HostText,
    metric::{Metric, Unit},
    tools::{
        ToolError,
        host_status::{DiskStatus, HostStatus, ProcessStatus, Used},
    },
};

/// Hosts in one answer.
const HOSTS_TOLD: usize = 20;

/// Processes in one sentence.
const PROCESSES_TOLD: usize = 3;

/// One topic, a line a host.
pub(super) fn tell(
    inquiry: &mut Inquiry<'_>,
    question: &Question,
    topic: Topic,
) -> Result<String, ToolError> {
    let status = inquiry.status(question)?;
    let now = inquiry.now();
    let line =
        |host: &HostStatus| format!("- {}: {}", heading(host, now), about(host, question, topic));
    let lines = status.hosts.iter().map(line).collect();
    Ok(with_rest(lines, status.left_out))
}

/// Which hosts there are and how they are heard of.
pub(super) fn hosts(inquiry: &mut Inquiry<'_>, question: &Question) -> Result<String, ToolError> {
    let status = inquiry.status(question)?;
    let silent = status.hosts.iter().filter(|host| host.silent).count();
    let total = status.hosts.len() + status.left_out;
    let heard = |host: &HostStatus| {
        let ago = duration(Duration::from_secs(host.last_seen_s_ago));
        let state = if host.silent { "**silent**, last heard of" } else { "reporting, heard of" };
        format!(
            "- **{}**: {state} {ago} ago, newest sample of {}{}",
            host.host,
            time(host.sample_time),
            missing(host)
        )
    };
    let lines = with_rest(status.hosts.iter().map(heard).collect(), status.left_out);
    Ok(format!("{} known, {silent} silent:\n\n{lines}", count(total, "host")))
}

/// A host with the time of its sample, and whether it is silent.
pub(super) fn heading(host: &HostStatus, now: Timestamp) -> String {
    let silent = if host.silent {
        let quiet = duration(Duration::from_secs(host.last_seen_s_ago));
        format!(", **silent for {quiet}**, last known numbers")
    } else {
        String::new()
    };
    format!("**{}** ({}{}{silent})", host.host, time(host.sample_time), age(host.sample_time, now))
}

/// The one process that matters most, if any.
pub(super) fn process(process: &ProcessStatus) -> String {
    format!("{} (pid {})", process.name.code(), process.pid)
}

/// A line a host, as many as fit an answer, and how many are left out.
pub(super) fn with_rest(mut lines: Vec<String>, left_out: usize) -> String {
    let left_out = left_out + lines.len().saturating_sub(HOSTS_TOLD);
    lines.truncate(HOSTS_TOLD);
    if left_out > 0 {
        lines.push(format!("- and {}: name one to hear of it", count(left_out, "more host")));
    }
    lines.join("\n")
}

/// Samples that got lost on the way.
pub(super) fn missing(host: &HostStatus) -> String {
    if host.samples_missing == 0 {
        return String::new();
    }
    format!(", {} of its samples missing", host.samples_missing)
}

/// A clock that is ahead of ours tells no age.
fn age(sample_time: Timestamp, now: Timestamp) -> String {
    if sample_time > now {
        return String::new();
    }
    format!(", {} ago", duration(now.since(sample_time)))
}

fn about(host: &HostStatus, question: &Question, topic: Topic) -> String {
    let told = match topic {
        Topic::Cpu => cpu(host),
        Topic::Disks => disks(host),
        Topic::Load => load(host),
        Topic::Memory => memory(host),
        Topic::Network => network(host),
        Topic::Processes => processes(host, &question.metrics),
        Topic::Swap => host.swap.map(|swap| format!("swap {}", part(swap))),
        Topic::System => system(host),
        Topic::Temperature => temperature(host),
        Topic::Uptime => uptime(host),
        _ => None,
    };
    let what = topic.title().unwrap_or_default().to_lowercase();
    told.unwrap_or_else(|| format!("{what} not reported"))
}

fn cpu(host: &HostStatus) -> Option<String> {
    let busy = percent(host.cpu_percent?);
    let cores = host.cores.map(|cores| format!(" of {}", count(cores, "core"))).unwrap_or_default();
    let top = host.top_cpu.first().map(|top| {
        format!("; busiest is {} with {} of one core", process(top), percent(top.cpu_percent))
    });
    Some(format!("CPU {busy}{cores}{}", top.unwrap_or_default()))
}

fn load(host: &HostStatus) -> Option<String> {
    let averages: Vec<_> = [(host.load_1, 1), (host.load_5, 5), (host.load_15, 15)]
        .into_iter()
        .filter_map(|(load, minutes)| Some(format!("{:.2} ({minutes} min)", load?)))
        .collect();
    if averages.is_empty() {
        return None;
    }
    let cores = host.cores.map(|cores| format!(" on {}", count(cores, "core"))).unwrap_or_default();
    Some(format!("load {}{cores}", averages.join(", ")))
}

fn memory(host: &HostStatus) -> Option<String> {
    let used = part(host.memory?);
    let top = host.top_memory.first();
    let top =
        top.map(|top| format!("; largest is {} with {}", process(top), bytes(top.memory_bytes)));
    Some(format!("memory {used}{}", top.unwrap_or_default()))
}

fn part(used: Used) -> String {
    format!(
        "{} of {} ({})",
        bytes(used.used_bytes),
        bytes(used.total_bytes),
        percent(used.used_percent)
    )
}

fn disks(host: &HostStatus) -> Option<String> {
    let disk = |disk: &DiskStatus| format!("{} {}", disk.mount.code(), part(disk.used));
    let told: Vec<_> = host.disks.iter().map(disk).collect();
    let rest = match host.disks_left_out {
        0 => String::new(),
        more => format!(", and {more} less full"),
    };
    (!told.is_empty()).then(|| format!("{}{rest}", told.join(", ")))
}

fn network(host: &HostStatus) -> Option<String> {
    let rate = |rate: Option<f64>| {
        rate.map_or("unknown".to_owned(), |rate| value(rate, Unit::BytesPerSecond))
    };
    let busiest = host.networks.first()?;
    let errors: u64 = host.networks.iter().filter_map(|network| network.errors).sum();
    let errors = if errors > 0 {
        format!("; {errors} errors since the sample before")
    } else {
        String::new()
    };
    Some(format!(
        "received {}, sent {}; busiest is {}{errors}",
        rate(host.received_bytes_per_s),
        rate(host.sent_bytes_per_s),
        busiest.interface.code()
    ))
}

fn temperature(host: &HostStatus) -> Option<String> {
    let told: Vec<_> = host
        .temperatures
        .iter()
        .map(|sensor| format!("{} {}", sensor.sensor.code(), value(sensor.celsius, Unit::Celsius)))
        .collect();
    (!told.is_empty()).then(|| told.join(", "))
}

fn uptime(host: &HostStatus) -> Option<String> {
    let up = Duration::from_secs(host.uptime_s?);
    Some(format!("up for {}, since {}", duration(up), time(host.sample_time.before(up))))
}

fn system(host: &HostStatus) -> Option<String> {
    let kernel = host.kernel.as_ref().map(|kernel| format!("kernel {}", kernel.code()));
    let told: Vec<_> = host.os.iter().map(HostText::code).chain(kernel).collect();
    (!told.is_empty()).then(|| told.join(", "))
}

fn processes(host: &HostStatus, metrics: &[Metric]) -> Option<String> {
    let total = host.process_count?;
    let memory = metrics.contains(&Metric::MemoryUsedPercent);
    let cpu = metrics.contains(&Metric::CpuPercent) || metrics.contains(&Metric::Load1);
    let mut told = Vec::new();
    if cpu || !memory {
        told.push(by_cpu(&host.top_cpu));
    }
    if memory || !cpu {
        told.push(by_memory(&host.top_memory));
    }
    Some(format!("{} ({total} processes in all)", told.join("; ")))
}

fn by_cpu(top: &[ProcessStatus]) -> String {
    let each = |top: &ProcessStatus| {
        format!("{} with {} of one core", process(top), percent(top.cpu_percent))
    };
    ranked("CPU", top, each)
}

fn by_memory(top: &[ProcessStatus]) -> String {
    ranked("memory", top, |top| format!("{} with {}", process(top), bytes(top.memory_bytes)))
}

fn ranked(what: &str, top: &[ProcessStatus], each: impl Fn(&ProcessStatus) -> String) -> String {
    let told: Vec<_> = top.iter().take(PROCESSES_TOLD).map(each).collect();
    match told.split_first() {
        None => format!("no process used a measurable share of {what}"),
        Some((first, [])) => format!("most {what}: {first}"),
        Some((first, rest)) => format!("most {what}: {first}, then {}", rest.join(", ")),
    }
}
