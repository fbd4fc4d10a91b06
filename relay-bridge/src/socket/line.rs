//! What goes out on a connection, in order, without ever holding more than one read.

use std::{
    collections::VecDeque,
    future::poll_fn,
    time::{Duration, Instant},
};

use axum::{
    Error,
    body::Bytes,
    extract::ws::{CloseFrame, Message, WebSocket, close_code},
};
use futures_util::{SinkExt as _, stream::SplitSink};
use sysmaint_bus::StoredEnvelope;
use sysmaint_protocol::{
    audit::Digest,
    websocket::{CloseReason, ServerFrame},
};
use sysmaint_store::audit::digest;
use tokio::sync::OwnedSemaphorePermit;

use super::reader::Catch;

/// Answers that may wait to be written; nothing more is read from the client until they are fewer.
const ANSWERS: usize = 64;

/// An envelope that was just handed over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Handed {
    /// Its number in the mailbox.
    pub(super) sequence: u64,
    /// Of its bytes, as the audit names it.
    pub(super) digest: Digest,
}

/// The outgoing half of a connection.
#[derive(Debug)]
pub(super) struct Line {
    sink: SplitSink<WebSocket, Message>,
    answers: VecDeque<Message>,
    deliveries: VecDeque<StoredEnvelope>,
    /// Given back once the last delivery was handed over.
    room: Option<OwnedSemaphorePermit>,
    /// Something was handed over that may not have left.
    is_unsent: bool,
    /// Since when nothing has moved that should.
    still_since: Option<Instant>,
}

impl Line {
    pub(super) const fn new(sink: SplitSink<WebSocket, Message>) -> Self {
        Self {
            sink,
            answers: VecDeque::new(),
            deliveries: VecDeque::new(),
            room: None,
            is_unsent: false,
            still_since: None,
        }
    }

    /// An answer or a report; goes before deliveries.
    pub(super) fn say(&mut self, frame: &ServerFrame) {
        if let Some(message) = encode(frame) {
            self.push(message);
        }
    }

    /// Asks the client whether it is there.
    pub(super) fn ping(&mut self) {
        self.push(Message::Ping(Bytes::new()));
    }

    /// The last words.
    pub(super) fn close(&mut self, reason: CloseReason) {
        self.drop_deliveries();
        self.say(&ServerFrame::Closed { reason });
        let code = match reason {
            CloseReason::Replaced => close_code::NORMAL,
            CloseReason::ShuttingDown => close_code::AWAY,
            CloseReason::Revoked | CloseReason::TooSlow | CloseReason::Violation => {
                close_code::POLICY
            }
        };
        self.push(Message::Close(Some(CloseFrame { code, reason: "".into() })));
    }

    /// Envelopes to deliver.
    pub(super) fn deliver(&mut self, catch: Catch) {
        if catch.envelopes.is_empty() {
            return;
        }
        self.deliveries.extend(catch.envelopes);
        self.room = Some(catch.room);
        self.begin();
    }

    /// Forgets what was not handed over yet; returns the number of the first. All of it is still
    /// in the mailbox.
    pub(super) fn drop_deliveries(&mut self) -> Option<u64> {
        let first = self.deliveries.front().map(|envelope| envelope.sequence);
        self.deliveries = VecDeque::new();
        self.room = None;
        first
    }

    /// The protocol's own layer has an answer to send.
    pub(super) fn flush(&mut self) {
        self.is_unsent = true;
        self.begin();
    }

    pub(super) fn has_deliveries(&self) -> bool {
        !self.deliveries.is_empty()
    }

    pub(super) fn has_output(&self) -> bool {
        self.is_unsent || !self.answers.is_empty() || self.has_deliveries()
    }

    /// Whether the client may be heard: what it says may need an answer.
    pub(super) fn has_room_for_answers(&self) -> bool {
        self.answers.len() < ANSWERS
    }

    /// When nothing will have moved for this long; `None` while there is nothing to move.
    pub(super) fn still_until(&self, patience: Duration) -> Option<Instant> {
        self.still_since.map(|since| since + patience)
    }

    /// Takes the next step: hands one message over, or sees the last ones off. Returns the number
    /// of the delivery that was handed over, if it was one. Nothing is lost if this is dropped.
    pub(super) async fn advance(&mut self) -> Result<Option<Handed>, Error> {
        let mut delivered = None;
        if self.answers.is_empty() && self.deliveries.is_empty() {
            poll_fn(|context| self.sink.poll_flush_unpin(context)).await?;
            self.is_unsent = false;
        } else {
            poll_fn(|context| self.sink.poll_ready_unpin(context)).await?;
            if let Some(answer) = self.answers.pop_front() {
                self.sink.start_send_unpin(answer)?;
            } else if let Some(envelope) = self.deliveries.pop_front() {
                let digest = digest(&envelope.bytes);
                delivered = Some(Handed { sequence: envelope.sequence, digest });
                if let Some(message) = encode(&delivery(envelope)) {
                    self.sink.start_send_unpin(message)?;
                }
            }
            self.is_unsent = true;
        }
        if self.deliveries.is_empty() {
            // A quiet connection keeps no queue.
            self.deliveries = VecDeque::new();
            self.room = None;
        }
        self.still_since = self.has_output().then(Instant::now);
        Ok(delivered)
    }

    fn push(&mut self, message: Message) {
        self.answers.push_back(message);
        self.begin();
    }

    fn begin(&mut self) {
        self.still_since.get_or_insert_with(Instant::now);
    }
}

fn delivery(envelope: StoredEnvelope) -> ServerFrame {
    ServerFrame::Deliver {
        seq: envelope.sequence,
        id: envelope.transfer_id,
        stored_at: envelope.stored_at,
        envelope: envelope.bytes.into(),
    }
}

fn encode(frame: &ServerFrame) -> Option<Message> {
    match serde_json::to_string(frame) {
        Ok(text) => Some(Message::Text(text.into())),
        Err(error) => {
            tracing::error!(%error, "a frame could not be written");
            None
        }
    }
}
