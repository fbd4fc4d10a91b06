//! One event of a streamed chat completion, read leniently: servers differ in what they leave out
//! or add.

use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::Value;

/// One event.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Chunk {
    #[serde(deserialize_with = "lenient")]
    pub(super) choices: Vec<Choice>,
    /// What was used so far; with most servers in the last event alone, whose choices are empty.
    #[serde(deserialize_with = "lenient")]
    pub(super) usage: Option<Usage>,
    /// Some servers report trouble in the middle of an answer that began well.
    pub(super) error: Value,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Choice {
    #[serde(alias = "message", deserialize_with = "lenient")]
    pub(super) delta: Delta,
    #[serde(deserialize_with = "lenient")]
    pub(super) finish_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Delta {
    content: Value,
    #[serde(deserialize_with = "lenient")]
    pub(super) tool_calls: Vec<CallPart>,
}

/// A part of a tool call. Only the first part of a call has an id and a name, as a rule.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct CallPart {
    #[serde(deserialize_with = "lenient")]
    pub(super) index: Option<u32>,
    #[serde(deserialize_with = "lenient")]
    pub(super) id: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) function: FunctionPart,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct FunctionPart {
    #[serde(deserialize_with = "lenient")]
    pub(super) name: Option<String>,
    arguments: Value,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Usage {
    #[serde(deserialize_with = "lenient")]
    pub(super) prompt_tokens: u64,
    #[serde(deserialize_with = "lenient")]
    pub(super) completion_tokens: u64,
}

impl Delta {
    /// What it says; empty if it says nothing.
    pub(super) fn text(&self) -> String {
        match &self.content {
            Value::String(text) => text.clone(),
            // Some servers answer in parts.
            Value::Array(parts) => {
                parts.iter().filter_map(|part| part.get("text")?.as_str()).collect()
            }
            _ => String::new(),
        }
    }
}

impl FunctionPart {
    /// A text as it should be, or the object itself, as some servers have it.
    pub(super) fn arguments(&self) -> String {
        match &self.arguments {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        }
    }
}

/// What is not of the type is as good as absent.
fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(json: Value) -> Chunk {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn what_servers_leave_out_or_add_is_no_obstacle() {
        let chunk = read(json!({
            "choices": [{
                "finish_reason": "a new reason",
                "delta": {"content": [{"type": "text", "text": "4"}, {"type": "text", "text": "2"}]},
                "logprobs": null,
            }],
            "service_tier": "on_demand",
            "usage": {"prompt_tokens": 3, "completion_tokens": null},
        }));
        assert_eq!(chunk.choices[0].delta.text(), "42");
        let usage = Usage { prompt_tokens: 3, completion_tokens: 0 };
        assert_eq!(chunk.usage, Some(usage));
    }

    #[test]
    fn what_is_of_another_type_counts_as_absent() {
        for odd in [
            json!({}),
            json!({"choices": null, "usage": null}),
            json!({"choices": "none", "usage": "none"}),
            json!({"choices": [{"delta": null, "finish_reason": 3}]}),
            json!({"choices": [{"delta": {"content": 7, "tool_calls": {}}}]}),
            json!({"choices": [{"delta": {"tool_calls": [{"index": -1, "id": 4, "function": []}]}}]}),
        ] {
            let chunk = read(odd.clone());
            assert_eq!(chunk.usage, None, "{odd}");
            for choice in &chunk.choices {
                assert_eq!((choice.delta.text(), &choice.finish_reason), (String::new(), &None));
                assert!(choice.delta.tool_calls.iter().all(|part| part.id.is_none()));
            }
        }
    }

    #[test]
    fn an_answer_that_comes_whole_is_read_like_a_part() {
        let chunk = read(json!({"choices": [{"message": {
            "content": null,
            "tool_calls": [{"id": "x", "function": {"name": "f", "arguments": {"a": 1}}}],
        }}]}));
        let call = &chunk.choices[0].delta.tool_calls[0];
        assert_eq!(call.function.name.as_deref(), Some("f"));
        assert_eq!(call.function.arguments(), r#"{"a":1}"#);
    }
}
