//! What is unusual, in words.

use std::time::Duration;

use sysmaint_protocol::Timestamp;

use super::{
    inquiry::Inquiry,
    question::Question,
    wording::{bytes, clock, count, duration, percent, time, value},
};
use crate::{
    anomaly::{Finding, Judgement, Kind},
    metric::Metric,
    tools::{ToolError, anomaly_summary::AnomalySummary},
};

/// Hosts that are named where nothing is wrong.
const NAMED_MAX: usize = 10;

/// Tells what is unusual.
pub(super) fn tell(inquiry: &mut Inquiry<'_>, question: &Question) -> Result<String, ToolError> {
    let anomalies = inquiry.anomalies(question)?;
    Ok(if question.one_line { verdict(&anomalies) } else { findings(&anomalies, inquiry.now()) })
}

/// One sentence.
pub(super) fn verdict(anomalies: &[AnomalySummary]) -> String {
    let total: usize = anomalies.iter().map(|summary| summary.findings).sum();
    if total == 0 {
        let young = hosts(anomalies).filter(|host| !host.enough_history).count();
        return match young {
            0 => "Nothing unusual found.".to_owned(),
            _ => format!(
                "No limit is passed; too little history on {} to know what is usual.",
                count(young, "host")
            ),
        };
    }
    let worst = hosts(anomalies).find_map(|host| Some((host, host.findings.first()?)));
    let worst = worst.map(|(host, finding)| format!(": **{}** {}", host.host, phrase(finding)));
    format!("{}{}.", count(total, "finding"), worst.unwrap_or_default())
}

/// Every finding, with its host and time.
pub(super) fn findings(anomalies: &[AnomalySummary], now: Timestamp) -> String {
    let mut lines = Vec::new();
    let total: usize = anomalies.iter().map(|summary| summary.findings).sum();
    if total == 0 {
        let young = hosts(anomalies).all(|host| !host.enough_history);
        let found = if young { "No limit is passed" } else { "Nothing unusual found" };
        lines.push(format!("{found}{}.", looked_at(anomalies)));
    } else {
        lines.push(format!("{}:\n", count(total, "finding")));
        for host in hosts(anomalies) {
            lines.extend(host.findings.iter().map(|finding| line(host, finding, now)));
            if host.findings_left_out > 0 {
                lines.push(format!(
                    "- **{}**: {}",
                    host.host,
                    count(host.findings_left_out, "more finding")
                ));
            }
        }
    }
    lines.extend(young(anomalies));
    lines.extend(left_out(anomalies));
    lines.join("\n")
}

fn hosts(anomalies: &[AnomalySummary]) -> impl Iterator<Item = &Judgement> {
    anomalies.iter().flat_map(|summary| &summary.hosts)
}

fn looked_at(anomalies: &[AnomalySummary]) -> String {
    let all: Vec<_> = hosts(anomalies).collect();
    let named: Vec<_> = all
        .iter()
        .take(NAMED_MAX)
        .map(|host| {
            format!("**{}** (as of {}, {})", host.host, time(host.sample_time), compared(host))
        })
        .collect();
    let more = all.len().saturating_sub(NAMED_MAX);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!(" on {}{more}", named.join(", "))
}

fn compared(host: &Judgement) -> String {
    let span = duration(Duration::from_secs(host.history_s));
    format!("{} over {span}", count(host.samples, "sample"))
}

fn line(host: &Judgement, finding: &Finding, now: Timestamp) -> String {
    let since = clock(finding.since, now);
    let at = time(host.sample_time);
    format!("- **{}** ({at}): {}, since {since}{}", host.host, phrase(finding), cause(finding))
}

fn phrase(finding: &Finding) -> String {
    let Some(metric) = finding.metric else {
        return "is silent, nothing was heard of it".to_owned();
    };
    let told = |number: Option<f64>| {
        number.map_or("unknown".to_owned(), |number| value(number, metric.unit()))
    };
    let subject = subject(metric, finding);
    let now = told(finding.value);
    let usual = finding.usual.map(|usual| value(usual, metric.unit()));
    match finding.kind {
        Kind::Growing => {
            let full = finding.full_in_s.map(|seconds| {
                format!(", full in about {} at this rate", duration(Duration::from_secs(seconds)))
            });
            let from = usual.map(|usual| format!(" from {usual}")).unwrap_or_default();
            format!("{subject} grows steadily,{from} to {now}{}", full.unwrap_or_default())
        }
        Kind::OverLimit => {
            let usual = usual.map(|usual| format!(", usually {usual}")).unwrap_or_default();
            format!("{subject} is at {now}, over the limit of {}{usual}", told(finding.limit))
        }
        Kind::Silent => "is silent, nothing was heard of it".to_owned(),
        Kind::Unusual => {
            let score = finding.score.map(|score| format!(" (robust z-score {score:.1})"));
            format!(
                "{subject} is at {now}, usually {}{}",
                told(finding.usual),
                score.unwrap_or_default()
            )
        }
    }
}

fn subject(metric: Metric, finding: &Finding) -> String {
    match (metric, &finding.subject) {
        (Metric::DiskUsedPercentMax, Some(mount)) => format!("disk {}", mount.code()),
        (Metric::CelsiusMax, Some(sensor)) => format!("sensor {}", sensor.code()),
        (Metric::ReceivedBytesPerS, _) => "incoming traffic".to_owned(),
        (Metric::SentBytesPerS, _) => "outgoing traffic".to_owned(),
        (metric, _) => metric.label().to_owned(),
    }
}

fn cause(finding: &Finding) -> String {
    let Some(cause) = &finding.likely_cause else { return String::new() };
    let memory = finding.metric.is_some_and(|metric| {
        matches!(metric, Metric::MemoryUsedPercent | Metric::SwapUsedPercent)
    });
    let share = if memory {
        bytes(cause.memory_bytes)
    } else {
        format!("{} of one core", percent(cause.cpu_percent))
    };
    format!("; likely cause: {} (pid {}) with {share}", cause.process.code(), cause.pid)
}

fn young(anomalies: &[AnomalySummary]) -> Option<String> {
    let young: Vec<_> = hosts(anomalies).filter(|host| !host.enough_history).collect();
    if young.is_empty() {
        return None;
    }
    let named: Vec<_> = young
        .iter()
        .take(NAMED_MAX)
        .map(|host| format!("**{}** ({})", host.host, compared(host)))
        .collect();
    Some(format!(
        "\nToo little history to know what is usual on {}: only fixed limits were checked there.",
        named.join(", ")
    ))
}

fn left_out(anomalies: &[AnomalySummary]) -> Option<String> {
    let left_out: usize = anomalies.iter().filter_map(|summary| summary.hosts_left_out).sum();
    (left_out > 0).then(|| {
        format!("\n{} were not looked at: name one to hear of it.", count(left_out, "more host"))
    })
}
