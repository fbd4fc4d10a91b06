//! Received messages, in order, until they have taken effect.

use std::collections::VecDeque;

use sysmaint_store::{InboxRow, WriteError};
use tokio::sync::watch;

use crate::{Endpoint, Step, StepError};

/// Messages that are read ahead.
const AHEAD: usize = 64;

/// Hands out each unhandled message once. After a crash, a new one hands out again what was not
/// settled.
#[derive(Debug)]
pub struct Inbox {
    endpoint: Endpoint,
    arrived: watch::Receiver<u64>,
    ahead: VecDeque<InboxRow>,
    last: i64,
}

impl Inbox {
    pub(crate) fn new(endpoint: Endpoint) -> Self {
        let arrived = endpoint.inner.arrived.subscribe();
        Self { endpoint, arrived, ahead: VecDeque::new(), last: 0 }
    }

    /// Waits for the next message. Safe to cancel.
    pub async fn next(&mut self) -> InboxRow {
        loop {
            if let Some(row) = self.ahead.pop_front() {
                return row;
            }
            self.arrived.mark_unchanged();
            match self.read_ahead().await {
                Ok(rows) if rows.is_empty() => {
                    // The sender lives in the endpoint that this holds.
                    let _ = self.arrived.changed().await;
                }
                Ok(rows) => {
                    self.last = rows.last().map_or(self.last, |row| row.id);
                    self.ahead = rows.into();
                }
                Err(error) => {
                    tracing::error!(%error, "the inbox cannot be read");
                    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                }
            }
        }
    }

    async fn read_ahead(&self) -> Result<Vec<InboxRow>, WriteError<sysmaint_store::SqlError>> {
        let (slot, last) = (self.endpoint.slot(), self.last);
        self.endpoint.store().read(move |view| view.inbox().unhandled(slot, last, AHEAD)).await
    }
}

impl Endpoint {
    /// Takes a message's effect and marks it as handled, in one transaction. `None` if it was
    /// handled before: its effect is there and is not taken again.
    pub async fn settle<T, E>(
        &self,
        message: &InboxRow,
        effect: impl FnOnce(&mut Step<'_, '_>) -> Result<T, E> + Send + 'static,
    ) -> Result<Option<T>, WriteError<E>>
    where
        T: Send + 'static,
        E: From<StepError> + Send + 'static,
    {
        let id = message.id;
        self.step(move |step| {
            let now = step.now();
            if !step.inbox().handled(id, now).map_err(StepError::from)? {
                return Ok(None);
            }
            effect(step).map(Some)
        })
        .await
    }

    /// Marks a message as handled with no effect but to be counted, by reason.
    pub async fn turn_away(
        &self,
        message: &InboxRow,
        reason: &'static str,
    ) -> Result<(), WriteError<StepError>> {
        tracing::warn!(reason, "a message was turned away");
        let slot = self.slot();
        self.settle(message, move |step| -> Result<(), StepError> {
            Ok(step.dead_letters().count(slot, reason)?)
        })
        .await?;
        Ok(())
    }
}
