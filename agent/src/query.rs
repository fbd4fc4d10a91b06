//! A question with what it is to be answered by: what was said before it, and what it may cost.

use sysmaint_protocol::Timestamp;

/// A question.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// In the words of whoever asks.
    pub text: String,
    /// What the same person asked before and was answered, oldest first.
    pub earlier: Vec<Exchange>,
    /// What a model may cost for it.
    pub allowance: Allowance,
}

/// A question and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The question.
    pub prompt: String,
    /// The answer.
    pub answer: String,
}

/// What a model may still cost today.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Allowance {
    /// No cap is set.
    Unlimited,
    /// US dollars up to the cap.
    Left(f64),
    /// The cap is reached: no model is asked.
    Spent {
        /// The cap, in US dollars a day.
        cap_usd: f64,
        /// When the next day begins, in UTC.
        until: Timestamp,
    },
}

impl Query {
    /// A question that stands alone.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), earlier: Vec::new(), allowance: Allowance::Unlimited }
    }
}

impl Allowance {
    /// Whether something of this price is still allowed.
    pub(crate) fn covers(self, cost_usd: f64) -> bool {
        match self {
            Self::Unlimited => true,
            Self::Left(left) => cost_usd < left,
            Self::Spent { .. } => false,
        }
    }
}
