//! `get_current_status`: the newest sample of each host.

use serde::{Deserialize, Serialize};
use serde_json::json;
use sysmaint_protocol::{Handle, Timestamp};

use super::{
    Tool, ToolError, View, host_choice,
    host_status::{HostStatus, host_status},
    run_typed, schema,
};
use crate::{metric::Metric, telemetry::HostState};

/// Hosts in one answer.
pub const HOSTS_MAX: usize = 10;

/// The tool as it is offered to a model.
pub const TOOL: Tool = Tool {
    name: "get_current_status",
    description: "The newest sample of one or all hosts: CPU, load, memory, swap, disks, network, \
                  temperatures, largest processes, uptime, and how old the sample is. With a metric \
                  named, only what belongs to it. Lists are shorter when many hosts are asked for \
                  at once.",
    parameters: || {
        schema::object(&json!({
            "host": schema::host(),
            "metric": schema::metric("One metric alone. Leave out for all."),
        }))
    },
    run: |view, arguments| run_typed(view, arguments, current_status),
};

/// What the call is about.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    /// One host, or all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Handle>,
    /// One metric, or all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<Metric>,
}

/// Every host's newest sample.
#[derive(Clone, Debug, Serialize)]
pub struct CurrentStatus {
    /// The moment of the question.
    pub asked_at: Timestamp,
    /// The hosts, by name.
    pub hosts: Vec<HostStatus>,
    /// Hosts beyond [`HOSTS_MAX`], by number.
    #[serde(skip_serializing_if = "super::is_zero")]
    pub hosts_left_out: usize,
}

/// Reads the newest samples.
pub fn current_status(view: &View<'_>, arguments: &Arguments) -> Result<CurrentStatus, ToolError> {
    current_status_of(view, arguments, HOSTS_MAX)
}

/// Reads the newest samples of more hosts than a model would want to read of.
pub(crate) fn current_status_of(
    view: &View<'_>,
    arguments: &Arguments,
    hosts_max: usize,
) -> Result<CurrentStatus, ToolError> {
    let chosen = host_choice::chosen(view, arguments.host.as_ref())?;
    let items = match chosen.len() {
        0..=1 => 8,
        2 => 5,
        3..=4 => 3,
        _ => 1,
    };
    let status = |state: &HostState| host_status(view, state, items).narrowed(arguments.metric);
    let hosts: Vec<_> = chosen.iter().take(hosts_max).map(status).collect();
    Ok(CurrentStatus { asked_at: view.now, hosts_left_out: chosen.len() - hosts.len(), hosts })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::made::Made;

    fn status(made: &Made) -> CurrentStatus {
        current_status(&made.view(), &Arguments::default()).unwrap()
    }

    #[test]
    fn every_number_stands_beside_its_host_and_time() {
        let made = Made::two_hosts();
        let status = status(&made);
        let web1 = &status.hosts[0];
        assert_eq!(web1.host.as_str(), "web1");
        assert_eq!(web1.sample_time, made.sample("web1").taken_at);
        assert_eq!(web1.cpu_percent, Some(12.5));
        assert_eq!(web1.memory.map(|memory| memory.used_percent), Some(50.0));
        assert!(!web1.silent);
    }

    #[test]
    fn with_a_metric_named_only_its_part_is_told() {
        let made = Made::two_hosts();
        let keys = |metric| {
            let arguments = Arguments { metric: Some(metric), ..Arguments::default() };
            let status = current_status(&made.view(), &arguments).unwrap();
            let json = serde_json::to_value(&status.hosts[0]).unwrap();
            let always = ["host", "sample_time", "last_seen", "last_seen_s_ago", "silent"];
            let mut keys: Vec<_> = json.as_object().unwrap().keys().cloned().collect();
            keys.retain(|key| !always.contains(&key.as_str()) && key != "samples_missing");
            keys
        };
        assert_eq!(keys(Metric::DiskUsedPercentMax), ["disks"]);
        assert_eq!(keys(Metric::SwapUsedPercent), ["swap", "top_memory"]);
        assert_eq!(keys(Metric::CpuPercent), ["cores", "cpu_percent", "top_cpu"]);
        assert_eq!(keys(Metric::CelsiusMax), ["temperatures"]);
    }

    #[test]
    fn the_fullest_disk_comes_first() {
        let status = status(&Made::two_hosts());
        let mounts: Vec<_> = status.hosts[0].disks.iter().map(|disk| disk.mount.as_str()).collect();
        assert_eq!(mounts, ["/data", "/"]);
    }

    #[test]
    fn a_quiet_host_is_silent() {
        let mut made = Made::two_hosts();
        made.hush("web2", 600);
        let status = status(&made);
        assert!(status.hosts[1].silent && !status.hosts[0].silent);
        assert_eq!(status.hosts[1].last_seen_s_ago, 600);
    }

    #[test]
    fn what_a_host_does_not_know_is_not_in_the_result() {
        let made = Made::named(&["bare"]);
        let json = serde_json::to_value(status(&made)).unwrap();
        let bare = json["hosts"][0].as_object().unwrap();
        assert!(!bare.contains_key("cpu_percent") && !bare.contains_key("swap"), "{json}");
        assert!(!json.to_string().contains("null"));
    }
}
