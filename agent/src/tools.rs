//! What a model, or the offline analyst, may ask of the telemetry. Every tool only reads.

pub mod anomaly_summary;
pub mod changes_since;
pub mod current_status;
pub mod disks;
pub mod host_status;
pub mod list_hosts;
pub mod recent_status_history;
pub mod top_processes;

mod host_choice;
mod schema;

use std::{fmt, time::Duration};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use sysmaint_protocol::{Handle, Timestamp, sample::Sample};

use crate::telemetry::{HostState, Telemetry, TelemetryError};

/// How long a host may be quiet before it counts as silent: six times the default interval
/// between two samples.
pub const SILENT_AFTER: Duration = Duration::from_mins(1);

/// Bytes of one result as JSON. A model would read more only at its owner's cost.
pub const RESULT_MAX: usize = 16 * 1024;

/// Samples that are read of a host: every one of two hours at the default interval.
const SAMPLES_MAX: usize = 720;

/// What a tool looks at.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// The samples.
    pub telemetry: &'a dyn Telemetry,
    /// The moment of the question.
    pub now: Timestamp,
    /// How long a host may be quiet before it counts as silent.
    pub silent_after: Duration,
}

impl View<'_> {
    /// Whether nothing was heard of a host for too long.
    pub fn is_silent(&self, state: &HostState) -> bool {
        self.now.since(state.last_seen) > self.silent_after
    }

    /// A host's samples of a stretch, as many as one call reads.
    fn samples(
        &self,
        host: &Handle,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Sample>, TelemetryError> {
        self.telemetry.samples(host, from, to, SAMPLES_MAX)
    }
}

impl fmt::Debug for View<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("View").field("now", &self.now).finish_non_exhaustive()
    }
}

/// One tool, as it is offered to a model.
#[derive(Clone, Copy, Debug)]
pub struct Tool {
    /// Its name.
    pub name: &'static str,
    /// What it is for, in the model's words.
    pub description: &'static str,
    parameters: fn() -> Value,
    run: fn(&View<'_>, Value) -> Result<Value, ToolError>,
}

/// Every tool.
pub const ALL: [Tool; 7] = [
    current_status::TOOL,
    recent_status_history::TOOL,
    anomaly_summary::TOOL,
    list_hosts::TOOL,
    top_processes::TOOL,
    disks::TOOL,
    changes_since::TOOL,
];

/// A tool could not answer. The text goes back to the model, so it says what to do instead.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// The arguments are not the tool's.
    #[error("the arguments are not valid: {0}; call the tool again with corrected arguments")]
    Arguments(String),
    /// The tool itself broke down.
    #[error("the tool failed; tell the user that the data is unavailable")]
    Failed,
    /// The telemetry could not be read.
    #[error("{0}; tell the user that the data is unavailable")]
    Telemetry(#[from] TelemetryError),
    /// The result would be above [`RESULT_MAX`].
    #[error("the result is too large; ask for one host or one metric")]
    TooLarge,
    /// No host has that name.
    #[error("no host named {host:?} has reported; hosts that have: {known}")]
    UnknownHost {
        /// What was asked for.
        host: String,
        /// The hosts that exist.
        known: String,
    },
    /// No tool has that name.
    #[error("there is no tool {tool:?}; there are {}", ALL.map(|tool| tool.name).join(", "))]
    UnknownTool {
        /// What was asked for.
        tool: String,
    },
}

impl Tool {
    /// The tool of that name.
    pub fn named(name: &str) -> Result<Self, ToolError> {
        let unknown = || ToolError::UnknownTool { tool: name.chars().take(64).collect() };
        ALL.into_iter().find(|tool| tool.name == name).ok_or_else(unknown)
    }

    /// The JSON schema of its arguments.
    pub fn parameters(&self) -> Value {
        (self.parameters)()
    }

    /// Answers. `arguments` is an object, or null for none.
    pub fn call(&self, view: &View<'_>, arguments: Value) -> Result<Value, ToolError> {
        let result = (self.run)(view, arguments)?;
        if result.to_string().len() > RESULT_MAX { Err(ToolError::TooLarge) } else { Ok(result) }
    }
}

/// Wraps a typed tool: parses the arguments strictly and serialises the result.
fn run_typed<A: DeserializeOwned, R: Serialize>(
    view: &View<'_>,
    arguments: Value,
    run: fn(&View<'_>, &A) -> Result<R, ToolError>,
) -> Result<Value, ToolError> {
    let object = if arguments.is_null() { json!({}) } else { arguments };
    if !object.is_object() {
        // Serde would take a list for the fields in their order.
        return Err(ToolError::Arguments("they are an object".to_owned()));
    }
    let arguments = serde_json::from_value(object).map_err(|error| refused(&error))?;
    let result = run(view, &arguments)?;
    serde_json::to_value(result).map_err(|error| refused(&error))
}

/// Serde repeats what it did not expect; that is the model's own text, cut to a sentence.
fn refused(error: &serde_json::Error) -> ToolError {
    ToolError::Arguments(error.to_string().chars().take(300).collect())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests;
