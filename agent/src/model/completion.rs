//! A chat completion, read leniently: servers differ in what they leave out or add.

use serde::Deserialize;
use serde_json::Value;

/// The answer to one request.
#[derive(Debug, Deserialize)]
pub(super) struct Completion {
    #[serde(default)]
    pub(super) choices: Vec<Choice>,
    #[serde(default)]
    pub(super) usage: Option<Usage>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Choice {
    pub(super) message: Message,
    #[serde(default)]
    pub(super) finish_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Message {
    #[serde(default)]
    content: Option<Value>,
    #[serde(default)]
    tool_calls: Option<Vec<RawCall>>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Usage {
    pub(super) prompt_tokens: u64,
    #[serde(default)]
    pub(super) completion_tokens: u64,
}

#[derive(Debug, Deserialize)]
struct RawCall {
    #[serde(default)]
    id: Option<String>,
    function: RawFunction,
}

#[derive(Debug, Deserialize)]
struct RawFunction {
    name: String,
    #[serde(default)]
    arguments: Value,
}

/// A tool call that the model wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) id: String,
    pub(super) name: String,
    /// JSON text, if the model kept to JSON.
    pub(super) arguments: String,
}

impl Message {
    /// What it says; empty if it says nothing.
    pub(super) fn text(&self) -> String {
        match &self.content {
            Some(Value::String(text)) => text.clone(),
            // Some servers answer in parts.
            Some(Value::Array(parts)) => {
                parts.iter().filter_map(|part| part.get("text")?.as_str()).collect()
            }
            _ => String::new(),
        }
    }

    /// What it wants called. Ids are made up where the server gives none, or the same twice.
    pub(super) fn calls(&self, round: usize) -> Vec<Call> {
        let mut calls: Vec<Call> = Vec::new();
        for (index, raw) in self.tool_calls.iter().flatten().enumerate() {
            let taken = |id: &&String| id.is_empty() || calls.iter().any(|call| call.id == **id);
            let given = raw.id.as_ref().filter(|id| !taken(id)).cloned();
            calls.push(Call {
                id: given.unwrap_or_else(|| format!("call_{round}_{index}")),
                name: raw.function.name.clone(),
                arguments: arguments(&raw.function.arguments),
            });
        }
        calls
    }
}

/// A text as it should be, or the object itself, as some servers have it.
fn arguments(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "{}".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(json: Value) -> Completion {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn what_servers_leave_out_or_add_is_no_obstacle() {
        let completion = read(json!({
            "choices": [{
                "finish_reason": "a new reason",
                "message": {"content": [{"type": "text", "text": "4"}, {"type": "text", "text": "2"}]},
            }],
            "service_tier": "on_demand",
            "usage": {"prompt_tokens": 3},
        }));
        assert_eq!(completion.choices[0].message.text(), "42");
        assert_eq!(completion.usage.unwrap().prompt_tokens, 3);
        assert!(read(json!({})).choices.is_empty());
    }

    #[test]
    fn calls_get_ids_of_their_own() {
        let call = |id: Value| json!({"id": id, "function": {"name": "f", "arguments": {"a": 1}}});
        let completion = read(json!({
            "choices": [{"message": {"tool_calls": [call(json!("x")), call(json!("x")), call(json!(null))]}}],
        }));
        let calls = completion.choices[0].message.calls(2);
        let ids: Vec<_> = calls.iter().map(|call| call.id.as_str()).collect();
        assert_eq!(ids, ["x", "call_2_1", "call_2_2"]);
        assert_eq!(calls[0].arguments, r#"{"a":1}"#);
    }
}
