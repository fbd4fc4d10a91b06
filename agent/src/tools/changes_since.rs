//! `get_changes_since`: what is different from how it was.

mod host_changes;

use serde::{Deserialize, Serialize};
use serde_json::json;
use sysmaint_protocol::{Handle, Timestamp};

pub use self::host_changes::{Changed, DiskChange, HostChanges, Measured, NewProcess, Silence};
use super::{Tool, ToolError, View, host_choice, run_typed, schema};
use crate::range::Range;

/// Hosts in one answer.
pub const HOSTS_MAX: usize = 8;

/// The tool as it is offered to a model.
pub const TOOL: Tool = Tool {
    name: "get_changes_since",
    description: "What changed on one or all hosts since a moment (since) or over a range: \
                  metrics and disks whose level is notably higher or lower than at its beginning, \
                  restarts, stretches in which nothing was heard of the host, changed systems or \
                  kernels, and large processes that were not among the largest then. Give since \
                  or range; a day if neither.",
    parameters: || {
        schema::object(&json!({
            "host": schema::host(),
            "since": schema::time("A moment, RFC 3339, such as 2026-11-23T09:30:00Z, at most 30 days ago. Not together with range."),
            "range": schema::range("Default 24h."),
        }))
    },
    run: |view, arguments| run_typed(view, arguments, changes_since),
};

/// What the call is about.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    /// One host, or all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Handle>,
    /// The moment to compare with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// How far back that moment is; a day if neither is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<Range>,
}

/// What changed.
#[derive(Clone, Debug, Serialize)]
pub struct Changes {
    /// The moment that is compared with.
    pub since: Timestamp,
    /// The moment of the question.
    pub to: Timestamp,
    /// The hosts, by name.
    pub hosts: Vec<HostChanges>,
    /// Hosts beyond [`HOSTS_MAX`], by number.
    #[serde(skip_serializing_if = "super::is_zero")]
    pub hosts_left_out: usize,
}

/// Compares.
pub fn changes_since(view: &View<'_>, arguments: &Arguments) -> Result<Changes, ToolError> {
    let since = beginning(view, arguments)?;
    let chosen = host_choice::chosen(view, arguments.host.as_ref())?;
    let shown = chosen.len().min(HOSTS_MAX);
    let mut hosts = Vec::with_capacity(shown);
    for state in chosen.iter().take(shown) {
        let samples = view.samples(&state.host, since, view.now)?;
        hosts.push(HostChanges::between(view, state, &samples));
    }
    Ok(Changes { since, to: view.now, hosts, hosts_left_out: chosen.len() - shown })
}

fn beginning(view: &View<'_>, arguments: &Arguments) -> Result<Timestamp, ToolError> {
    let refused = |why: &str| Err(ToolError::Arguments(why.to_owned()));
    match (arguments.since, arguments.range) {
        (Some(_), Some(_)) => refused("since and range exclude each other; give one"),
        (Some(since), None) if since >= view.now => refused("since is not in the past"),
        (Some(since), None) if since < Range::MONTH.start(view.now) => {
            refused("since is more than 30 days ago")
        }
        (Some(since), None) => Ok(since),
        (None, range) => Ok(range.unwrap_or(Range::DAY).start(view.now)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::made::Made;

    #[test]
    fn the_beginning_is_a_moment_or_a_range_of_the_last_month() {
        let made = Made::two_hosts();
        let at = |seconds: u64| Arguments {
            since: Some(made.time_before(seconds)),
            ..Arguments::default()
        };
        assert!(changes_since(&made.view(), &at(3_600)).is_ok());
        let both = Arguments { range: Some(Range::HOUR), ..at(60) };
        for (wrong, why) in [(at(0), "past"), (at(31 * 86_400), "30 days"), (both, "exclude")] {
            let error = changes_since(&made.view(), &wrong).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
