//! What a sealed message is about.

/// The kind of a sealed message; one byte in the [`Header`](crate::Header).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// A person's message to another: [`body::Text`](crate::body::Text).
    Text = 1,
    /// A question to the agent: [`body::Prompt`](crate::body::Prompt).
    Prompt = 2,
    /// The agent's one durable answer: [`body::Answer`](crate::body::Answer).
    Answer = 3,
    /// Samples of a host: [`body::Telemetry`](crate::body::Telemetry).
    Telemetry = 4,
    /// Delivery receipts: [`body::Receipt`](crate::body::Receipt). Not receipted itself.
    Receipt = 5,
    /// Sets the agent's usage counters to zero: [`body::UsageReset`](crate::body::UsageReset).
    UsageReset = 6,
    /// The agent's usage counters: [`body::Usage`](crate::body::Usage).
    Usage = 7,
    /// What became of messages that could not be opened:
    /// [`body::Repair`](crate::body::Repair). Not receipted itself.
    Repair = 8,
    /// More of an answer that is being made: [`body::Delta`](crate::body::Delta). Ephemeral: it
    /// may be lost, and the answer replaces it.
    Delta = 9,
    /// An answer is not wanted any more: [`body::Stop`](crate::body::Stop).
    Stop = 10,
    /// Something about a host needs attention, or does not any more: [`Alert`](crate::Alert).
    Alert = 11,
}

/// The byte names no kind that this version knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown message kind {0}")]
pub struct UnknownKind(pub u8);

impl Kind {
    /// Whether the recipient answers with a delivery receipt.
    pub const fn is_receipted(self) -> bool {
        !matches!(self, Self::Receipt | Self::Repair | Self::Delta)
    }

    /// Whether somebody waits for that receipt, so that it goes out at once.
    pub const fn is_interactive(self) -> bool {
        matches!(
            self,
            Self::Text | Self::Prompt | Self::Answer | Self::UsageReset | Self::Stop | Self::Alert
        )
    }

    /// Whether a sender can refill it by sequence from its own records, so that it is not kept in
    /// the send log.
    pub const fn is_refillable(self) -> bool {
        matches!(self, Self::Telemetry)
    }

    /// Whether it is worth something for a moment only: published once or not at all, kept by the
    /// bus for [`EPHEMERAL_LIFE`](crate::limits::EPHEMERAL_LIFE), never receipted, never sent
    /// again, and in no inbox.
    pub const fn is_ephemeral(self) -> bool {
        matches!(self, Self::Delta)
    }
}

impl TryFrom<u8> for Kind {
    type Error = UnknownKind;

    fn try_from(byte: u8) -> Result<Self, UnknownKind> {
        Ok(match byte {
            1 => Self::Text,
            2 => Self::Prompt,
            3 => Self::Answer,
            4 => Self::Telemetry,
            5 => Self::Receipt,
            6 => Self::UsageReset,
            7 => Self::Usage,
            8 => Self::Repair,
            9 => Self::Delta,
            10 => Self::Stop,
            11 => Self::Alert,
            unknown => return Err(UnknownKind(unknown)),
        })
    }
}

impl From<Kind> for u8 {
    fn from(kind: Kind) -> Self {
        kind as Self
    }
}
