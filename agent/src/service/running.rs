//! Which answers are in the making, so that they can be stopped.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use sysmaint_protocol::{ContentId, ServiceId};
use tokio_util::sync::CancellationToken;

/// A prompt: who asked, and what they named it.
type Key = (ServiceId, ContentId);

/// The answers in the making.
#[derive(Clone, Debug, Default)]
pub(super) struct Running(Arc<Mutex<HashMap<Key, Tokens>>>);

#[derive(Clone, Debug, Default)]
struct Tokens {
    stop: CancellationToken,
    over: CancellationToken,
}

/// One of them, for as long as this lives.
#[derive(Debug)]
pub(super) struct Place {
    running: Running,
    key: Key,
    tokens: Tokens,
}

impl Running {
    /// Notes that a prompt is going to be answered.
    pub(super) fn begin(&self, asked_by: ServiceId, prompt: ContentId) -> Place {
        let (key, tokens) = ((asked_by, prompt), Tokens::default());
        self.change(|places| places.insert(key, tokens.clone()));
        Place { running: self.clone(), key, tokens }
    }

    /// Stops the answer to a prompt, if it is in the making and whoever stops it has asked it.
    /// Returns once nothing of it goes on.
    pub(super) async fn stop(&self, asked_by: ServiceId, prompt: ContentId) {
        let tokens = self.change(|places| places.get(&(asked_by, prompt)).cloned());
        if let Some(Tokens { stop, over }) = tokens {
            stop.cancel();
            over.cancelled().await;
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut HashMap<Key, Tokens>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Place {
    /// Cancelled when the answer is not wanted any more.
    pub(super) const fn stop(&self) -> &CancellationToken {
        &self.tokens.stop
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.running.change(|places| places.remove(&self.key));
        self.tokens.over.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROMPT: ContentId = ContentId::from_bytes([1; 16]);

    fn person(byte: u8) -> ServiceId {
        ServiceId::from_bytes([byte; 16])
    }

    #[tokio::test]
    async fn only_whoever_asked_stops_an_answer() {
        let running = Running::default();
        let place = running.begin(person(1), PROMPT);
        running.stop(person(2), PROMPT).await;
        running.stop(person(1), ContentId::from_bytes([2; 16])).await;
        assert!(!place.stop().is_cancelled());
        let stopping = running.stop(person(1), PROMPT);
        let answering = async {
            place.stop().cancelled().await;
            drop(place);
        };
        tokio::join!(stopping, answering);
        running.stop(person(1), PROMPT).await;
    }
}
