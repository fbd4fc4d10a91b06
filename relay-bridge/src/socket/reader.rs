//! Reading a connection's mailbox: when, from where, and how often again.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use sysmaint_bus::{Bus, StoredEnvelope, StoredError, StoredMailbox};
use sysmaint_protocol::subject::Mailbox;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use super::pace::{backoff, jittered};

/// Envelopes of one read.
const BATCH: usize = 64;

/// A replica may not have yet what a hint named: it is asked again after these pauses.
const LAG: [Duration; 3] =
    [Duration::from_millis(10), Duration::from_millis(50), Duration::from_millis(200)];

/// What was read, and the room in memory that it takes.
pub(super) struct Catch {
    pub(super) envelopes: Vec<StoredEnvelope>,
    asked: usize,
    pub(super) room: OwnedSemaphorePermit,
}

/// A read that is under way.
pub(super) type Reading = BoxFuture<'static, Result<Catch, StoredError>>;

/// Where a connection stands in its mailbox.
#[derive(Debug)]
pub(super) struct Reader {
    /// The next sequence.
    cursor: u64,
    /// When to read next.
    at: Instant,
    /// What a hint has named and no read has shown.
    named: u64,
    /// Reads that did not show it.
    lagging: usize,
    failures: u32,
    /// How often to read without a reason.
    every: Duration,
}

impl Reader {
    /// From the oldest envelope on, at once.
    pub(super) const fn new(now: Instant, every: Duration) -> Self {
        Self { cursor: 1, at: now, named: 0, lagging: 0, failures: 0, every }
    }

    /// When to read next.
    pub(super) const fn due(&self) -> Instant {
        self.at
    }

    /// A hint named a sequence.
    pub(super) fn hint(&mut self, sequence: u64, now: Instant) {
        if sequence >= self.cursor && sequence > self.named {
            self.named = sequence;
            self.lagging = 0;
            self.at = self.at.min(now);
        }
    }

    /// Reads again after a pause: hints were missed, or what was read was not delivered.
    pub(super) fn again(&mut self, cursor: Option<u64>, at: Instant) {
        self.cursor = cursor.unwrap_or(self.cursor);
        self.at = at;
    }

    /// Asks for as much as there is room for.
    pub(super) fn read(
        &self,
        bus: &Bus,
        own: &Mailbox,
        budget: &Arc<Semaphore>,
        room: usize,
    ) -> Reading {
        let (mailbox, budget) = (bus.stored_mailbox(own), Arc::clone(budget));
        let (from, asked) = (self.cursor, room.min(BATCH));
        Box::pin(async move {
            let room = budget.acquire_owned().await;
            let room = room.map_err(|error| StoredError(error.to_string()))?;
            let envelopes = mailbox.read(from, asked).await?;
            Ok(Catch { envelopes, asked, room })
        })
    }

    /// Takes note of what was read, and so of when to read next.
    pub(super) fn read_was(&mut self, read: Result<&Catch, &StoredError>, now: Instant) {
        let Ok(catch) = read else {
            self.at = now + backoff(self.failures);
            self.failures = self.failures.saturating_add(1);
            return;
        };
        self.failures = 0;
        self.at = now;
        if let Some(last) = catch.envelopes.last() {
            self.cursor = last.sequence.saturating_add(1);
            self.lagging = 0;
        }
        let is_shown = self.named < self.cursor;
        if is_shown && catch.is_all() {
            self.at = now + jittered(self.every);
        } else if catch.envelopes.is_empty() {
            // Shown to somebody else and removed, or not there yet.
            if let Some(pause) = LAG.get(self.lagging) {
                self.at = now + *pause;
                self.lagging += 1;
            } else {
                self.named = 0;
                self.at = now + jittered(self.every);
            }
        }
    }
}

impl Catch {
    /// Whether the mailbox had no more: neither the number nor the bytes were the limit.
    fn is_all(&self) -> bool {
        let bytes: usize = self.envelopes.iter().map(|one| one.bytes.len()).sum();
        self.envelopes.len() < self.asked && bytes < StoredMailbox::READ_MAX / 2
    }
}

#[cfg(test)]
mod tests {
    use sysmaint_protocol::Timestamp;

    use super::*;

    const EVERY: Duration = Duration::from_secs(30);

    fn catch(sequences: &[u64], size: usize) -> Catch {
        let room = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        let one = |sequence: &u64| StoredEnvelope {
            sequence: *sequence,
            transfer_id: None,
            stored_at: Timestamp::default(),
            bytes: vec![0; size],
        };
        Catch { envelopes: sequences.iter().map(one).collect(), asked: BATCH, room }
    }

    #[test]
    fn reading_goes_on_until_there_is_no_more() {
        let now = Instant::now();
        let mut reader = Reader::new(now, EVERY);
        let full: Vec<u64> = (1..=64).collect();
        reader.read_was(Ok(&catch(&full, 10)), now);
        assert_eq!((reader.cursor, reader.due()), (65, now));
        // Bytes were the limit here.
        reader.read_was(Ok(&catch(&[70], 90_000)), now);
        assert_eq!((reader.cursor, reader.due()), (71, now));
        reader.read_was(Ok(&catch(&[80], 10)), now);
        assert!(reader.due() > now + EVERY / 2);
        assert_eq!(reader.cursor, 81);
    }

    #[test]
    fn what_a_hint_named_is_asked_for_until_it_cannot_come() {
        let now = Instant::now();
        let mut reader = Reader::new(now, EVERY);
        reader.read_was(Ok(&catch(&[1], 10)), now);
        reader.hint(1, now);
        assert!(reader.due() > now, "it is known already");
        reader.hint(9, now);
        assert_eq!(reader.due(), now);
        for pause in LAG {
            reader.read_was(Ok(&catch(&[], 0)), now);
            assert_eq!(reader.due(), now + pause);
        }
        reader.read_was(Ok(&catch(&[], 0)), now);
        assert!(reader.due() > now + EVERY / 2);
        reader.read_was(Ok(&catch(&[9], 10)), now);
        assert!(reader.due() > now + EVERY / 2);
    }

    #[test]
    fn trouble_is_tried_again_with_growing_pauses() {
        let now = Instant::now();
        let mut reader = Reader::new(now, EVERY);
        let trouble = StoredError("away".to_owned());
        for _ in 0..20 {
            reader.read_was(Err(&trouble), now);
            assert!(reader.due() > now && reader.due() <= now + Duration::from_secs(5));
        }
        assert!(reader.due() > now + Duration::from_secs(2));
        reader.again(Some(1), now);
        assert_eq!(reader.due(), now);
    }
}
