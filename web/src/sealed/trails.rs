//! What became of direct messages, in memory.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use sysmaint_device::Mechanics;
use sysmaint_endpoint::Clock;
use sysmaint_protocol::{ContentId, Handle, Timestamp, TransferId};
use sysmaint_store::Queued;
use tokio::sync::broadcast;

use crate::backend::{Event, Fault, Happening, Trail, What};

/// Messages that are followed; the oldest goes first, unless the link holds it.
const FOLLOWED: usize = 200;
/// Watchers that lag by more than this are told so and read again.
pub(super) const EVENTS: usize = 256;

/// The trails, by their messages.
pub(super) struct Trails {
    pub(super) events: broadcast::Sender<Event>,
    clock: Clock,
    entries: Mutex<VecDeque<Entry>>,
}

struct Entry {
    trail: Trail,
    /// Whether the transaction that began it is known to be committed.
    confirmed: bool,
}

impl Trails {
    pub(super) fn new(clock: Clock) -> Self {
        Self { events: broadcast::Sender::new(EVENTS), clock, entries: Mutex::default() }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A message that is being sealed here. Nobody is told before [`Self::confirm`].
    pub(super) fn begin(&self, from: &Handle, queued: &Queued, fault: Option<Fault>) {
        let mut trail = self.trail(queued.content_id, &queued.to.handle);
        (trail.from, trail.fault) = (Some(from.clone()), fault);
        let mechanics = queued.mechanics.map(Into::into);
        self.push(&mut trail, queued.transfer_id, What::Sealed { mechanics });
        self.add(trail, false);
    }

    /// It is committed.
    pub(super) fn confirm(&self, id: ContentId) {
        let mut entries = self.entries();
        if let Some(entry) = find(&mut entries, id) {
            entry.confirmed = true;
            self.tell(&entry.trail);
        }
    }

    /// A message that was held when the last process ended.
    pub(super) fn restore(&self, id: ContentId, from: Handle, to: &Handle, fault: Fault) {
        let mut trail = self.trail(id, to);
        (trail.from, trail.fault, trail.held) = (Some(from), Some(fault), true);
        self.add(trail, true);
    }

    /// Whether the link holds a message's true bytes.
    pub(super) fn hold(&self, id: ContentId, held: bool) {
        self.change(id, |trail| trail.held = held);
    }

    /// Something happened to an envelope of a message.
    pub(super) fn note(&self, id: ContentId, envelope: TransferId, what: What) {
        self.change(id, |trail| self.push(trail, envelope, what));
    }

    /// Something happened to an envelope, if it is one of a message that is followed.
    pub(super) fn note_envelope(&self, envelope: TransferId, what: What) {
        let has = |trail: &Trail| trail.events.iter().any(|event| event.envelope == envelope);
        let found = self.entries().iter().find(|entry| has(&entry.trail)).map(|e| e.trail.id);
        if let Some(id) = found {
            self.note(id, envelope, what);
        }
    }

    /// What is followed was sealed once more, by repair.
    pub(super) fn sealed(&self, queued: &Queued) {
        let mechanics = queued.mechanics.map(Into::into);
        let known = |event: &Happening| event.envelope == queued.transfer_id;
        self.change(queued.content_id, |trail| {
            if !trail.events.iter().any(known) && trail.to == queued.to.handle {
                self.push(trail, queued.transfer_id, What::Sealed { mechanics });
            }
        });
    }

    /// A text was opened here, whoever sealed it.
    pub(super) fn opened(
        &self,
        id: ContentId,
        to: &Handle,
        envelope: TransferId,
        mechanics: Option<Mechanics>,
    ) {
        if find(&mut self.entries(), id).is_none() {
            self.add(self.trail(id, to), true);
        }
        let mechanics = mechanics.map(Into::into);
        self.note(id, envelope, What::Opened { mechanics });
    }

    /// What is followed, oldest first.
    pub(super) fn all(&self) -> Vec<Trail> {
        let entries = self.entries();
        entries.iter().filter(|entry| entry.confirmed).map(|entry| entry.trail.clone()).collect()
    }

    fn trail(&self, id: ContentId, to: &Handle) -> Trail {
        Trail {
            id,
            from: None,
            to: to.clone(),
            at: self.now(),
            fault: None,
            held: false,
            text: None,
            events: Vec::new(),
        }
    }

    /// An attempt that is made again is told once.
    fn push(&self, trail: &mut Trail, envelope: TransferId, what: What) {
        let known = |event: &Happening| event.envelope == envelope && event.what == what;
        if !trail.events.iter().any(known) {
            trail.events.push(Happening { at: self.now(), envelope, what });
        }
    }

    fn add(&self, trail: Trail, confirmed: bool) {
        let mut entries = self.entries();
        entries.retain(|entry| entry.trail.id != trail.id);
        if entries.len() >= FOLLOWED
            && let Some(oldest) = entries.iter().position(|entry| !entry.trail.held)
        {
            entries.remove(oldest);
        }
        entries.push_back(Entry { trail, confirmed });
    }

    fn change(&self, id: ContentId, change: impl FnOnce(&mut Trail)) {
        let mut entries = self.entries();
        let Some(entry) = find(&mut entries, id) else { return };
        change(&mut entry.trail);
        // Whatever becomes of an envelope, it was committed before.
        entry.confirmed = true;
        self.tell(&entry.trail);
    }

    /// Pages that are not there miss nothing: they read when they come.
    fn tell(&self, trail: &Trail) {
        let _ = self.events.send(Event::Trail(std::sync::Arc::new(trail.clone())));
    }

    fn entries(&self) -> MutexGuard<'_, VecDeque<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn find(entries: &mut VecDeque<Entry>, id: ContentId) -> Option<&mut Entry> {
    entries.iter_mut().find(|entry| entry.trail.id == id)
}
