//! All hosts at a glance.

use std::time::Duration;

use sysmaint_protocol::Timestamp;

use super::{
    current::{heading, missing, with_rest},
    health, history,
    inquiry::{Inquiry, Status},
    question::{Question, Topic},
    wording::{bytes, clock, count, duration, percent, value},
};
use crate::{
    metric::{Metric, Unit},
    tools::{ToolError, anomaly_summary::AnomalySummary, host_status::HostStatus},
};

/// Hosts in one line before they are only counted.
const NAMED_MAX: usize = 4;

/// Summarises the hosts, in one line if that was asked for.
pub(super) fn tell(inquiry: &mut Inquiry<'_>, question: &Question) -> Result<String, ToolError> {
    if question.course && !question.one_line {
        let metrics = [Metric::CpuPercent, Metric::Load1, Metric::MemoryUsedPercent];
        return history::tell(inquiry, question, &metrics);
    }
    let status = inquiry.status(question)?;
    let anomalies = inquiry.anomalies(question)?;
    let now = inquiry.now();
    if question.one_line {
        return Ok(one_line(&status, &anomalies, now));
    }
    let line =
        |host: &HostStatus| format!("- {}: {}{}", heading(host, now), numbers(host), missing(host));
    let lines = with_rest(status.hosts.iter().map(line).collect(), status.left_out);
    // Asked for as well, it follows as a part of its own.
    if question.topics.contains(&Topic::Health) {
        return Ok(lines);
    }
    Ok(format!("{lines}\n\n{}", health::findings(&anomalies, now)))
}

fn one_line(status: &Status, anomalies: &[AnomalySummary], now: Timestamp) -> String {
    let total = status.hosts.len() + status.left_out;
    let hosts: Vec<_> = if total <= NAMED_MAX {
        status.hosts.iter().map(|host| brief(host, now)).collect()
    } else {
        vec![crowd(status, now)]
    };
    format!("{}. {}", hosts.join("; "), health::verdict(anomalies))
}

fn brief(host: &HostStatus, now: Timestamp) -> String {
    let at = clock(host.sample_time, now);
    if host.silent {
        let quiet = duration(Duration::from_secs(host.last_seen_s_ago));
        return format!(
            "**{}** silent for {quiet}, last sample at {at}: {}",
            host.host,
            core(host)
        );
    }
    format!("**{}** at {at}: {}", host.host, core(host))
}

/// Many hosts: how many there are, and which is highest in what.
fn crowd(status: &Status, now: Timestamp) -> String {
    let silent = status.hosts.iter().filter(|host| host.silent).count();
    let total = status.hosts.len() + status.left_out;
    let listed = if status.left_out > 0 {
        format!(", {} looked at", status.hosts.len())
    } else {
        String::new()
    };
    let cpu = highest(status, now, "CPU", |host| host.cpu_percent);
    let memory = highest(status, now, "memory", |host| Some(host.memory?.used_percent));
    let disk = highest(status, now, "disk", |host| Some(host.disks.first()?.used.used_percent));
    let told: Vec<_> = [cpu, memory, disk].into_iter().flatten().collect();
    format!("{}{listed}, {silent} silent; {}", count(total, "host"), told.join(", "))
}

fn highest(
    status: &Status,
    now: Timestamp,
    label: &str,
    value: impl Fn(&HostStatus) -> Option<f64>,
) -> Option<String> {
    let each = status.hosts.iter().filter_map(|host| Some((host, value(host)?)));
    let (host, value) = each.max_by(|one, other| one.1.total_cmp(&other.1))?;
    let at = clock(host.sample_time, now);
    Some(format!("highest {label} {} on **{}** at {at}", percent(value), host.host))
}

fn numbers(host: &HostStatus) -> String {
    let swap = host.swap.filter(|swap| swap.used_bytes > 0);
    let swap = swap.map(|swap| format!("swap {}", percent(swap.used_percent)));
    let traffic = host.received_bytes_per_s.zip(host.sent_bytes_per_s).map(|(received, sent)| {
        let rate = |rate| value(rate, Unit::BytesPerSecond);
        format!("network {} in, {} out", rate(received), rate(sent))
    });
    let hottest = host.temperatures.first();
    let hottest = hottest.map(|hottest| {
        format!("{} {}", hottest.sensor.code(), value(hottest.celsius, Unit::Celsius))
    });
    let up = host.uptime_s.map(|up| format!("up {}", duration(Duration::from_secs(up))));
    let more: Vec<_> = [swap, traffic, hottest, up].into_iter().flatten().collect();
    if more.is_empty() { core(host) } else { format!("{}, {}", core(host), more.join(", ")) }
}

fn core(host: &HostStatus) -> String {
    let cpu = host.cpu_percent.map(|cpu| format!("CPU {}", percent(cpu)));
    let cores = host.cores.map(|cores| format!(" on {}", count(cores, "core"))).unwrap_or_default();
    let load = host.load_1.map(|load| format!("load {load:.2}{cores}"));
    let memory = host.memory.map(|memory| {
        format!("memory {} of {}", percent(memory.used_percent), bytes(memory.total_bytes))
    });
    let disk = host.disks.first();
    let disk = disk.map(|disk| {
        format!("fullest disk {} {}", disk.mount.code(), percent(disk.used.used_percent))
    });
    let told: Vec<_> = [cpu, load, memory, disk].into_iter().flatten().collect();
    if told.is_empty() { "no numbers reported".to_owned() } else { told.join(", ") }
}
