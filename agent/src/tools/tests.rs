//! What holds for every tool.

use std::collections::BTreeSet;

use serde_json::Map;

use super::*;
use crate::{metric::Metric, telemetry::made::Made};

fn call(telemetry: &Made, name: &str, arguments: Value) -> Result<Value, ToolError> {
    Tool::named(name)?.call(&telemetry.view(), arguments)
}

/// The properties of a tool's schema.
fn properties(tool: &Tool) -> Map<String, Value> {
    tool.parameters()["properties"].as_object().unwrap().clone()
}

/// Values that a property's schema allows.
fn allowed(name: &str, schema: &Value) -> Vec<Value> {
    match name {
        "host" => vec![json!("web1"), json!("web2")],
        "range" => ["5m", "1h", "24h", "7d", "30d"].map(Value::from).to_vec(),
        "at" | "since" => vec![json!("2026-11-23T09:00:00Z"), json!("2026-11-23T10:00:00+02:00")],
        _ => schema["enum"].as_array().unwrap().clone(),
    }
}

/// Values that it forbids.
fn forbidden(name: &str) -> Vec<Value> {
    let mut values = vec![json!(3), json!([]), json!({}), json!("\u{202e}no such thing!")];
    match name {
        "range" => values.extend(["1y", "0h", "31d", "4m", "-1h", "1 h", "h"].map(Value::from)),
        "at" | "since" => {
            values.extend(["yesterday", "09:00", "2026-13-01T00:00:00Z"].map(Value::from));
        }
        "host" => values.extend([json!("web1; drop table"), json!("x".repeat(64)), json!("")]),
        _ => values.extend(["CPU", "gpu"].map(Value::from)),
    }
    values
}

#[test]
fn the_documented_tools_exist_and_their_schemas_are_closed() {
    let names = ALL.map(|tool| tool.name);
    let documented = [
        "get_current_status",
        "get_recent_status_history",
        "get_anomaly_summary",
        "list_hosts",
        "get_top_processes",
        "get_disks",
        "get_changes_since",
    ];
    assert_eq!(names, documented);
    for tool in ALL {
        assert_eq!(tool.parameters()["type"], "object", "{}", tool.name);
        assert_eq!(tool.parameters()["additionalProperties"], false, "{}", tool.name);
        for (name, schema) in properties(&tool) {
            assert_eq!(schema["type"], "string", "{}: {name}", tool.name);
            assert!(schema["description"].as_str().unwrap().len() > 10, "{}: {name}", tool.name);
        }
    }
}

#[test]
fn a_schema_names_just_the_arguments_that_the_tool_reads() {
    let made = Made::two_hosts();
    for tool in ALL {
        // Serde lists the fields of the type; the schema must list the same.
        let error = call(&made, tool.name, json!({"no_such_field": 1})).unwrap_err().to_string();
        let read: BTreeSet<String> =
            error.split('`').skip(3).step_by(2).map(str::to_owned).collect();
        let told: BTreeSet<String> = properties(&tool).keys().cloned().collect();
        assert_eq!(read, told, "{}: {error}", tool.name);
    }
}

#[test]
fn what_a_schema_allows_is_taken_and_what_it_forbids_is_refused() {
    let made = Made::two_hosts();
    for tool in ALL {
        for (name, schema) in properties(&tool) {
            for value in allowed(&name, &schema) {
                let result = call(&made, tool.name, json!({ &name: value }));
                assert!(result.is_ok(), "{} {name}={value}: {result:?}", tool.name);
            }
            for value in forbidden(&name) {
                let error = call(&made, tool.name, json!({ &name: value })).unwrap_err();
                assert!(matches!(error, ToolError::Arguments(_)), "{} {name}={value}", tool.name);
                assert!(error.to_string().contains("call the tool again"), "{error}");
            }
        }
        for arguments in [json!([]), json!("web1"), json!(1)] {
            assert!(call(&made, tool.name, arguments).is_err(), "{}", tool.name);
        }
    }
}

#[test]
fn every_metric_is_offered_where_one_can_be_named() {
    let names = json!(Metric::ALL.map(Metric::name));
    for name in ["get_current_status", "get_recent_status_history", "get_anomaly_summary"] {
        let tool = Tool::named(name).unwrap();
        assert_eq!(properties(&tool)["metric"]["enum"], names, "{name}");
        assert!(properties(&tool).contains_key("host"), "{name}");
    }
}

#[test]
fn a_refusal_says_what_is_allowed() {
    let made = Made::two_hosts();
    let history = "get_recent_status_history";
    let cases = [
        (history, json!({"metric": "gpu"}), "`load_1`"),
        (history, json!({"range": "1y"}), "from 5m to 30d"),
        (history, json!({"hostname": "web1"}), "`host`, `metric`, `range`"),
        ("get_top_processes", json!({"by": "disk"}), "`cpu` or `memory`"),
        ("get_top_processes", json!({"at": "noon"}), "RFC 3339"),
        ("get_current_status", json!({"host": "db9"}), "web1, web2"),
        ("run_shell", json!({}), "get_anomaly_summary, list_hosts"),
    ];
    for (tool, arguments, allowed) in cases {
        let error = call(&made, tool, arguments.clone()).unwrap_err().to_string();
        assert!(error.contains(allowed), "{tool} {arguments}: {error}");
    }
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
fn every_host_in_a_result_stands_beside_the_time_of_its_sample() {
    let mut made = Made::two_hosts();
    made.course("web1", 60, 60, |_, _| {});
    for tool in ALL {
        let result = tool.call(&made.view(), json!({})).unwrap();
        for host in result["hosts"].as_array().unwrap() {
            let time = host.get("sample_time").or_else(|| host.get("last_sample"));
            assert!(time.is_some_and(Value::is_string), "{}: {host}", tool.name);
        }
    }
}

#[test]
fn results_stay_within_their_bound_for_many_crowded_hosts() {
    for hosts in [1, 2, 3, 4, 5, 8, 40] {
        let made = Made::crowd(hosts);
        for tool in ALL {
            let one = if properties(&tool).contains_key("host") {
                json!({"host": "h0"})
            } else {
                json!({})
            };
            for arguments in [json!({}), one] {
                let result = tool.call(&made.view(), arguments).unwrap();
                assert!(!result["hosts"].as_array().unwrap().is_empty());
            }
        }
        let one = json!({"metric": "cpu_percent", "range": "24h"});
        call(&made, "get_recent_status_history", one).unwrap();
        for by in ["cpu", "memory"] {
            call(&made, "get_top_processes", json!({"by": by, "range": "24h"})).unwrap();
        }
    }
}

#[test]
fn a_store_that_fails_is_reported_without_its_details() {
    for tool in ALL {
        let error = call(&Made::broken(), tool.name, json!({})).unwrap_err();
        assert!(error.to_string().contains("could not be read"), "{error}");
        assert!(!error.to_string().contains("disk I/O"), "{error}");
    }
}
