//! Mailboxes on NATS: publish with confirmation, read through one durable consumer a device.

mod deliveries;
mod order;
mod provision;

use async_nats::HeaderMap;
use async_trait::async_trait;
use serde::Deserialize;
use sysmaint_device::Sealed;
use sysmaint_protocol::{limits::EPHEMERAL_LIFE, subject};

pub use provision::ProvisionError;

use crate::{
    Bus, Deliveries, Mailbox, OpenError, PublishError,
    nats_mailbox::deliveries::NatsDeliveries,
    request::{ApiError, ApiFailed, RequestFailed, parse},
};

/// The header that names a ciphertext.
pub(crate) const MESSAGE_ID: &str = "Nats-Msg-Id";

/// The header that says how long the server keeps a message.
const LIFE: &str = "Nats-TTL";

/// A message could not be stored; the text says which limit.
const STORE_FAILED: u32 = 10077;
const SUBJECT_IS_FULL: &str = "per subject";

/// [`Mailbox`] over NATS.
#[derive(Clone, Debug)]
pub struct NatsMailbox {
    bus: Bus,
}

impl NatsMailbox {
    /// Over this connection.
    pub const fn new(bus: Bus) -> Self {
        Self { bus }
    }
}

#[async_trait]
impl Mailbox for NatsMailbox {
    async fn publish(&self, sealed: &Sealed) -> Result<(), PublishError> {
        let mut headers = HeaderMap::new();
        headers.insert(MESSAGE_ID, sealed.transfer_id().to_string());
        if sealed.is_ephemeral() {
            headers.insert(LIFE, format!("{}s", EPHEMERAL_LIFE.as_secs()));
        }
        let payload = sealed.envelope().as_bytes().to_vec();
        let answer = self
            .bus
            .request(&sealed.to().sealed(), headers, payload)
            .await
            .map_err(|failed| unanswered(&failed))?;
        match parse::<Stored>(&answer.payload) {
            Ok(stored) => {
                let Stored { sequence, duplicate } = stored;
                tracing::debug!(id = %sealed.transfer_id(), sequence, duplicate, "published");
                Ok(())
            }
            Err(ApiFailed::Api(error)) => Err(refused(&error)),
            Err(other) => Err(PublishError::Unconfirmed(other.to_string())),
        }
    }

    fn carries_ephemeral(&self) -> bool {
        true
    }

    async fn open(&self, own: &subject::Mailbox) -> Result<Box<dyn Deliveries>, OpenError> {
        Ok(Box::new(NatsDeliveries::open(self.bus.clone(), own.clone()).await?))
    }
}

/// JetStream's confirmation.
#[derive(Deserialize)]
struct Stored {
    #[serde(rename = "seq")]
    sequence: u64,
    #[serde(default)]
    duplicate: bool,
}

fn unanswered(failed: &RequestFailed) -> PublishError {
    match failed {
        RequestFailed::Denied(_) | RequestFailed::TooLarge(_) => {
            PublishError::Refused(failed.to_string())
        }
        // No stream yet, or one that is between two leaders: both pass.
        RequestFailed::NoResponders | RequestFailed::TimedOut | RequestFailed::Other(_) => {
            PublishError::Unconfirmed(failed.to_string())
        }
    }
}

fn refused(error: &ApiError) -> PublishError {
    if error.err_code == STORE_FAILED {
        return if error.description.contains(SUBJECT_IS_FULL) {
            PublishError::MailboxFull
        } else {
            PublishError::Unconfirmed(error.to_string())
        };
    }
    match error.code {
        // The server's trouble, not the message's: busy, short of space, without a leader.
        408 | 429 | 500.. => PublishError::Unconfirmed(error.to_string()),
        _ => PublishError::Refused(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(code: u16, err_code: u32, description: &str) -> ApiError {
        ApiError { code, err_code, description: description.to_owned() }
    }

    #[test]
    fn only_a_full_mailbox_is_called_full() {
        let full = error(503, STORE_FAILED, "maximum messages per subject exceeded");
        assert!(matches!(refused(&full), PublishError::MailboxFull));
        let disk = error(503, STORE_FAILED, "maximum bytes exceeded");
        assert!(matches!(refused(&disk), PublishError::Unconfirmed(_)));
    }

    #[test]
    fn passing_trouble_is_retried_and_lasting_trouble_is_not() {
        for (code, err_code) in [(503, 10008), (429, 10167), (503, 10023), (500, 10052)] {
            assert!(matches!(
                refused(&error(code, err_code, "busy")),
                PublishError::Unconfirmed(_)
            ));
        }
        for (code, err_code) in [(400, 10054), (400, 10111)] {
            assert!(matches!(refused(&error(code, err_code, "never")), PublishError::Refused(_)));
        }
    }
}
