//! Watching envelopes as they pass, as an outsider would: what the demo shows.

use std::time::{SystemTime, UNIX_EPOCH};

use async_nats::{Message, Subscriber};
use futures_util::{StreamExt as _, stream::SelectAll};
use sysmaint_protocol::{Timestamp, subject::Mailbox};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use crate::{Bus, connect::ANSWER_WITHIN};

/// Envelopes that a slow watcher may fall behind; after that it misses some and learns how many.
const HOLDS: usize = 256;

/// What anybody on the wire sees of one envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Where it goes.
    pub subject: String,
    /// The ciphertext.
    pub bytes: Vec<u8>,
    /// What stands beside it.
    pub headers: Vec<(String, String)>,
    /// When it passed, by our clock.
    pub at: Timestamp,
}

/// A watch on some mailboxes. It ends when dropped or at shutdown.
#[derive(Debug)]
pub struct Tap {
    sender: broadcast::Sender<Seen>,
    task: tokio::task::JoinHandle<()>,
}

/// The mailboxes cannot be watched.
#[derive(Debug, thiserror::Error)]
#[error("cannot watch the mailboxes: {0}")]
pub struct TapError(pub String);

impl Bus {
    /// Watches mailboxes by plain subscription: nothing is taken out, and what passed before is
    /// not seen.
    pub async fn tap(
        &self,
        mailboxes: &[Mailbox],
        shutdown: CancellationToken,
    ) -> Result<Tap, TapError> {
        let failed = |error: &dyn std::fmt::Display| TapError(error.to_string());
        let mut passing = SelectAll::new();
        for mailbox in mailboxes {
            let subscriber = self.client.subscribe(mailbox.sealed()).await;
            passing.push(subscriber.map_err(|error| failed(&error))?);
        }
        tokio::time::timeout(ANSWER_WITHIN, self.client.flush())
            .await
            .map_err(|error| failed(&error))?
            .map_err(|error| failed(&error))?;
        let (sender, _) = broadcast::channel(HOLDS);
        let task = tokio::spawn(watch(passing, sender.clone(), shutdown));
        Ok(Tap { sender, task })
    }
}

impl Tap {
    /// What passes from now on.
    pub fn watch(&self) -> broadcast::Receiver<Seen> {
        self.sender.subscribe()
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn watch(
    mut passing: SelectAll<Subscriber>,
    sender: broadcast::Sender<Seen>,
    shutdown: CancellationToken,
) {
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            message = passing.next() => match message {
                Some(message) => {
                    // An error says that nobody watches at the moment.
                    let _watchers = sender.send(seen(message));
                }
                None => return,
            },
        }
    }
}

fn seen(message: Message) -> Seen {
    let headers = message.headers.as_ref().map_or_else(Vec::new, |headers| {
        headers
            .iter()
            .flat_map(|(name, values)| {
                values.iter().map(move |value| (name.to_string(), value.to_string()))
            })
            .collect()
    });
    Seen { subject: message.subject.to_string(), bytes: message.payload.into(), headers, at: now() }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
