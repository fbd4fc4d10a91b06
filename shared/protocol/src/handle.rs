//! The name that people type and subjects carry.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::limits::HANDLE_MAX;

/// An identity's handle: `alice`, `sysmaint`, `diagprobe-web1`.
///
/// `[a-z0-9][a-z0-9_-]{0,62}`, which is also safe as one token of a NATS subject, as a part of a
/// consumer's name and in a file name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Handle(String);

/// The text is not a handle.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a handle: use 1 to 63 of a-z, 0-9, '-' and '_', starting with a letter or digit"
)]
pub struct InvalidHandle(String);

impl Handle {
    /// One of the documented ones, which a test checks.
    pub(crate) fn documented(text: &'static str) -> Self {
        Self(text.to_owned())
    }

    /// The handle as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Handle {
    type Err = InvalidHandle;

    fn from_str(text: &str) -> Result<Self, InvalidHandle> {
        let plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let bytes = text.as_bytes();
        let valid = bytes.len() <= HANDLE_MAX
            && bytes.first().is_some_and(plain)
            && bytes.iter().all(|byte| plain(byte) || matches!(byte, b'-' | b'_'));
        if valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidHandle(text.chars().take(80).collect()))
        }
    }
}

impl TryFrom<String> for Handle {
    type Error = InvalidHandle;

    fn try_from(text: String) -> Result<Self, InvalidHandle> {
        text.parse()
    }
}

impl From<Handle> for String {
    fn from(handle: Handle) -> Self {
        handle.0
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_handles_are_accepted() {
        for text in ["alice", "bob", "sysmaint", "diagprobe", "diagprobe-web1", "0_x"] {
            assert_eq!(text.parse::<Handle>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn whatever_would_change_a_subject_is_refused() {
        let long = "a".repeat(64);
        for text in ["", "A", "a.b", "a*", ">", "a b", "-a", "_a", "ä", "a\n", long.as_str()] {
            assert!(text.parse::<Handle>().is_err(), "{text:?}");
        }
    }
}
