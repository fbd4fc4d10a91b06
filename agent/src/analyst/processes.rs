//! The processes of the past, in words.

use sysmaint_protocol::Timestamp;

use super::{
    inquiry::Inquiry,
    question::Question,
    wording::{bytes, clock, percent, time},
};
use crate::{
    metric::Metric,
    tools::{
        ToolError,
        top_processes::{HostProcesses, Measure, Ranked},
    },
};

/// Processes of one host that are told.
const TOLD_MAX: usize = 4;

/// Tells which processes were the largest at the moment, or over the time, of the question.
pub(super) fn tell(inquiry: &mut Inquiry<'_>, question: &Question) -> Result<String, ToolError> {
    let now = inquiry.now();
    let mut lines = Vec::new();
    for by in measures(&question.metrics) {
        let hosts = inquiry.processes(question, by)?;
        lines.extend(hosts.iter().map(|host| about(host, by, question, now)));
    }
    Ok(lines.join("\n"))
}

fn measures(metrics: &[Metric]) -> Vec<Measure> {
    let memory = metrics.contains(&Metric::MemoryUsedPercent);
    let cpu = metrics.contains(&Metric::CpuPercent) || metrics.contains(&Metric::Load1);
    match (cpu, memory) {
        (true, false) => vec![Measure::Cpu],
        (false, true) => vec![Measure::Memory],
        _ => vec![Measure::Cpu, Measure::Memory],
    }
}

fn about(host: &HostProcesses, by: Measure, question: &Question, now: Timestamp) -> String {
    let what = match by {
        Measure::Cpu => "most CPU",
        Measure::Memory => "most memory",
    };
    let (Some(first), Some(last)) = (host.first_sample, host.sample_time) else {
        let when = if question.moment.is_some() { "near that moment" } else { "in that time" };
        return format!("- **{}**: no sample {when}", host.host);
    };
    let span = if host.samples == 1 {
        time(last)
    } else {
        format!("{} to {}, {} samples", time(first), clock(last, now), host.samples)
    };
    let told: Vec<_> =
        host.processes.iter().take(TOLD_MAX).map(|it| each(it, by, host, now)).collect();
    let told = if told.is_empty() { "processes not reported".to_owned() } else { told.join(", ") };
    format!("- **{}** ({span}): {what}: {told}", host.host)
}

fn each(process: &Ranked, by: Measure, host: &HostProcesses, now: Timestamp) -> String {
    let most = match by {
        Measure::Cpu => format!("{} of one core", percent(process.cpu_percent)),
        Measure::Memory => bytes(process.memory_bytes),
    };
    let name = process.name.code();
    if host.samples == 1 {
        return format!("{name} (pid {}) with {most}", process.pid);
    }
    let at = clock(process.highest_at, now);
    format!("{name} up to {most} at {at} (listed in {} samples)", process.samples)
}
