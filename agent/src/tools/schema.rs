//! The JSON schemas of arguments, as a model is told them.

use serde_json::{Value, json};

use crate::metric::Metric;

/// A schema of an object with these properties, all of them optional.
pub(super) fn object(properties: &Value) -> Value {
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

pub(super) fn host() -> Value {
    json!({
        "type": "string",
        "pattern": "^[a-z0-9][a-z0-9_-]{0,62}$",
        "description": "A host's name exactly as reported. Leave out for all hosts.",
    })
}

pub(super) fn metric(description: &str) -> Value {
    json!({ "type": "string", "enum": Metric::ALL.map(Metric::name), "description": description })
}

pub(super) fn range(default: &str) -> Value {
    json!({
        "type": "string",
        "pattern": "^[1-9][0-9]{0,4}[mhd]$",
        "description": format!("How far back: a number and m, h or d, from 5m to 30d. {default}"),
    })
}

pub(super) fn time(description: &str) -> Value {
    json!({ "type": "string", "format": "date-time", "description": description })
}
