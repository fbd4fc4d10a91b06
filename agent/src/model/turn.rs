//! What a model does when it is its turn: it says something, or wants tools called.

use serde_json::{Value, json};

use super::ModelError;
use crate::tools::ToolError;

/// Bytes of a call's arguments.
pub(super) const ARGUMENTS_MAX: usize = 2_048;

/// One turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    /// What it says; empty if it says nothing.
    pub(super) text: String,
    /// What it wants called.
    pub(super) calls: Vec<Call>,
    /// Whether it was cut at a limit.
    pub(super) too_long: bool,
    /// Whether the server said why it ended.
    pub(super) ended: bool,
}

/// A tool call that the model wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) id: String,
    pub(super) name: String,
    /// JSON text, if the model kept to JSON.
    pub(super) arguments: String,
}

impl Turn {
    /// As a message of the conversation that goes on.
    pub(super) fn message(&self) -> Value {
        let content = if self.text.is_empty() { Value::Null } else { json!(self.text) };
        let calls: Vec<_> = self
            .calls
            .iter()
            .map(|call| {
                json!({ "id": call.id, "type": "function", "function": {
                    "name": call.name,
                    "arguments": call.repeatable(),
                }})
            })
            .collect();
        json!({ "role": "assistant", "content": content, "tool_calls": calls })
    }

    /// As the answer, with a note where it is not whole.
    pub(super) fn answer(&self) -> Result<String, ModelError> {
        let text = plain(&self.text);
        let text = text.trim();
        if text.is_empty() {
            return Err(if self.ended { ModelError::Empty } else { ModelError::Interrupted });
        }
        let note = match (self.too_long, self.ended) {
            (true, _) => "\n\n_(The model stopped at its length limit.)_",
            (false, false) => "\n\n_(The model's answer ended early; some of it may be missing.)_",
            (false, true) => "",
        };
        Ok(format!("{text}{note}"))
    }
}

impl Call {
    /// The arguments; nothing means none.
    pub(super) fn parsed(&self) -> Result<Value, ToolError> {
        let text = self.arguments.trim();
        if text.is_empty() {
            return Ok(json!({}));
        }
        if text.len() > ARGUMENTS_MAX {
            return Err(ToolError::Arguments("they are too long".to_owned()));
        }
        serde_json::from_str(text).map_err(|_| ToolError::Arguments("they are not JSON".to_owned()))
    }

    /// Servers refuse a history whose arguments are not JSON, even if the model itself wrote them.
    fn repeatable(&self) -> &str {
        match self.parsed() {
            Ok(value) if value.is_object() && !self.arguments.trim().is_empty() => &self.arguments,
            _ => "{}",
        }
    }
}

/// A text without what a terminal would obey.
fn plain(text: &str) -> String {
    let plain = |character: &char| !character.is_control() || matches!(character, '\n' | '\t');
    text.chars().filter(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(arguments: &str) -> Call {
        Call { id: "a".into(), name: "f".into(), arguments: arguments.into() }
    }

    fn said(text: &str, too_long: bool, ended: bool) -> Result<String, ModelError> {
        Turn { text: text.into(), calls: Vec::new(), too_long, ended }.answer()
    }

    #[test]
    fn arguments_are_an_object_or_an_error() {
        assert_eq!(call("").parsed().unwrap(), json!({}));
        assert_eq!(call(r#" {"host":"a"} "#).parsed().unwrap(), json!({"host": "a"}));
        assert!(call("{host: web1").parsed().is_err());
        assert!(call(&format!("\"{}\"", "x".repeat(ARGUMENTS_MAX))).parsed().is_err());
    }

    #[test]
    fn what_the_model_wrote_as_arguments_is_repeated_only_if_it_is_an_object() {
        for (arguments, repeated) in
            [("{host: web1", "{}"), ("[1]", "{}"), ("", "{}"), (r#"{"a":1}"#, r#"{"a":1}"#)]
        {
            assert_eq!(call(arguments).repeatable(), repeated);
        }
    }

    #[test]
    fn an_answer_cannot_move_a_terminal() {
        assert_eq!(said(" a\u{1b}[2J\nb ", false, true).unwrap(), "a[2J\nb");
        assert_eq!(said("\u{7} \n", false, true), Err(ModelError::Empty));
    }

    #[test]
    fn an_answer_that_is_not_whole_says_so() {
        assert!(said("half", true, true).unwrap().contains("length limit"));
        assert!(said("half", false, false).unwrap().contains("may be missing"));
        assert_eq!(said("", false, false), Err(ModelError::Interrupted));
    }
}
