//! The tools, and the record of their use.

use serde::Serialize;
use sysmaint_protocol::{Handle, Timestamp, body::ToolUse};

use super::question::Question;
use crate::{
    metric::Metric,
    range::Range,
    tools::{
        ToolError, View,
        anomaly_summary::{self, AnomalySummary, anomaly_summary},
        changes_since::{self, HostChanges, changes_since},
        current_status::{self, current_status_of},
        disks::{self, HostDisks, disks},
        host_status::HostStatus,
        recent_status_history::{self, History, recent_status_history},
        top_processes::{self, HostProcesses, Measure, top_processes},
    },
};

/// Hosts that are looked at for one question.
const HOSTS_MAX: usize = 500;

/// One question's work.
pub(super) struct Inquiry<'a> {
    view: &'a View<'a>,
    known: Vec<Handle>,
    tools: Vec<ToolUse>,
}

/// The newest samples of the hosts that a question is about.
pub(super) struct Status {
    pub(super) hosts: Vec<HostStatus>,
    pub(super) left_out: usize,
}

impl<'a> Inquiry<'a> {
    /// Learns which hosts there are.
    pub(super) fn open(view: &'a View<'a>) -> Result<Self, ToolError> {
        let mut known: Vec<_> = view.telemetry.hosts()?.into_iter().map(|host| host.host).collect();
        known.sort();
        Ok(Self { view, known, tools: Vec::new() })
    }

    pub(super) fn known_hosts(&self) -> &[Handle] {
        &self.known
    }

    pub(super) fn now(&self) -> Timestamp {
        self.view.now
    }

    pub(super) fn into_tools(self) -> Vec<ToolUse> {
        self.tools
    }

    /// The newest samples of the hosts that were named, or of all.
    pub(super) fn status(&mut self, question: &Question) -> Result<Status, ToolError> {
        let mut status = Status { hosts: Vec::new(), left_out: 0 };
        for host in each(&question.hosts) {
            let arguments = current_status::Arguments { host, metric: None };
            self.record(current_status::TOOL.name, &arguments);
            let answer = current_status_of(self.view, &arguments, HOSTS_MAX)?;
            status.hosts.extend(answer.hosts);
            status.left_out += answer.hosts_left_out;
        }
        Ok(status)
    }

    /// The course of one metric on the hosts that were named, or on all.
    pub(super) fn history(
        &mut self,
        question: &Question,
        metric: Metric,
    ) -> Result<Vec<History>, ToolError> {
        let range = Some(question.range.unwrap_or(Range::DAY));
        let mut histories = Vec::new();
        for host in each(&question.hosts) {
            let arguments = recent_status_history::Arguments { host, metric: Some(metric), range };
            self.record(recent_status_history::TOOL.name, &arguments);
            histories.push(recent_status_history(self.view, &arguments)?);
        }
        Ok(histories)
    }

    /// What is unusual on the hosts that were named, or on all.
    pub(super) fn anomalies(
        &mut self,
        question: &Question,
    ) -> Result<Vec<AnomalySummary>, ToolError> {
        let mut summaries = Vec::new();
        for host in each(&question.hosts) {
            let arguments =
                anomaly_summary::Arguments { host, metric: None, range: question.range };
            self.record(anomaly_summary::TOOL.name, &arguments);
            summaries.push(anomaly_summary(self.view, &arguments)?);
        }
        Ok(summaries)
    }

    /// What changed since the moment or over the range of the question.
    pub(super) fn changes(&mut self, question: &Question) -> Result<Vec<HostChanges>, ToolError> {
        let mut changes = Vec::new();
        let since = question.moment;
        let range = if since.is_some() { None } else { question.range };
        for host in each(&question.hosts) {
            let arguments = changes_since::Arguments { host, since, range };
            self.record(changes_since::TOOL.name, &arguments);
            changes.extend(changes_since(self.view, &arguments)?.hosts);
        }
        Ok(changes)
    }

    /// The file systems, and how they changed.
    pub(super) fn disks(&mut self, question: &Question) -> Result<Vec<HostDisks>, ToolError> {
        let mut all = Vec::new();
        for host in each(&question.hosts) {
            let arguments = disks::Arguments { host, range: question.range };
            self.record(disks::TOOL.name, &arguments);
            all.extend(disks(self.view, &arguments)?.hosts);
        }
        Ok(all)
    }

    /// The largest processes at the moment or over the range of the question.
    pub(super) fn processes(
        &mut self,
        question: &Question,
        by: Measure,
    ) -> Result<Vec<HostProcesses>, ToolError> {
        let mut all = Vec::new();
        let at = question.moment;
        let range = if at.is_some() { None } else { question.range };
        for host in each(&question.hosts) {
            let arguments = top_processes::Arguments { host, by: Some(by), at, range };
            self.record(top_processes::TOOL.name, &arguments);
            all.extend(top_processes(self.view, &arguments)?.hosts);
        }
        Ok(all)
    }

    /// The same call twice is told once.
    fn record(&mut self, name: &str, arguments: &impl Serialize) {
        let arguments = serde_json::to_string(arguments).unwrap_or_default();
        let used = ToolUse { name: name.to_owned(), arguments };
        if !self.tools.contains(&used) {
            self.tools.push(used);
        }
    }
}

/// Each host that was named, or one call for all.
fn each(named: &[Handle]) -> Vec<Option<Handle>> {
    if named.is_empty() { vec![None] } else { named.iter().cloned().map(Some).collect() }
}
