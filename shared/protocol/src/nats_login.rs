//! How a device that registers at run time will log in to NATS: by a key of its own, with its
//! answers coming to a place that nobody can guess.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What stands before the random part.
const INBOX: &str = "_INBOX.";
/// Base 62 digits that hold 128 bits.
const INBOX_DIGITS: usize = 22;
/// A public nkey: type, 32 bytes and a checksum in base 32.
const KEY_DIGITS: usize = 56;

/// The public half of an nkey user pair: `U` and 55 more of `A`–`Z` and `2`–`7`. Its shape alone;
/// whether its checksum holds is known where nkeys are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NatsUserKey(String);

/// The first two tokens of the subjects on which a user gets its answers: `_INBOX.` and 22 of
/// `0`–`9`, `A`–`Z` and `a`–`z`. Nobody's name and nobody's guess.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InboxPrefix(String);

/// The login of one device on NATS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NatsLogin {
    /// Its public nkey; nobody else's.
    pub user: NatsUserKey,
    /// Where its answers come; nobody else's.
    pub inbox: InboxPrefix,
}

/// What was found is no public nkey of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not the public nkey of a user: U and 55 more of A-Z and 2-7")]
pub struct InvalidUserKey;

/// What was found is no inbox prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not an inbox prefix: _INBOX. and 22 random letters and digits")]
pub struct InvalidInbox;

impl NatsUserKey {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl InboxPrefix {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The random part alone.
    pub fn digits(&self) -> &str {
        &self.0[INBOX.len()..]
    }
}

impl NatsLogin {
    /// What a registration signs of it: each text with its length in one byte.
    pub(crate) fn sign_into(&self, bytes: &mut Vec<u8>) {
        for text in [self.user.as_str(), self.inbox.as_str()] {
            bytes.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
            bytes.extend_from_slice(text.as_bytes());
        }
    }
}

impl TryFrom<String> for NatsUserKey {
    type Error = InvalidUserKey;

    fn try_from(text: String) -> Result<Self, InvalidUserKey> {
        let digit = |byte: u8| byte.is_ascii_uppercase() || (b'2'..=b'7').contains(&byte);
        let whole = text.len() == KEY_DIGITS && text.starts_with('U');
        if whole && text.bytes().all(digit) { Ok(Self(text)) } else { Err(InvalidUserKey) }
    }
}

impl TryFrom<String> for InboxPrefix {
    type Error = InvalidInbox;

    fn try_from(text: String) -> Result<Self, InvalidInbox> {
        let digits = text.strip_prefix(INBOX).ok_or(InvalidInbox)?;
        let whole = digits.len() == INBOX_DIGITS;
        if whole && digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            Ok(Self(text))
        } else {
            Err(InvalidInbox)
        }
    }
}

impl From<NatsUserKey> for String {
    fn from(key: NatsUserKey) -> Self {
        key.0
    }
}

impl From<InboxPrefix> for String {
    fn from(prefix: InboxPrefix) -> Self {
        prefix.0
    }
}

impl fmt::Display for NatsUserKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_user_key_has_its_shape() {
        let key = format!("U{}", "A2Z7BCD".repeat(8))[..KEY_DIGITS].to_owned();
        assert_eq!(NatsUserKey::try_from(key.clone()).unwrap().as_str(), key);
        let account = key.replacen('U', "A", 1);
        for wrong in ["", &key[1..], &key[..55], &account, &key.to_lowercase(), &format!("{key}A")]
        {
            assert_eq!(NatsUserKey::try_from(wrong.to_owned()), Err(InvalidUserKey), "{wrong}");
        }
        assert!(NatsUserKey::try_from(key.replace('2', ".")).is_err());
    }

    #[test]
    fn an_inbox_prefix_names_one_place_and_no_wildcard() {
        let prefix = InboxPrefix::try_from("_INBOX.0123456789ABCDEFGHIJkl".to_owned()).unwrap();
        assert_eq!(prefix.digits(), "0123456789ABCDEFGHIJkl");
        for wrong in [
            "_INBOX.",
            "_INBOX.>",
            "_INBOX.*",
            "_INBOX.0123456789ABCDEFGHIJk",
            "_INBOX.0123456789ABCDEFGHIJklm",
            "_INBOX.0123456789ABCDEFGHIJ.>",
            "_INBOX.0123456789ABCDEFGHIJk>",
            "_inbox.0123456789ABCDEFGHIJkl",
            "relay.0123456789ABCDEFGHIJkl",
        ] {
            assert_eq!(InboxPrefix::try_from(wrong.to_owned()), Err(InvalidInbox), "{wrong}");
        }
    }
}
