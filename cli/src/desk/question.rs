//! What a desk is asked, and what it says.

use std::fmt;

use serde::{Deserialize, Serialize};
use sysmaint_device::{SafetyNumber, store::Trust};
use sysmaint_protocol::{Base64Bytes, DeviceId, Handle, Timestamp};
use sysmaint_service::exit::Exit;

use crate::failure::Failure;

/// One question, and which device it is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    /// The device of this machine; every one if it is absent.
    pub(crate) of: Option<Handle>,
    pub(crate) question: Question,
}

/// About one other handle, or about all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Question {
    /// Who is known?
    Known,
    /// How does this one stand?
    Standing(Handle),
    /// Pin the changed key, and open what was held.
    Accept(Handle),
    /// Keep the pinned key, and give up what was held.
    Reject(Handle),
    /// People have compared the numbers.
    Verified(Handle),
    /// Does it work?
    Health,
    /// Which hosts have reported?
    Hosts,
    /// Remove all telemetry of this host.
    Forget(Handle),
}

impl Question {
    /// Whom it is about.
    pub(crate) const fn handle(&self) -> Option<&Handle> {
        match self {
            Self::Known | Self::Health | Self::Hosts => None,
            Self::Standing(handle)
            | Self::Accept(handle)
            | Self::Reject(handle)
            | Self::Verified(handle)
            | Self::Forget(handle) => Some(handle),
        }
    }
}

/// The answer to one question, by one service or by all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub(crate) known: Vec<Known>,
    pub(crate) pairs: Vec<Pair>,
    pub(crate) decided: Vec<Decided>,
    #[serde(default)]
    pub(crate) hosts: Vec<KnownHost>,
    #[serde(default)]
    pub(crate) forgotten: Vec<Forgotten>,
    #[serde(default)]
    pub(crate) health: Vec<Health>,
    /// It was not done, for this reason.
    pub(crate) refused: Option<String>,
}

impl Answer {
    pub(crate) fn refusal(reason: String) -> Self {
        Self { refused: Some(reason), ..Self::default() }
    }

    /// What all say together; fails if one refuses, or with `nobody` if none was there.
    pub(crate) fn of_all(
        answers: Vec<Self>,
        nobody: impl FnOnce() -> anyhow::Error,
    ) -> Result<Self, Failure> {
        let answer = answers.into_iter().reduce(Self::and);
        let answer = answer.ok_or_else(|| Failure::unavailable(nobody()))?;
        match answer.refused {
            Some(reason) => Err(Failure::new(Exit::Failure, anyhow::anyhow!("{reason}"))),
            None => Ok(answer),
        }
    }

    /// With what another one says. Of several refusals the first one counts.
    fn and(mut self, other: Self) -> Self {
        self.known.extend(other.known);
        self.pairs.extend(other.pairs);
        self.decided.extend(other.decided);
        self.hosts.extend(other.hosts);
        self.forgotten.extend(other.forgotten);
        self.health.extend(other.health);
        self.refused = self.refused.or(other.refused);
        self
    }
}

/// A contact of one of our devices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Known {
    pub(crate) of: Handle,
    pub(crate) handle: Handle,
    pub(crate) key: Key,
}

/// A host that has reported to one of our devices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KnownHost {
    pub(crate) of: Handle,
    pub(crate) host: Handle,
    pub(crate) last_seen: Timestamp,
    /// Samples that were numbered and have not come.
    pub(crate) missing: u64,
}

/// One of our devices has no telemetry of a host any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Forgotten {
    pub(crate) of: Handle,
    pub(crate) host: Handle,
}

/// How one of our devices stands towards the bus.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Health {
    pub(crate) of: Handle,
    /// The directory knows it.
    pub(crate) registered: bool,
    /// Its mailbox is open.
    pub(crate) receiving: bool,
    /// Another process serves it, and this one takes over when that ends.
    pub(crate) stands_by: bool,
}

/// One of our devices and one of theirs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pair {
    pub(crate) of: Handle,
    pub(crate) handle: Handle,
    pub(crate) device_id: DeviceId,
    pub(crate) key: Key,
    pub(crate) number: Number,
    /// For the key that waits for a decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) changed: Option<Number>,
}

/// What one of our devices did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Decided {
    pub(crate) of: Handle,
    pub(crate) handle: Handle,
    /// That were held, and were opened or given up.
    pub(crate) envelopes: usize,
}

/// How an identity key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Key {
    Changed,
    Pinned,
    Verified,
}

impl From<Trust> for Key {
    fn from(trust: Trust) -> Self {
        match trust {
            Trust::Changed => Self::Changed,
            Trust::Pinned => Self::Pinned,
            Trust::Verified => Self::Verified,
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Changed => "changed",
            Self::Pinned => "pinned",
            Self::Verified => "verified",
        })
    }
}

/// A safety number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Number {
    /// 60 digits in groups of five.
    pub(crate) digits: String,
    /// The content of the QR code.
    pub(crate) scannable: Base64Bytes,
}

impl From<&SafetyNumber> for Number {
    fn from(number: &SafetyNumber) -> Self {
        let groups: Vec<_> = number.groups().collect();
        Self { digits: groups.join(" "), scannable: Base64Bytes(number.scannable().to_vec()) }
    }
}

impl Number {
    /// Whether somebody who reads the digits from another device reads these. Whatever stands
    /// between the digits does not count.
    pub(crate) fn is(&self, read_out: &str) -> bool {
        let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
        digits(&self.digits) == digits(read_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(digit: char) -> Number {
        let digits = vec![digit.to_string().repeat(5); 12].join(" ");
        Number { digits, scannable: Base64Bytes(Vec::new()) }
    }

    #[test]
    fn digits_are_compared_however_they_are_written_down() {
        let seven = number('7');
        let plain = seven.digits.replace(' ', "");
        assert!(
            seven.is(&plain) && seven.is(&seven.digits) && seven.is(&plain.replace("77", "7-7"))
        );
        assert!(seven.is(&seven.digits.replace(' ', "\n")));
        assert!(!seven.is(&plain[1..]) && !seven.is(""));
        assert!(!seven.is(&number('8').digits));
    }
}
