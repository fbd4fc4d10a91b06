//! What became of one direct message, step by step.

use serde::{Deserialize, Serialize};
use sysmaint_protocol::{ContentId, Handle, Timestamp, TransferId};
use utoipa::ToSchema;

use super::Mechanics;

/// What the demo's link does to one text, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// A bit of the envelope is flipped.
    Tamper,
    /// The same bytes are published a second time.
    Replay,
    /// The envelope is not published, though its sender believes so.
    Drop,
    /// The envelope waits until the next text has passed.
    Reorder,
}

impl Fault {
    /// As it is stored.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Tamper => "tamper",
            Self::Replay => "replay",
            Self::Drop => "drop",
            Self::Reorder => "reorder",
        }
    }

    /// By its stored name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let all = [Self::Tamper, Self::Replay, Self::Drop, Self::Reorder];
        all.into_iter().find(|fault| fault.name() == name)
    }
}

/// A direct message and what happened to it here, as far as this process saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Trail {
    /// What its sender named it.
    pub id: ContentId,
    /// Who sealed it, if it was sealed here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Handle>,
    /// For whom.
    pub to: Handle,
    /// When the first of this happened.
    pub at: Timestamp,
    /// What the link was told to do to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
    /// Whether the link holds its true bytes, so that it is not lost.
    pub held: bool,
    /// What it says, while it is held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What happened, in order.
    pub events: Vec<Happening>,
}

/// One thing that happened to one envelope of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Happening {
    /// When it was noticed.
    pub at: Timestamp,
    /// To which envelope, by its `Nats-Msg-Id`.
    pub envelope: TransferId,
    /// What it was.
    #[serde(flatten)]
    pub what: What,
}

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum What {
    /// It was sealed.
    Sealed {
        /// How it used the session.
        #[serde(skip_serializing_if = "Option::is_none")]
        mechanics: Option<Mechanics>,
    },
    /// The link flipped a bit of it.
    Flipped {
        /// Which, counted from the envelope's first one.
        bit: usize,
    },
    /// The link published the same bytes once more.
    Repeated,
    /// The link kept it from the bus, and told its sender that it is there.
    Dropped,
    /// The link holds it until the next text has passed.
    Delayed,
    /// The link let the true bytes go.
    Released,
    /// Its recipient opened it.
    Opened {
        /// How it used the session.
        #[serde(skip_serializing_if = "Option::is_none")]
        mechanics: Option<Mechanics>,
    },
    /// Its recipient has had it before, and did nothing.
    Duplicate,
    /// Its recipient refused it: it is a dead letter.
    Refused {
        /// Why.
        reason: &'static str,
    },
    /// Its recipient could not open it, and asks its sender to seal it again.
    Asked {
        /// Why.
        reason: &'static str,
    },
}
