//! Envelopes of one connection on their way into mailboxes.

use futures_util::{StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use sysmaint_protocol::websocket::{Outgoing, ServerFrame};

use crate::delivery::{Post, Undelivered};

/// Envelopes that may be on their way at a time,
const AT_ONCE: usize = 64;
/// and their bytes; a single larger one still goes.
const BYTES_AT_ONCE: usize = 256 * 1024;

/// Seconds after which what the broker did not take may be sent again.
const RETRY_AFTER_S: u64 = 1;
const UNAVAILABLE: u16 = 503;

/// What is on its way, and so how much more may be taken from the client.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    sending: FuturesUnordered<BoxFuture<'static, Done>>,
    bytes: usize,
}

#[derive(Debug)]
struct Done {
    bytes: usize,
    answer: ServerFrame,
}

impl Outbox {
    pub(super) fn is_empty(&self) -> bool {
        self.sending.is_empty()
    }

    pub(super) fn has_room(&self) -> bool {
        self.sending.len() < AT_ONCE && self.bytes < BYTES_AT_ONCE
    }

    /// Begins to send.
    pub(super) fn send(&mut self, post: &Post, outgoing: Outgoing) {
        let (post, id, bytes) = (post.clone(), outgoing.id, outgoing.envelope.0.len());
        self.bytes = self.bytes.saturating_add(bytes);
        self.sending.push(Box::pin(async move {
            let answer = match post.deliver_one(outgoing).await {
                Ok(()) => ServerFrame::Sent { id },
                Err(undelivered) => refusal(id, &undelivered),
            };
            Done { bytes, answer }
        }));
    }

    /// Waits for the next answer; for ever if nothing is on its way.
    pub(super) async fn next(&mut self) -> ServerFrame {
        let Some(done) = self.sending.next().await else { return std::future::pending().await };
        self.bytes = self.bytes.saturating_sub(done.bytes);
        done.answer
    }
}

/// What is said of an envelope that was not, or perhaps not, stored.
pub(super) fn refusal(id: sysmaint_protocol::TransferId, undelivered: &Undelivered) -> ServerFrame {
    let problem = undelivered.problem();
    let retry_after_s = (problem.status == UNAVAILABLE).then_some(RETRY_AFTER_S);
    ServerFrame::Error { id: Some(id), retry_after_s, problem }
}
