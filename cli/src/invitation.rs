//! The line that lets a machine elsewhere join: made by `invite`, taken by `join`.
//!
//! `sysmaint1.` and a [word](crate::word).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use sysmaint_bus::RelayUrl;
use sysmaint_protocol::{Handle, Timestamp};

use crate::word;

const PREFIX: &str = "sysmaint";
const VERSION: &str = "sysmaint1.";

/// What a joining machine needs to know.
#[derive(Clone, Debug)]
pub(crate) struct Invitation {
    /// The relay's bridges.
    pub(crate) relay: Vec<RelayUrl>,
    /// SHA-256 of the trust root.
    pub(crate) root: Fingerprint,
    /// The one-time code.
    pub(crate) code: SecretString,
    /// The only handle that the code registers, if it is bound to one.
    pub(crate) handle: Option<Handle>,
    /// When the code expires.
    pub(crate) expires_at: Timestamp,
}

/// SHA-256 of a trust root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Fingerprint([u8; 32]);

/// The text is no line that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidInvitation {
    /// Nothing like it.
    #[error("this is no line of `sysmaint invite`: it holds a word that begins with sysmaint1.")]
    Absent,
    /// Changed on its way.
    #[error("the line is damaged or cut short: copy it again in one piece")]
    Damaged,
    /// By another version.
    #[error("the line was made by another version of sysmaint: use the same on both machines")]
    OtherVersion,
}

#[derive(Serialize, Deserialize)]
struct Content {
    relay: Vec<RelayUrl>,
    root: Fingerprint,
    code: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    handle: Option<Handle>,
    expires_at: Timestamp,
}

impl Fingerprint {
    pub(crate) fn of(root: &[u8]) -> Self {
        Self(Sha256::digest(root).into())
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        URL_SAFE_NO_PAD.encode(fingerprint.0)
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = InvalidInvitation;

    fn try_from(text: String) -> Result<Self, InvalidInvitation> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or(InvalidInvitation::Damaged)
    }
}

impl Invitation {
    /// The one word of the line. It is a secret.
    pub(crate) fn encode(&self) -> Result<SecretString, serde_json::Error> {
        let content = Content {
            relay: self.relay.clone(),
            root: self.root,
            code: self.code.expose_secret().to_owned(),
            handle: self.handle.clone(),
            expires_at: self.expires_at,
        };
        Ok(format!("{VERSION}{}", word::encode(&content)?).into())
    }

    /// Finds the word in what somebody pasted, the whole shell line included.
    pub(crate) fn find(text: &str) -> Result<Self, InvalidInvitation> {
        if let Some(word) = word::find(text, VERSION) {
            return Self::decode(word).ok_or(InvalidInvitation::Damaged);
        }
        let other = |word: &str| {
            let rest = word.strip_prefix(PREFIX).unwrap_or_default();
            rest.starts_with(|c: char| c.is_ascii_digit()) && rest.contains('.')
        };
        let other = text.split_whitespace().any(other);
        Err(if other { InvalidInvitation::OtherVersion } else { InvalidInvitation::Absent })
    }

    fn decode(word: &str) -> Option<Self> {
        let content: Content = word::decode(word)?;
        (!content.relay.is_empty()).then_some(Self {
            relay: content.relay,
            root: content.root,
            code: content.code.into(),
            handle: content.handle,
            expires_at: content.expires_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invitation() -> Invitation {
        Invitation {
            relay: vec!["https://relay.example".parse().unwrap()],
            root: Fingerprint::of(&[5; 33]),
            code: "c0de".to_owned().into(),
            handle: Some("web1".parse().unwrap()),
            expires_at: Timestamp::from_millis(1_000),
        }
    }

    fn line() -> String {
        invitation().encode().unwrap().expose_secret().to_owned()
    }

    #[test]
    fn the_pasted_line_is_found_with_what_stands_around_it() {
        let line = line();
        for pasted in [
            line.clone(),
            format!("{line}\r\n"),
            format!("  echo '{line}' | sysmaint join && sysmaint probe\n"),
        ] {
            let found = Invitation::find(&pasted).unwrap();
            assert_eq!(found.relay, invitation().relay);
            assert_eq!(found.root, Fingerprint::of(&[5; 33]));
            assert_eq!(found.code.expose_secret(), "c0de");
            assert_eq!(found.handle, invitation().handle);
            assert_eq!(found.expires_at, invitation().expires_at);
        }
    }

    #[test]
    fn every_changed_or_missing_character_is_noticed() {
        let line = line();
        for at in VERSION.len()..line.len() {
            let mut changed = line.clone();
            let other = if &line[at..=at] == "A" { "B" } else { "A" };
            changed.replace_range(at..=at, other);
            assert!(Invitation::find(&changed).is_err(), "{at}");
            assert!(Invitation::find(&line[..at]).is_err(), "{at}");
        }
    }

    #[test]
    fn what_is_no_line_and_what_is_another_versions_is_said() {
        for text in ["", "hello", "sysmaint", "echo sysmaint join"] {
            assert_eq!(Invitation::find(text).unwrap_err(), InvalidInvitation::Absent);
        }
        let newer = Invitation::find("sysmaint2.abc").unwrap_err();
        assert_eq!(newer, InvalidInvitation::OtherVersion);
    }

    #[test]
    fn the_code_is_not_printed() {
        assert!(!format!("{:?}", invitation()).contains("c0de"));
    }
}
