//! A prompt and what became of it.

use serde::Serialize;
use sysmaint_protocol::{ContentId, Timestamp, body::Answer};
use utoipa::ToSchema;

/// A prompt with its delivery state and, in time, its answer.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatEntry {
    /// What the prompt is named inside its seal.
    pub id: ContentId,
    /// The question.
    pub prompt: String,
    /// How far it has come.
    pub state: Delivery,
    /// When it was sealed and stored.
    pub sealed_at: Timestamp,
    /// When the bus took it.
    pub sent_at: Option<Timestamp>,
    /// When the agent's receipt came back.
    pub delivered_at: Option<Timestamp>,
    /// When the answer was opened here.
    pub answered_at: Option<Timestamp>,
    /// The answer.
    pub answer: Option<Answer>,
    /// What is known of an answer that is being made.
    pub draft: Option<Draft>,
}

/// An answer in the making. It is told while it is made and kept nowhere; the answer replaces it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Draft {
    /// Names the text; another number is another text.
    pub attempt: u64,
    /// How many parts of it have come.
    pub seq: u32,
    /// All of them.
    pub text: String,
}

/// One part of a draft.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DraftPart {
    /// The prompt.
    pub id: ContentId,
    /// The text that it belongs to.
    pub attempt: u64,
    /// Its place in it; counts from 1.
    pub seq: u32,
    /// What is added.
    pub text: String,
}

/// How far a prompt has come. Each state includes the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Delivery {
    /// Sealed and stored here.
    Sealed,
    /// Stored by the bus.
    Sent,
    /// Stored at the agent's, says its receipt.
    Delivered,
    /// The answer is here.
    Answered,
}
