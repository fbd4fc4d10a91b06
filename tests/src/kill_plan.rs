//! Where a device of a kill campaign is to die, and at which passage.

use std::{fmt, str::FromStr};

/// A place in the life of a message, or of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KillPoint {
    /// The ratchet has moved and the envelope is queued; the transaction is not committed.
    Sealed,
    /// The envelope is committed and was not given to the bus.
    Committed,
    /// It was given to the bus, which has not confirmed.
    Publishing,
    /// The bus has confirmed; the outbox does not know.
    Published,
    /// A delivery has come and was not opened.
    Received,
    /// It was opened; the transaction is not committed.
    Opened,
    /// It is committed and was not acknowledged.
    Stored,
    /// The acknowledgement is on its way.
    Acknowledging,
    /// The acknowledgement is confirmed.
    Acknowledged,
    /// The effect is written; the transaction is not committed.
    Effect,
    /// Effect and mark are committed.
    Settled,
    /// A group of receipts is sealed; the transaction is not committed.
    Receipts,
    /// A request to resend was made, sealed or answered; the transaction is not committed.
    Repair,
    /// The registration is signed and was not sent.
    Registering,
    /// The directory has answered it; the device has not noted that.
    Registered,
    /// Prekeys are committed and were not uploaded.
    PrekeysMade,
    /// They are uploaded; the device has not noted that.
    PrekeysUploaded,
    /// Whatever it does at that moment: killed from outside.
    Anywhere,
}

/// One death.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KillPlan {
    /// Where.
    pub point: KillPoint,
    /// At the how manieth passage, from 1; for [`KillPoint::Anywhere`], after how many
    /// milliseconds.
    pub passage: u64,
}

impl KillPoint {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::Sealed,
        Self::Committed,
        Self::Publishing,
        Self::Published,
        Self::Received,
        Self::Opened,
        Self::Stored,
        Self::Acknowledging,
        Self::Acknowledged,
        Self::Effect,
        Self::Settled,
        Self::Receipts,
        Self::Repair,
        Self::Registering,
        Self::Registered,
        Self::PrekeysMade,
        Self::PrekeysUploaded,
        Self::Anywhere,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sealed => "sealed",
            Self::Committed => "committed",
            Self::Publishing => "publishing",
            Self::Published => "published",
            Self::Received => "received",
            Self::Opened => "opened",
            Self::Stored => "stored",
            Self::Acknowledging => "acknowledging",
            Self::Acknowledged => "acknowledged",
            Self::Effect => "effect",
            Self::Settled => "settled",
            Self::Receipts => "receipts",
            Self::Repair => "repair",
            Self::Registering => "registering",
            Self::Registered => "registered",
            Self::PrekeysMade => "prekeys-made",
            Self::PrekeysUploaded => "prekeys-uploaded",
            Self::Anywhere => "anywhere",
        }
    }
}

impl fmt::Display for KillPlan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.point.name(), self.passage)
    }
}

impl FromStr for KillPlan {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text} is not a point and a passage such as stored:3");
        let (name, passage) = text.split_once(':').ok_or_else(wrong)?;
        let point = KillPoint::ALL.into_iter().find(|point| point.name() == name);
        Ok(Self { point: point.ok_or_else(wrong)?, passage: passage.parse().map_err(|_| wrong())? })
    }
}
