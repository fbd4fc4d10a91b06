//! `list_hosts`: which hosts there are, and how they are heard of.

use serde::{Deserialize, Serialize};
use serde_json::json;
use sysmaint_protocol::{Handle, Timestamp};

use super::{Tool, ToolError, View, host_choice, run_typed, schema};
use crate::{host_text::HostText, telemetry::HostState};

/// Hosts in one answer.
pub const HOSTS_MAX: usize = 50;

/// The tool as it is offered to a model.
pub const TOOL: Tool = Tool {
    name: "list_hosts",
    description: "Which hosts there are: their names, when each was last heard of, whether it is \
                  silent, the time of its newest sample, its system and uptime.",
    parameters: || schema::object(&json!({})),
    run: |view, arguments| run_typed(view, arguments, list_hosts),
};

/// There is nothing to choose.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arguments {}

/// Every host.
#[derive(Clone, Debug, Serialize)]
pub struct Hosts {
    /// The moment of the question.
    pub asked_at: Timestamp,
    /// How many there are.
    pub known: usize,
    /// How many of them are silent.
    pub silent: usize,
    /// The hosts, by name.
    pub hosts: Vec<Host>,
    /// Hosts beyond [`HOSTS_MAX`], by number.
    #[serde(skip_serializing_if = "super::is_zero")]
    pub hosts_left_out: usize,
}

/// One host.
#[derive(Clone, Debug, Serialize)]
pub struct Host {
    /// Its name.
    pub host: Handle,
    /// When its newest sample was taken, by the host's clock.
    pub sample_time: Timestamp,
    /// When something was last heard of it, by the agent's clock.
    pub last_seen: Timestamp,
    /// Whether that is too long ago.
    pub silent: bool,
    /// Samples that were taken and have not arrived.
    #[serde(skip_serializing_if = "is_none")]
    pub samples_missing: u64,
    /// Samples that the host had no room for until they could be sent.
    #[serde(skip_serializing_if = "is_none")]
    pub samples_lost: u64,
    /// Operating system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub os: Option<HostText>,
    /// Seconds since boot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uptime_s: Option<u64>,
}

/// Lists the hosts.
pub fn list_hosts(view: &View<'_>, _: &Arguments) -> Result<Hosts, ToolError> {
    let states = host_choice::chosen(view, None)?;
    let hosts: Vec<_> = states.iter().map(|state| host(view, state)).collect();
    Ok(Hosts {
        asked_at: view.now,
        known: hosts.len(),
        silent: hosts.iter().filter(|host| host.silent).count(),
        hosts_left_out: hosts.len().saturating_sub(HOSTS_MAX),
        hosts: hosts.into_iter().take(HOSTS_MAX).collect(),
    })
}

fn host(view: &View<'_>, state: &HostState) -> Host {
    Host {
        host: state.host.clone(),
        sample_time: state.sample.taken_at,
        last_seen: state.last_seen,
        silent: view.is_silent(state),
        samples_missing: state.missing,
        samples_lost: state.lost,
        os: state.sample.os.as_deref().map(HostText::new),
        uptime_s: state.sample.uptime_s,
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_none(missing: &u64) -> bool {
    *missing == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::made::Made;

    #[test]
    fn silent_hosts_are_counted_and_marked() {
        let mut made = Made::two_hosts();
        made.hush("web2", 600);
        let hosts = list_hosts(&made.view(), &Arguments {}).unwrap();
        assert_eq!((hosts.known, hosts.silent), (2, 1));
        assert!(hosts.hosts[1].silent && !hosts.hosts[0].silent);
        assert_eq!(hosts.hosts[1].last_seen, made.time_before(600));
    }

    #[test]
    fn hosts_beyond_the_bound_are_counted() {
        let hosts = list_hosts(&Made::crowd(60).view(), &Arguments {}).unwrap();
        assert_eq!((hosts.known, hosts.hosts.len(), hosts.hosts_left_out), (60, HOSTS_MAX, 10));
    }
}
