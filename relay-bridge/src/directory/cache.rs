//! What was read from the registry a moment ago, in bounded memory. It never says anything that
//! it was told to forget, not even by a read that was under way then.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// How long an entry is used, should the word that it changed never come.
const LIFE: Duration = Duration::from_secs(10);
/// Entries that are kept at once: a few megabytes.
const ENTRIES_MAX: usize = 50_000;

/// Entries by key. It is empty, and stays so, until somebody listens for changes.
#[derive(Debug)]
pub(super) struct Cache<K, V>(Mutex<Entries<K, V>>);

#[derive(Debug)]
struct Entries<K, V> {
    by_key: HashMap<K, Entry<V>>,
    is_watched: bool,
    tickets: u64,
    room: usize,
}

#[derive(Debug)]
struct Entry<V> {
    since: Instant,
    state: State<V>,
}

#[derive(Debug)]
enum State<V> {
    /// A read is under way.
    Awaited(Ticket),
    Known(V),
}

/// A read that may be kept, unless its key is forgotten before it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket(u64);

impl<K: Clone + Eq + Hash, V: Clone> Cache<K, V> {
    pub(super) fn new() -> Self {
        Self::with_room(ENTRIES_MAX)
    }

    fn with_room(room: usize) -> Self {
        Self(Mutex::new(Entries { by_key: HashMap::new(), is_watched: false, tickets: 0, room }))
    }

    pub(super) fn get(&self, key: &K, now: Instant) -> Option<V> {
        match self.entries().by_key.get(key)? {
            Entry { since, state: State::Known(value) } if is_fresh(*since, now) => {
                Some(value.clone())
            }
            _ => None,
        }
    }

    /// Announces a read. `None` if its result is not to be kept: another one is under way, or
    /// nobody listens for changes.
    pub(super) fn begin(&self, key: &K, now: Instant) -> Option<Ticket> {
        let mut entries = self.entries();
        if !entries.is_watched {
            return None;
        }
        let entry = entries.by_key.get(key);
        if entry.is_some_and(|entry| is_fresh(entry.since, now)) {
            return None;
        }
        if entry.is_none() && entries.by_key.len() >= entries.room {
            // Whoever is still there is read again, which costs little and comes rarely.
            entries.by_key.clear();
        }
        entries.tickets += 1;
        let ticket = Ticket(entries.tickets);
        let state = State::Awaited(ticket);
        entries.by_key.insert(key.clone(), Entry { since: now, state });
        Some(ticket)
    }

    /// Keeps what a read has found. That there was nothing is not kept: it may be there in the
    /// next moment.
    pub(super) fn finish(&self, key: &K, ticket: Ticket, found: Option<V>) {
        let mut entries = self.entries();
        let Some(entry) = entries.by_key.get_mut(key) else { return };
        if !matches!(entry.state, State::Awaited(awaited) if awaited == ticket) {
            return;
        }
        match found {
            Some(value) => entry.state = State::Known(value),
            None => {
                entries.by_key.remove(key);
            }
        }
    }

    /// Forgets a key that has changed.
    pub(super) fn forget(&self, key: &K) {
        self.entries().by_key.remove(key);
    }

    /// Forgets everything, and keeps new things if somebody listens for changes from now on.
    pub(super) fn restart(&self, is_watched: bool) {
        let mut entries = self.entries();
        entries.by_key.clear();
        entries.is_watched = is_watched;
    }

    /// Whether somebody listens for changes, so that anything is kept.
    pub(super) fn is_watched(&self) -> bool {
        self.entries().is_watched
    }

    /// Frees what is not used any more.
    pub(super) fn sweep(&self, now: Instant) {
        let mut entries = self.entries();
        entries.by_key.retain(|_, entry| is_fresh(entry.since, now));
        entries.by_key.shrink_to(0);
    }

    fn entries(&self) -> MutexGuard<'_, Entries<K, V>> {
        // Each change is one insertion or removal: a panic leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_fresh(since: Instant, now: Instant) -> bool {
    now.saturating_duration_since(since) < LIFE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched() -> Cache<char, u8> {
        let cache = Cache::with_room(3);
        cache.restart(true);
        cache
    }

    fn fill(cache: &Cache<char, u8>, key: char, value: u8, now: Instant) {
        let ticket = cache.begin(&key, now).unwrap();
        cache.finish(&key, ticket, Some(value));
    }

    #[test]
    fn what_was_read_is_known_for_ten_seconds() {
        let (cache, now) = (watched(), Instant::now());
        fill(&cache, 'a', 1, now);
        assert_eq!(cache.get(&'a', now + Duration::from_millis(9_999)), Some(1));
        assert_eq!(cache.get(&'a', now + LIFE), None);
        fill(&cache, 'a', 2, now + LIFE);
        assert_eq!(cache.get(&'a', now + LIFE), Some(2));
    }

    #[test]
    fn a_read_that_was_overtaken_by_a_change_is_not_kept() {
        let (cache, now, key) = (watched(), Instant::now(), 'a');
        let ticket = cache.begin(&key, now).unwrap();
        cache.forget(&'a');
        cache.finish(&key, ticket, Some(1));
        assert_eq!(cache.get(&'a', now), None);

        let overtaken = cache.begin(&key, now).unwrap();
        cache.restart(true);
        let later = cache.begin(&key, now).unwrap();
        cache.finish(&key, overtaken, Some(1));
        assert_eq!(cache.get(&'a', now), None);
        cache.finish(&key, later, Some(2));
        assert_eq!(cache.get(&'a', now), Some(2));
    }

    #[test]
    fn that_there_was_nothing_is_not_kept() {
        let (cache, now, key) = (watched(), Instant::now(), 'a');
        let ticket = cache.begin(&key, now).unwrap();
        cache.finish(&key, ticket, None);
        assert!(cache.begin(&key, now).is_some());
    }

    #[test]
    fn nothing_is_kept_while_nobody_listens() {
        let (cache, now, key) = (watched(), Instant::now(), 'a');
        fill(&cache, 'a', 1, now);
        cache.restart(false);
        assert_eq!(cache.get(&'a', now), None);
        assert_eq!(cache.begin(&key, now), None);
    }

    #[test]
    fn a_read_that_was_given_up_blocks_nobody_for_long() {
        let (cache, now, key) = (watched(), Instant::now(), 'a');
        let _given_up = cache.begin(&key, now).unwrap();
        assert_eq!(cache.begin(&key, now), None);
        assert!(cache.begin(&key, now + LIFE).is_some());
    }

    #[test]
    fn it_has_an_end_and_forgets_what_is_old() {
        let (cache, now) = (watched(), Instant::now());
        for (value, key) in (0..).zip(['a', 'b', 'c', 'd']) {
            fill(&cache, key, value, now);
        }
        assert_eq!(cache.entries().by_key.len(), 1);
        assert_eq!(cache.get(&'d', now), Some(3));
        cache.sweep(now + LIFE);
        assert!(cache.entries().by_key.is_empty());
    }
}
