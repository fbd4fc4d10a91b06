//! Anchors of the bridges' audits: published by a bridge, read by whoever checks one.

use async_nats::{HeaderMap, Message};
use futures_util::StreamExt as _;
use serde_json::json;
use sysmaint_protocol::{
    audit::{Anchor, BridgeId},
    subject::{self, AUDIT},
};

use crate::{
    Bus,
    connect::ANSWER_WITHIN,
    nats_mailbox::MESSAGE_ID,
    request::{RequestFailed, parse},
    stored_mailbox::direct_get,
};

/// Anchors of one read.
const READ: usize = 512;
/// Anchors that are read at most: more than a century of one bridge.
const MOST: usize = 1_000_000;

/// The broker did not do it; try again.
#[derive(Debug, thiserror::Error)]
pub enum AnchorError {
    /// No answer, or a refusal.
    #[error("the broker does not answer for stream {AUDIT}: {0}")]
    Unavailable(String),
    /// An anchor that is none.
    #[error("message {sequence} of stream {AUDIT} is no anchor of this bridge")]
    Malformed {
        /// Its number in the stream.
        sequence: u64,
    },
}

impl Bus {
    /// Leaves an anchor with the broker; returns once it is stored. Repeating it adds nothing.
    pub async fn publish_anchor(&self, anchor: &Anchor) -> Result<(), AnchorError> {
        let mut headers = HeaderMap::new();
        headers.insert(MESSAGE_ID, format!("{}:{}", anchor.bridge, anchor.sequence));
        let payload = serde_json::to_vec(anchor).map_err(unavailable)?;
        let answer = self.request(&subject::audit(&anchor.bridge), headers, payload).await;
        parse::<serde_json::Value>(&answer.map_err(unavailable)?.payload).map_err(unavailable)?;
        Ok(())
    }

    /// All anchors of one bridge, in the order in which they were stored.
    pub async fn anchors(&self, bridge: &BridgeId) -> Result<Vec<Anchor>, AnchorError> {
        let subject = subject::audit(bridge);
        let mut anchors = Vec::new();
        let mut from = 1;
        while anchors.len() < MOST {
            let messages = self.read_anchors(&subject, from).await?;
            let Some(last) = messages.last() else { break };
            from = sequence(last).saturating_add(1);
            for message in &messages {
                let anchor = serde_json::from_slice(&message.payload).ok();
                let own = anchor.filter(|anchor: &Anchor| anchor.bridge == *bridge);
                let malformed = || AnchorError::Malformed { sequence: sequence(message) };
                anchors.push(own.ok_or_else(malformed)?);
            }
        }
        Ok(anchors)
    }

    /// Some of a subject's messages from a sequence on; none if there are no more.
    async fn read_anchors(&self, subject: &str, from: u64) -> Result<Vec<Message>, AnchorError> {
        let inbox = self.client.new_inbox();
        let mut answers = self.client.subscribe(inbox.clone()).await.map_err(unavailable)?;
        let denial = self.denial_of(&direct_get(AUDIT));
        let question = json!({ "next_by_subj": subject, "seq": from, "batch": READ }).to_string();
        self.client
            .publish_with_reply(direct_get(AUDIT), inbox, question.into())
            .await
            .map_err(unavailable)?;
        let read = async {
            let mut messages = Vec::new();
            loop {
                let answer = tokio::time::timeout(ANSWER_WITHIN, answers.next())
                    .await
                    .map_err(|_| unavailable(RequestFailed::TimedOut))?
                    .ok_or_else(|| AnchorError::Unavailable("the connection was closed".into()))?;
                match answer.status.map(|status| status.as_u16()) {
                    None | Some(200) => messages.push(answer),
                    // 204: this read is complete. 404: there is nothing.
                    Some(204 | 404) => return Ok(messages),
                    Some(503) => {
                        return Err(AnchorError::Unavailable(
                            "there is no such stream; the relay makes it at its start".to_owned(),
                        ));
                    }
                    Some(status) => {
                        return Err(AnchorError::Unavailable(format!("status {status}")));
                    }
                }
            }
        };
        tokio::select! {
            biased;
            messages = read => messages,
            reason = denial.wait() => Err(AnchorError::Unavailable(reason)),
        }
    }
}

fn sequence(message: &Message) -> u64 {
    let headers = message.headers.as_ref();
    let sequence = headers.and_then(|headers| headers.get_last("Nats-Sequence"));
    sequence.and_then(|sequence| sequence.as_str().parse().ok()).unwrap_or(u64::MAX)
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in for a closure in map_err")]
fn unavailable(error: impl ToString) -> AnchorError {
    AnchorError::Unavailable(error.to_string())
}
