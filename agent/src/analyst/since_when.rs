//! Since when something is as it is, in words.

use std::time::Duration;

use super::{
    health,
    inquiry::Inquiry,
    question::Question,
    wording::{count, duration, time},
};
use crate::{anomaly::Judgement, metric::Metric, tools::ToolError};

/// Tells since when the metrics of the question are unusual, or that they are not.
pub(super) fn tell(inquiry: &mut Inquiry<'_>, question: &Question) -> Result<String, ToolError> {
    let summaries = inquiry.anomalies(question)?;
    let now = inquiry.now();
    let mut lines = Vec::new();
    for host in summaries.iter().flat_map(|summary| &summary.hosts) {
        let asked = |metric: Option<Metric>| {
            question.metrics.is_empty()
                || metric.is_none_or(|metric| question.metrics.contains(&metric))
        };
        let before = lines.len();
        let findings = host.findings.iter().filter(|finding| asked(finding.metric));
        lines.extend(findings.map(|finding| health::line(host, finding, now)));
        if lines.len() == before {
            lines.push(usual(host, &question.metrics));
        }
    }
    Ok(lines.join("\n"))
}

fn usual(host: &Judgement, metrics: &[Metric]) -> String {
    let what: Vec<_> = metrics.iter().map(|metric| metric.label()).collect();
    let what = if what.is_empty() { "nothing".to_owned() } else { what.join(" and ") };
    let at = time(host.sample_time);
    let samples = count(host.samples, "sample");
    let span = duration(Duration::from_secs(host.history_s));
    if !host.enough_history {
        return format!(
            "- **{}** ({at}): too little history ({samples} over {span}) to say since when",
            host.host
        );
    }
    let judged = if metrics.is_empty() { "is unusual" } else { "as usual: no beginning to tell" };
    format!("- **{}** ({at}): {what} {judged} ({samples} over {span})", host.host)
}
