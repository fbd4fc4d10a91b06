//! What stands behind the header of each kind: JSON, inside the seal.

mod telemetry;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

pub use self::telemetry::{Lost, NumberedSample, Telemetry};
use crate::{
    ContentId, Kind, Timestamp,
    limits::{BODY_MAX, DELTA_TEXT_MAX, RECEIPT_IDS, REPAIR_KEYS, TEXT_MAX},
};

/// A body and the kind that announces it.
pub trait Body: Serialize + DeserializeOwned {
    /// Its kind.
    const KIND: Kind;

    /// Bounds that the type cannot say.
    fn check(&self) -> Result<(), InvalidBody> {
        Ok(())
    }
}

/// The bytes are not the body that the header announced.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBody {
    /// More than [`BODY_MAX`] bytes once encoded.
    #[error("{0} bytes do not fit one message (at most {max})", max = BODY_MAX)]
    TooLong(usize),
    /// A text above [`TEXT_MAX`], or a part of one above [`DELTA_TEXT_MAX`].
    #[error("a text of {0} bytes is too long (at most {max})", max = TEXT_MAX)]
    TextTooLong(usize),
    /// A list above its bound.
    #[error("a list has more items than its bound")]
    TooMany,
    /// A sample's number above [`SEQUENCE_MAX`](crate::limits::SEQUENCE_MAX), or a stretch of them that ends before it begins.
    #[error("a sample's number is out of bounds")]
    Sequence,
    /// Not the JSON of this kind. What it says is not repeated, since it is message content.
    #[error("the body is not the announced kind's JSON (line {line}, column {column})")]
    Json {
        /// Where.
        line: usize,
        /// Where.
        column: usize,
    },
}

/// Encodes a body, checked.
pub fn encode<B: Body>(body: &B) -> Result<Vec<u8>, InvalidBody> {
    body.check()?;
    let bytes = serde_json::to_vec(body).map_err(|error| json_error(&error))?;
    if bytes.len() > BODY_MAX { Err(InvalidBody::TooLong(bytes.len())) } else { Ok(bytes) }
}

/// Decodes a body, checked.
pub fn decode<B: Body>(bytes: &[u8]) -> Result<B, InvalidBody> {
    let body: B = serde_json::from_slice(bytes).map_err(|error| json_error(&error))?;
    body.check()?;
    Ok(body)
}

fn json_error(error: &serde_json::Error) -> InvalidBody {
    InvalidBody::Json { line: error.line(), column: error.column() }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !*value
}

fn check_text(text: &str) -> Result<(), InvalidBody> {
    if text.len() > TEXT_MAX { Err(InvalidBody::TextTooLong(text.len())) } else { Ok(()) }
}

/// A person's message to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// What they wrote.
    pub text: String,
}

impl Body for Text {
    const KIND: Kind = Kind::Text;

    fn check(&self) -> Result<(), InvalidBody> {
        check_text(&self.text)
    }
}

/// A question to the agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    /// The question.
    pub text: String,
    /// Begins a new conversation: what was said before is forgotten.
    #[serde(default, skip_serializing_if = "is_false")]
    pub fresh: bool,
}

impl Prompt {
    /// A question in the conversation that goes on.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), fresh: false }
    }
}

impl Body for Prompt {
    const KIND: Kind = Kind::Prompt;

    fn check(&self) -> Result<(), InvalidBody> {
        check_text(&self.text)
    }
}

/// The agent's one durable answer to a prompt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Markdown.
    pub text: String,
    /// Who answered: a model's name, or `offline-analyst`.
    pub model: String,
    /// True where the agent declined, because the sender is not an operator.
    #[serde(default)]
    pub refused: bool,
    /// True where it was stopped before it was whole.
    #[serde(default, skip_serializing_if = "is_false")]
    pub stopped: bool,
    /// The tools it used, in order.
    #[serde(default)]
    pub tools: Vec<ToolUse>,
    /// What this answer used.
    pub usage: Tokens,
    /// What the agent has used since the last reset, this answer included.
    pub total: Usage,
    /// From receiving the prompt to having the answer.
    pub took_ms: u64,
}

impl Body for Answer {
    const KIND: Kind = Kind::Answer;

    fn check(&self) -> Result<(), InvalidBody> {
        check_text(&self.text)
    }
}

/// More of an answer that is being made. It answers the same prompt as the answer will.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delta {
    /// Names the text that this belongs to. One with a higher number replaces it: the answer was
    /// begun anew.
    pub attempt: u64,
    /// Its place in that text; counts from 1 without holes, so that a hole is something lost.
    pub seq: u32,
    /// What is added to the text, at most [`DELTA_TEXT_MAX`] bytes of Markdown.
    pub text: String,
}

impl Body for Delta {
    const KIND: Kind = Kind::Delta;

    fn check(&self) -> Result<(), InvalidBody> {
        let length = self.text.len();
        if length > DELTA_TEXT_MAX { Err(InvalidBody::TextTooLong(length)) } else { Ok(()) }
    }
}

/// The answer to the prompt that this names as what it replies to is not wanted any more. What
/// was said so far still comes as an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {}

impl Body for Stop {
    const KIND: Kind = Kind::Stop;
}

/// One tool call on the way to an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ToolUse {
    /// The tool's name.
    pub name: String,
    /// Its arguments, as JSON text.
    pub arguments: String,
}

/// Tokens and what they cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Tokens {
    /// Tokens read by the model.
    pub input_tokens: u64,
    /// Tokens written by the model.
    pub output_tokens: u64,
    /// Price in US dollars.
    pub cost_usd: f64,
    /// True where a server did not count and some of it is a guess.
    #[serde(default, skip_serializing_if = "is_false")]
    pub estimated: bool,
}

/// The agent's counters since the last reset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Usage {
    /// Tokens read by models.
    pub input_tokens: u64,
    /// Tokens written by models.
    pub output_tokens: u64,
    /// Price in US dollars.
    pub cost_usd: f64,
    /// Answers given.
    pub answers: u64,
    /// When counting began.
    pub since: Timestamp,
    /// What may be spent on this day, and what was; absent where there is no model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub today: Option<DaySpend>,
}

/// What models have cost on one day in UTC, whatever was reset meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DaySpend {
    /// US dollars so far.
    pub spent_usd: f64,
    /// US dollars at which the rules take over; absent where the day has no cap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap_usd: Option<f64>,
    /// When the day is over, and counting begins anew.
    pub until: Timestamp,
}

impl Body for Usage {
    const KIND: Kind = Kind::Usage;
}

/// Sets the agent's usage counters to zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageReset {}

impl Body for UsageReset {
    const KIND: Kind = Kind::UsageReset;
}

/// Delivery receipts: these messages are stored at the recipient's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// What has arrived, oldest first.
    pub content_ids: Vec<ContentId>,
    /// How many telemetry envelopes this sender may have on their way without a receipt.
    pub telemetry_window: u32,
}

impl Body for Receipt {
    const KIND: Kind = Kind::Receipt;

    fn check(&self) -> Result<(), InvalidBody> {
        if self.content_ids.len() > RECEIPT_IDS { Err(InvalidBody::TooMany) } else { Ok(()) }
    }
}

/// The answer to requests to resend, each named by the
/// [`repair_key`](crate::TransferId::repair_key) of the ciphertext that could not be opened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repair {
    /// Sealed anew, or refilled from the sender's own records.
    pub again: Vec<u64>,
    /// Not there any more: lost.
    pub gone: Vec<u64>,
}

impl Body for Repair {
    const KIND: Kind = Kind::Repair;

    fn check(&self) -> Result<(), InvalidBody> {
        let many = self.again.len() + self.gone.len() > REPAIR_KEYS;
        if many { Err(InvalidBody::TooMany) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_receipt_and_a_full_text_fit_one_message() {
        let receipt = Receipt {
            content_ids: vec![ContentId::from_bytes([0xff; 16]); RECEIPT_IDS],
            telemetry_window: 30,
        };
        assert!(encode(&receipt).unwrap().len() < 2_000);
        let text = Text { text: "\u{1}".repeat(TEXT_MAX) };
        assert!(encode(&text).unwrap().len() < BODY_MAX);
    }

    #[test]
    fn a_part_of_an_answer_is_bounded_and_a_prompt_goes_on_unless_it_says_otherwise() {
        let delta = |length| Delta { attempt: 1, seq: 1, text: "x".repeat(length) };
        assert!(encode(&delta(DELTA_TEXT_MAX)).is_ok());
        assert!(encode(&delta(DELTA_TEXT_MAX + 1)).is_err());
        let prompt: Prompt = decode(br#"{"text":"load?"}"#).unwrap();
        assert_eq!(prompt, Prompt::new("load?"));
        assert_eq!(encode(&prompt).unwrap(), br#"{"text":"load?"}"#);
    }

    #[test]
    fn an_error_never_repeats_what_was_said() {
        let error = decode::<Text>(br#"{"secret":1}"#).unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
    }

    #[test]
    fn bounds_hold_both_ways() {
        let long = Text { text: "x".repeat(TEXT_MAX + 1) };
        assert_eq!(encode(&long), Err(InvalidBody::TextTooLong(TEXT_MAX + 1)));
        let json = serde_json::to_vec(&long).unwrap();
        assert_eq!(decode::<Text>(&json), Err(InvalidBody::TextTooLong(TEXT_MAX + 1)));
    }
}
