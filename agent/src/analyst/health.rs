//! What is unusual, in words.

use std::time::Duration;

use sysmaint_protocol::Timestamp;

use super::{
    inquiry::Inquiry,
    question::Question,
    wording::{clock, count, duration, time},
};
use crate::{
    anomaly::{Finding, Judgement},
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
    let worst = worst.map(|(host, finding)| format!(": **{}** {}", host.host, finding.phrase()));
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

pub(super) fn line(host: &Judgement, finding: &Finding, now: Timestamp) -> String {
    let since = clock(finding.since, now);
    let at = time(host.sample_time);
    format!("- **{}** ({at}): {}, since {since}{}", host.host, finding.phrase(), cause(finding))
}

fn cause(finding: &Finding) -> String {
    let cause = finding.cause_phrase();
    cause.map(|cause| format!("; likely cause: {cause}")).unwrap_or_default()
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
    let left_out: usize = anomalies.iter().map(|summary| summary.hosts_left_out).sum();
    (left_out > 0).then(|| {
        format!("\n{} were not looked at: name one to hear of it.", count(left_out, "more host"))
    })
}
