//! What can be asked.

use sysmaint_protocol::Handle;

use super::question::distance;

/// Names that are listed.
const NAMED_MAX: usize = 20;

/// What can be asked, for a question that was not understood and one that asks just this.
pub(super) fn list(hosts: &[Handle]) -> String {
    format!(
        "That is beyond what rules can answer. From the telemetry of {} I can answer:\n\n\
         - a summary: \"System status summary in one line.\"\n\
         - what is unusual: \"Is everything ok?\"\n\
         - numbers now: \"What is the load?\", \"How full are the disks?\", memory, swap, CPU, \
         network, temperature, uptime, kernel\n\
         - processes: \"Which process uses the most memory?\", \"Which used most CPU at 14:02?\"\n\
         - a course: \"How did CPU develop over the last 12 hours?\"\n\
         - changes: \"What changed since yesterday?\", \"Since when is memory so high?\"\n\
         - disks to come: \"When will the disk be full?\"\n\
         - a comparison: \"Which host has the highest load?\"\n\
         - hosts: \"Which hosts are there?\"",
        names(hosts)
    )
}

/// The answer to a question about a host that is none, with the one that was perhaps meant.
pub(super) fn unknown_host(name: &str, hosts: &[Handle]) -> String {
    let apart = |host: &&Handle| distance(name, host.as_str());
    let nearest = hosts.iter().map(|host| apart(&host)).min().filter(|apart| *apart <= 2);
    let mut near = hosts.iter().filter(|host| Some(apart(host)) == nearest);
    // Of two that are as near, neither is offered.
    let meant = near.next().filter(|_| near.next().is_none());
    let meant = meant.map(|host| format!(" Did you mean **{host}**?")).unwrap_or_default();
    format!("No host named `{name}` has reported.{meant} Known are {}.", names(hosts))
}

fn names(hosts: &[Handle]) -> String {
    let named: Vec<_> = hosts.iter().take(NAMED_MAX).map(|host| format!("**{host}**")).collect();
    let more = hosts.len().saturating_sub(NAMED_MAX);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{rest}", named.join(", "))
}
