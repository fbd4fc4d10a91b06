//! What the connection says of itself. NATS answers a forbidden request with silence; the reason
//! comes as an event beside it and is brought back to the request here.

use std::sync::Arc;

use async_nats::{Event, ServerError};
use tokio::sync::{broadcast, watch};

/// Denials that may wait for a slow reader; each request reads its own at once.
const DENIALS: usize = 64;

#[derive(Clone, Debug)]
pub(crate) struct Events {
    denials: broadcast::Sender<Arc<str>>,
    gaps: watch::Sender<u64>,
    /// How often the connection was made or lost.
    turns: watch::Sender<u64>,
}

/// Listens for the denial of one subject. Made before the request is sent.
pub(crate) struct Denial {
    quoted: String,
    receiver: broadcast::Receiver<Arc<str>>,
}

impl Events {
    pub(crate) fn new() -> Self {
        Self {
            denials: broadcast::channel(DENIALS).0,
            gaps: watch::Sender::new(0),
            turns: watch::Sender::new(0),
        }
    }

    /// Changes whenever a plain subscription may have missed something.
    pub(crate) fn gaps(&self) -> watch::Receiver<u64> {
        self.gaps.subscribe()
    }

    pub(crate) fn turns(&self) -> watch::Receiver<u64> {
        self.turns.subscribe()
    }

    pub(crate) fn denial_of(&self, subject: &str) -> Denial {
        Denial { quoted: format!("\"{subject}\""), receiver: self.denials.subscribe() }
    }

    /// Logs an event. Subjects, which name people, appear at debug level only.
    pub(crate) fn record(&self, event: Event) {
        if matches!(event, Event::Connected | Event::SlowConsumer(_)) {
            self.gaps.send_modify(|gaps| *gaps = gaps.wrapping_add(1));
        }
        if matches!(event, Event::Connected | Event::Disconnected) {
            self.turns.send_modify(|turns| *turns = turns.wrapping_add(1));
        }
        match event {
            Event::Connected => tracing::info!("connected to nats"),
            Event::Disconnected => tracing::warn!("lost the connection to nats; reconnecting"),
            Event::LameDuckMode => tracing::warn!("nats is about to shut down; reconnecting"),
            Event::SlowConsumer(_) => {
                tracing::warn!("a subscription was too slow and missed messages");
            }
            Event::ServerError(ServerError::Other(text)) if is_denial(&text) => {
                tracing::warn!("nats denied a request: its user lacks a permission");
                tracing::debug!(reason = text, "denied");
                let _nobody_waits = self.denials.send(text.into());
            }
            Event::ServerError(error) => tracing::warn!(%error, "nats reports an error"),
            other => tracing::debug!(event = %other, "nats"),
        }
    }
}

impl Denial {
    /// Returns what the server said, once it denies this subject; otherwise never.
    pub(crate) async fn wait(mut self) -> String {
        loop {
            match self.receiver.recv().await {
                Ok(text) if text.contains(&self.quoted) => return text.to_string(),
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}

fn is_denial(text: &str) -> bool {
    text.to_ascii_lowercase().contains("permissions violation")
}
