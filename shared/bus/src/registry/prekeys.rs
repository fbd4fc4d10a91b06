//! One-time prekeys: one message a key. Taking one is deleting its message, which succeeds for
//! one caller only, so that no key is ever served twice.

use async_nats::{HeaderMap, StatusCode};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use rand::Rng as _;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use sysmaint_protocol::{
    limits,
    rest::PrekeyCount,
    subject::{self, Mailbox, OneTimeKind, PREKEYS},
};

use super::{Registry, RegistryError};
use crate::{
    nats_mailbox::MESSAGE_ID,
    request::{ApiFailed, parse},
    stored_mailbox::{StoredError, direct_get},
};

/// `maximum messages per subject exceeded`: the key is there already.
const STORE_FAILED: u32 = 10077;
/// Uploads of one call that wait for their confirmation at once.
const IN_FLIGHT: usize = 64;
/// After a lost race the next try goes a few keys further, where fewer others try.
const SPREAD: u64 = 16;
const TRIES: usize = 200;

impl Registry {
    /// Adds one-time prekeys, each as the JSON that is served later. A key that is there stays.
    pub async fn add_one_time(
        &self,
        owner: &Mailbox,
        kind: OneTimeKind,
        keys: &[(u32, Vec<u8>)],
    ) -> Result<(), RegistryError> {
        let additions: Vec<_> = keys
            .iter()
            .take(limits::PREKEYS_PER_UPLOAD)
            .map(|(id, json)| self.add_one(subject::one_time_prekey(owner, kind, *id), json))
            .collect();
        stream::iter(additions).buffer_unordered(IN_FLIGHT).try_collect().await
    }

    /// Takes one of them out; `None` when there are none left.
    pub async fn pop_one_time(
        &self,
        owner: &Mailbox,
        kind: OneTimeKind,
    ) -> Result<Option<Vec<u8>>, RegistryError> {
        let pattern = subject::one_time_prekeys(owner, kind);
        let mut from = 1;
        for _ in 0..TRIES {
            match self.next_key(&pattern, from).await? {
                Some((sequence, json)) => {
                    if self.bus.delete_message(PREKEYS, sequence).await? {
                        return Ok(Some(json));
                    }
                    from = sequence + rand::rng().random_range(1..=SPREAD);
                }
                None if from == 1 => return Ok(None),
                // Past the last one; what was passed over may still be there.
                None => from = 1,
            }
        }
        Err(RegistryError::Contended)
    }

    /// How many are left.
    pub async fn count_one_time(&self, owner: &Mailbox) -> Result<PrekeyCount, RegistryError> {
        let count = async |kind| {
            let pattern = subject::one_time_prekeys(owner, kind);
            let count = self.bus.count_subject(PREKEYS, &pattern).await?;
            Ok::<_, RegistryError>(u32::try_from(count).unwrap_or(u32::MAX))
        };
        Ok(PrekeyCount {
            one_time_prekeys: count(OneTimeKind::Ec).await?,
            one_time_kyber_prekeys: count(OneTimeKind::Kyber).await?,
        })
    }

    /// Removes all of a device, which has new keys or is gone.
    pub async fn purge_one_time(&self, owner: &Mailbox) -> Result<(), RegistryError> {
        let prekeys =
            self.bus.jetstream.get_stream_no_info(PREKEYS).await.map_err(super::unavailable)?;
        for kind in [OneTimeKind::Ec, OneTimeKind::Kyber] {
            let pattern = subject::one_time_prekeys(owner, kind);
            prekeys.purge().filter(pattern).await.map_err(super::unavailable)?;
        }
        Ok(())
    }

    async fn add_one(&self, subject: String, json: &[u8]) -> Result<(), RegistryError> {
        let mut headers = HeaderMap::new();
        headers.insert(MESSAGE_ID, message_id(&subject, json));
        let answer =
            self.bus.request(&subject, headers, json.to_vec()).await.map_err(super::unavailable)?;
        match parse::<serde_json::Value>(&answer.payload) {
            Ok(_stored) => Ok(()),
            Err(ApiFailed::Api(error))
                if error.err_code == STORE_FAILED && error.description.contains("per subject") =>
            {
                Ok(())
            }
            Err(error) => Err(super::unavailable(error)),
        }
    }

    async fn next_key(
        &self,
        pattern: &str,
        from: u64,
    ) -> Result<Option<(u64, Vec<u8>)>, RegistryError> {
        let question = json!({ "next_by_subj": pattern, "seq": from }).to_string();
        let answer = self
            .bus
            .request(&direct_get(PREKEYS), HeaderMap::new(), question.into_bytes())
            .await
            .map_err(super::unavailable)?;
        match answer.status {
            None | Some(StatusCode::OK) => {}
            Some(StatusCode::NOT_FOUND) => return Ok(None),
            Some(status) => return Err(super::unavailable(format!("status {status}"))),
        }
        let sequence = answer
            .headers
            .as_ref()
            .and_then(|headers| headers.get_last("Nats-Sequence"))
            .and_then(|sequence| sequence.as_str().parse().ok())
            .ok_or_else(|| super::unavailable("an answer without a sequence"))?;
        Ok(Some((sequence, answer.payload.into())))
    }
}

impl From<StoredError> for RegistryError {
    fn from(error: StoredError) -> Self {
        Self::Unavailable(error.0)
    }
}

/// Names key and bytes, so that a retried upload adds nothing twice, and a new key under an old
/// number is not taken for the old one.
fn message_id(subject: &str, json: &[u8]) -> String {
    let digest = Sha256::digest(json);
    let tag = digest[..8].iter().fold(0_u64, |tag, byte| tag << 8 | u64::from(*byte));
    format!("{subject}:{tag:016x}")
}
