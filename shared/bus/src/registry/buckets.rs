//! Tokens and challenges: short entries that come and go.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_nats::jetstream::kv::UpdateErrorKind;
use serde::{Deserialize, Serialize};
use sysmaint_protocol::{DeviceId, Handle, Timestamp, limits, subject::Mailbox};

use super::{Registry, RegistryError, encode, read, unavailable};
use crate::streams::{CHALLENGES, TOKENS};

/// How long the mark of a removed token stays; long past any clock's error.
pub(super) const MARK_LIVES: Duration = Duration::from_hours(1);
const HASH_DIGITS: usize = 64;

#[derive(Serialize, Deserialize)]
struct Device {
    handle: Handle,
    device_id: DeviceId,
}

#[derive(Serialize, Deserialize)]
struct Challenged {
    #[serde(flatten)]
    device: Device,
    expires_at: Timestamp,
}

impl Registry {
    /// Remembers a challenge until it expires.
    pub async fn put_challenge(
        &self,
        nonce: &[u8; 32],
        device: &Mailbox,
        expires_at: Timestamp,
    ) -> Result<(), RegistryError> {
        let value = encode(CHALLENGES, &Challenged { device: device.into(), expires_at })?;
        let created = self
            .challenges
            .create_with_ttl(hexadecimal(nonce), value.into(), limits::CHALLENGE_LIFE)
            .await;
        created.map(|_| ()).map_err(unavailable)
    }

    /// For whom a challenge was, if it was, has not expired and was not taken before. Of any
    /// number of callers one gets it: the removal at the revision that was read is the claim.
    pub async fn take_challenge(&self, nonce: &[u8; 32]) -> Result<Option<Mailbox>, RegistryError> {
        let key = hexadecimal(nonce);
        let found: Option<(Challenged, u64)> = read(&self.challenges, CHALLENGES, &key).await?;
        let Some((challenged, revision)) = found else { return Ok(None) };
        let claimed = self
            .challenges
            .purge_expect_revision_with_ttl(&key, revision, limits::CHALLENGE_LIFE)
            .await;
        match claimed {
            Ok(()) if challenged.expires_at > now() => Ok(Some(challenged.device.into())),
            Ok(()) => Ok(None),
            Err(error) if error.kind() == UpdateErrorKind::WrongLastRevision => Ok(None),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Binds a token's hash to its device.
    pub async fn put_token(&self, hash: &str, device: &Mailbox) -> Result<(), RegistryError> {
        let value = encode(TOKENS, &Device::from(device))?;
        let put = self.tokens.put(checked(hash)?, value.into()).await;
        put.map(|_| ()).map_err(unavailable)
    }

    /// Whose token it is.
    pub async fn device_of_token(&self, hash: &str) -> Result<Option<Mailbox>, RegistryError> {
        let found: Option<(Device, u64)> = read(&self.tokens, TOKENS, checked(hash)?).await?;
        Ok(found.map(|(device, _revision)| device.into()))
    }

    /// Ends a token.
    pub async fn remove_token(&self, hash: &str) -> Result<(), RegistryError> {
        self.tokens.purge_with_ttl(checked(hash)?, MARK_LIVES).await.map_err(unavailable)
    }
}

impl From<&Mailbox> for Device {
    fn from(mailbox: &Mailbox) -> Self {
        Self { handle: mailbox.handle.clone(), device_id: mailbox.device_id }
    }
}

impl From<Device> for Mailbox {
    fn from(device: Device) -> Self {
        Self::new(device.handle, device.device_id)
    }
}

/// A hash is part of a subject, so nothing else may come in its place.
pub(super) fn checked(hash: &str) -> Result<&str, RegistryError> {
    let digits = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if hash.len() == HASH_DIGITS && hash.bytes().all(digits) {
        Ok(hash)
    } else {
        Err(RegistryError::NotAHash)
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ok = write!(text, "{byte:02x}");
        text
    })
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_hash_becomes_a_key() {
        assert!(checked(&"0f".repeat(32)).is_ok());
        for wrong in ["", "*", &"0F".repeat(32), &"0f".repeat(31), &format!("{}.>", "a".repeat(62))]
        {
            assert!(matches!(checked(wrong), Err(RegistryError::NotAHash)), "{wrong}");
        }
    }

    #[test]
    fn a_nonce_is_written_in_64_digits() {
        assert_eq!(hexadecimal(&[0xab; 32]), "ab".repeat(32));
    }
}
