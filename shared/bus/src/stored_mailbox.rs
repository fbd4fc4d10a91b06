//! A mailbox without a consumer: read by sequence, removed by sequence. The relay serves devices
//! on HTTP and WebSocket this way, so that a hundred thousand of them cost nothing while quiet.

use async_nats::{HeaderMap, Message, StatusCode};
use futures_util::StreamExt as _;
use serde::Deserialize;
use serde_json::json;
use sysmaint_protocol::{Timestamp, TransferId, subject::Mailbox};

use crate::{
    Bus,
    connect::ANSWER_WITHIN,
    nats_mailbox::MESSAGE_ID,
    request::{ApiFailed, RequestFailed},
};

/// `no message found` and `message deletion failed`: somebody removed it before.
const ALREADY_GONE: [u32; 3] = [10037, 10043, 10057];

/// One mailbox, as the relay sees it.
#[derive(Clone, Debug)]
pub struct StoredMailbox {
    bus: Bus,
    stream: String,
    sealed: String,
}

/// One envelope in a mailbox.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredEnvelope {
    /// Its number in the stream; grows, with gaps.
    pub sequence: u64,
    /// The sender's id for these bytes; absent if they were published without one.
    pub transfer_id: Option<TransferId>,
    /// When the broker stored it.
    pub stored_at: Timestamp,
    /// The bytes, unchecked.
    pub bytes: Vec<u8>,
}

/// The broker did not answer as hoped; try again.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the stored mailbox: {0}")]
pub struct StoredError(pub String);

impl Bus {
    /// A mailbox, to be read without a consumer. Only the relay may.
    pub fn stored_mailbox(&self, mailbox: &Mailbox) -> StoredMailbox {
        StoredMailbox {
            bus: self.clone(),
            stream: mailbox.stream(self.shards),
            sealed: mailbox.sealed(),
        }
    }

    /// How many messages a stream holds on a subject.
    pub(crate) async fn count_subject(
        &self,
        stream: &str,
        subject: &str,
    ) -> Result<u64, StoredError> {
        let question = json!({ "next_by_subj": subject, "seq": 1, "batch": 1 });
        let answer = self
            .request(&direct_get(stream), HeaderMap::new(), question.to_string().into_bytes())
            .await?;
        match answer.status {
            // It has one message and says how many follow.
            None | Some(StatusCode::OK) => {
                header(&answer, "Nats-Num-Pending").map(|pending: u64| pending + 1).ok_or_else(
                    || StoredError("the server does not count messages on a subject".to_owned()),
                )
            }
            Some(StatusCode::NOT_FOUND) => Ok(0),
            Some(status) => Err(StoredError(format!("status {status}"))),
        }
    }
}

impl Bus {
    /// At most `max` messages of a stream on a subject, from sequence `from` on, and at most about
    /// [`StoredMailbox::READ_MAX`] bytes of them.
    pub(crate) async fn read_batch(
        &self,
        stream: &str,
        subject: &str,
        from: u64,
        max: usize,
    ) -> Result<Vec<Message>, StoredError> {
        let inbox = self.client.new_inbox();
        let mut answers = self
            .client
            .subscribe(inbox.clone())
            .await
            .map_err(|error| StoredError(error.to_string()))?;
        let question = json!({
            "next_by_subj": subject, "seq": from.max(1), "batch": max, "max_bytes": StoredMailbox::READ_MAX,
        });
        self.client
            .publish_with_reply(direct_get(stream), inbox, question.to_string().into())
            .await
            .map_err(|error| StoredError(error.to_string()))?;
        let mut found = Vec::new();
        loop {
            let answer = tokio::time::timeout(ANSWER_WITHIN, answers.next())
                .await
                .map_err(|_| RequestFailed::TimedOut)?
                .ok_or_else(|| StoredError("the connection was closed".to_owned()))?;
            match answer.status {
                None | Some(StatusCode::OK) => found.push(answer),
                // 204: this read is complete. 404: there is nothing.
                Some(StatusCode::NOT_FOUND) => return Ok(found),
                Some(status) if status.as_u16() == 204 => return Ok(found),
                Some(status) => return Err(StoredError(format!("status {status}"))),
            }
        }
    }
}

impl StoredMailbox {
    /// Bytes of one read; a single larger envelope still comes.
    pub const READ_MAX: usize = 128 * 1024;

    /// At most `max` envelopes from sequence `from` on, oldest first, and at most about
    /// [`Self::READ_MAX`] bytes. Fewer than `max` does not mean that there are no more; none does.
    pub async fn read(&self, from: u64, max: usize) -> Result<Vec<StoredEnvelope>, StoredError> {
        let found = self.bus.read_batch(&self.stream, &self.sealed, from, max).await?;
        Ok(found.into_iter().filter_map(stored).collect())
    }

    /// Removes everything up to and including a sequence.
    pub async fn remove_through(&self, sequence: u64) -> Result<(), StoredError> {
        let what = format!("STREAM.PURGE.{}", self.stream);
        let question = json!({ "filter": self.sealed, "seq": sequence.saturating_add(1) });
        self.bus.api::<_, Done>(&what, &question).await?.confirmed()
    }

    /// Removes one envelope; one that is gone already is fine. The sequence must come from
    /// [`Self::read`] of this very mailbox: the stream is shared with others.
    pub async fn remove(&self, sequence: u64) -> Result<(), StoredError> {
        self.bus.delete_message(&self.stream, sequence).await.map(|_| ())
    }

    /// How many envelopes wait.
    pub async fn depth(&self) -> Result<u64, StoredError> {
        self.bus.count_subject(&self.stream, &self.sealed).await
    }
}

impl Bus {
    /// Deletes one message; true for the one caller whose call removed it.
    pub(crate) async fn delete_message(
        &self,
        stream: &str,
        sequence: u64,
    ) -> Result<bool, StoredError> {
        let what = format!("STREAM.MSG.DELETE.{stream}");
        // `no_erase`: overwriting with random bytes takes long, and the bytes are public.
        let question = json!({ "seq": sequence, "no_erase": true });
        match self.api::<_, Done>(&what, &question).await {
            Ok(done) => done.confirmed().map(|()| true),
            Err(ApiFailed::Api(error)) if ALREADY_GONE.contains(&error.err_code) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

#[derive(Deserialize)]
struct Done {
    success: bool,
}

impl Done {
    fn confirmed(&self) -> Result<(), StoredError> {
        if self.success { Ok(()) } else { Err(StoredError("the server did not do it".to_owned())) }
    }
}

impl From<RequestFailed> for StoredError {
    fn from(error: RequestFailed) -> Self {
        Self(error.to_string())
    }
}

impl From<ApiFailed> for StoredError {
    fn from(error: ApiFailed) -> Self {
        Self(error.to_string())
    }
}

impl std::fmt::Debug for StoredEnvelope {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("StoredEnvelope")
            .field("sequence", &self.sequence)
            .field("bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

pub(crate) fn direct_get(stream: &str) -> String {
    format!("$JS.API.DIRECT.GET.{stream}")
}

/// A header that the server sets. It comes after any of the same name that a sender set.
pub(crate) fn header<T: std::str::FromStr>(message: &Message, name: &str) -> Option<T> {
    message.headers.as_ref()?.get_last(name)?.as_str().parse().ok()
}

fn stored(message: Message) -> Option<StoredEnvelope> {
    let stored_at = header::<String>(&message, "Nats-Time-Stamp")
        .and_then(|text| Timestamp::try_from(text).ok())?;
    Some(StoredEnvelope {
        sequence: header(&message, "Nats-Sequence")?,
        transfer_id: header(&message, MESSAGE_ID),
        stored_at,
        bytes: message.payload.into(),
    })
}
