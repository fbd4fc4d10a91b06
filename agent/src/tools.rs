//! What a model, or the offline analyst, may ask of the telemetry. Every tool only reads.

pub mod anomaly_summary;
pub mod current_status;
pub mod recent_status_history;

mod host_choice;

use std::{fmt, time::Duration};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use sysmaint_protocol::Timestamp;

use crate::telemetry::{Telemetry, TelemetryError};

/// How long a host may be quiet before it counts as silent: six times the default interval
/// between two samples.
pub const SILENT_AFTER: Duration = Duration::from_mins(1);

/// Bytes of one result as JSON. A model would read more only at its owner's cost.
pub const RESULT_MAX: usize = 16 * 1024;

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
pub const ALL: [Tool; 3] =
    [current_status::TOOL, recent_status_history::TOOL, anomaly_summary::TOOL];

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
    #[error(
        "there is no tool {0:?}; there are get_current_status, get_recent_status_history and get_anomaly_summary"
    )]
    UnknownTool(String),
}

impl Tool {
    /// The tool of that name.
    pub fn named(name: &str) -> Result<Self, ToolError> {
        let unknown = || ToolError::UnknownTool(name.chars().take(64).collect());
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

/// A schema of an object with these properties, all of them optional.
fn object(properties: &Value) -> Value {
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

fn host_property() -> Value {
    json!({
        "type": "string",
        "description": "A host's name exactly as reported. Leave out for all hosts.",
    })
}

fn range_property(default: &str) -> Value {
    json!({
        "type": "string",
        "pattern": "^[1-9][0-9]{0,4}[mhd]$",
        "description": format!("How far back: a number and m, h or d, from 5m to 30d. Default {default}."),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::made::Made;

    fn call(telemetry: &Made, name: &str, arguments: Value) -> Result<Value, ToolError> {
        Tool::named(name)?.call(&telemetry.view(), arguments)
    }

    #[test]
    fn the_documented_tools_exist_and_describe_their_arguments() {
        let names = ALL.map(|tool| tool.name);
        let documented = ["get_current_status", "get_recent_status_history", "get_anomaly_summary"];
        assert_eq!(names, documented);
        for tool in ALL {
            assert_eq!(tool.parameters()["additionalProperties"], false, "{}", tool.name);
            assert_eq!(tool.parameters()["properties"]["host"]["type"], "string");
        }
    }

    #[test]
    fn wrong_arguments_are_answered_with_a_sentence() {
        let made = Made::two_hosts();
        let wrong = [
            json!({"hostname": "web1"}),
            json!({"host": 3}),
            json!({"host": "web1; drop table"}),
            json!({"host": "x".repeat(64)}),
            json!([]),
            json!("web1"),
        ];
        for tool in ALL {
            for arguments in &wrong {
                let error = call(&made, tool.name, arguments.clone()).unwrap_err().to_string();
                assert!(error.contains("call the tool again"), "{arguments}: {error}");
            }
        }
        let history = "get_recent_status_history";
        for arguments in [json!({"range": "1y"}), json!({"metric": "gpu"}), json!({"range": 5})] {
            let error = call(&made, history, arguments.clone()).unwrap_err();
            assert!(matches!(error, ToolError::Arguments(_)), "{arguments}: {error}");
        }
    }

    #[test]
    fn an_unknown_host_or_tool_is_answered_with_those_that_exist() {
        let made = Made::two_hosts();
        let error = call(&made, "get_current_status", json!({"host": "db9"})).unwrap_err();
        assert!(error.to_string().contains("web1, web2"), "{error}");
        let error = call(&made, "run_shell", json!({})).unwrap_err();
        assert!(error.to_string().contains("get_anomaly_summary"), "{error}");
    }

    #[test]
    fn no_arguments_at_all_mean_every_host() {
        let made = Made::two_hosts();
        for tool in ALL {
            let result = tool.call(&made.view(), Value::Null).unwrap();
            assert_eq!(result["hosts"].as_array().unwrap().len(), 2, "{}", tool.name);
        }
    }

    #[test]
    fn results_stay_within_their_bound_for_many_crowded_hosts() {
        for hosts in [1, 2, 3, 4, 5, 40] {
            let made = Made::crowd(hosts);
            for tool in ALL {
                for arguments in [json!({}), json!({"host": "h0"})] {
                    let result = tool.call(&made.view(), arguments).unwrap();
                    assert!(!result["hosts"].as_array().unwrap().is_empty());
                }
            }
            let one = json!({"metric": "cpu_percent", "range": "24h"});
            call(&made, "get_recent_status_history", one).unwrap();
        }
    }

    #[test]
    fn a_store_that_fails_is_reported_without_its_details() {
        let error = call(&Made::broken(), "get_current_status", json!({})).unwrap_err();
        assert!(error.to_string().contains("could not be read"), "{error}");
        assert!(!error.to_string().contains("disk I/O"), "{error}");
    }
}
