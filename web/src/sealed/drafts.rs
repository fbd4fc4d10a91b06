//! Answers in the making, as far as they were told.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use sysmaint_protocol::{ContentId, body::Delta, limits::TEXT_MAX};

use crate::backend::{Draft, DraftPart};

/// Drafts that are kept; the oldest goes first.
const KEPT: usize = 32;
/// Stands where something was lost on its way.
const HOLE: &str = " … ";

/// The drafts, by their prompt.
#[derive(Debug, Default)]
pub(super) struct Drafts(Mutex<VecDeque<Entry>>);

#[derive(Debug)]
struct Entry {
    id: ContentId,
    /// The sender's number of the last part.
    last: u32,
    draft: Draft,
}

impl Drafts {
    /// Adds a part; what pages are to be told of it. Nothing, if it comes too late.
    pub(super) fn add(&self, id: ContentId, delta: &Delta) -> Option<DraftPart> {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = entries.iter().position(|entry| entry.id == id);
        let known = place.and_then(|place| entries.remove(place));
        let known = match known {
            Some(known) if delta.attempt < known.draft.attempt => {
                entries.push_back(known);
                return None;
            }
            known => known.filter(|known| known.draft.attempt == delta.attempt),
        };
        let empty = Draft { attempt: delta.attempt, seq: 0, text: String::new() };
        let mut entry = known.unwrap_or(Entry { id, last: 0, draft: empty });
        let part = entry.add(delta);
        if entries.len() >= KEPT {
            entries.pop_front();
        }
        entries.push_back(entry);
        part
    }

    /// The draft of an answer that is still to come.
    pub(super) fn get(&self, id: ContentId) -> Option<Draft> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.iter().find(|entry| entry.id == id).map(|entry| entry.draft.clone())
    }

    /// The answer is here.
    pub(super) fn remove(&self, id: ContentId) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|entry| entry.id != id);
    }
}

impl Entry {
    fn add(&mut self, delta: &Delta) -> Option<DraftPart> {
        if delta.seq <= self.last {
            return None;
        }
        let hole = if delta.seq > self.last.saturating_add(1) { HOLE } else { "" };
        let text = format!("{hole}{}", delta.text);
        if self.draft.text.len() + text.len() > TEXT_MAX {
            return None;
        }
        self.last = delta.seq;
        self.draft.seq = self.draft.seq.saturating_add(1);
        self.draft.text.push_str(&text);
        let Draft { attempt, seq, .. } = self.draft;
        Some(DraftPart { id: self.id, attempt, seq, text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: ContentId = ContentId::from_bytes([1; 16]);

    fn delta(attempt: u64, seq: u32, text: &str) -> Delta {
        Delta { attempt, seq, text: text.to_owned() }
    }

    fn text(drafts: &Drafts) -> String {
        drafts.get(ID).map_or_else(String::new, |draft| draft.text)
    }

    #[test]
    fn a_draft_grows_and_a_later_attempt_replaces_it() {
        let drafts = Drafts::default();
        assert_eq!(drafts.add(ID, &delta(5, 1, "The ")).unwrap().seq, 1);
        assert_eq!(drafts.add(ID, &delta(5, 2, "load")).unwrap().seq, 2);
        assert_eq!(text(&drafts), "The load");
        let part = drafts.add(ID, &delta(6, 1, "Busy")).unwrap();
        assert_eq!((part.attempt, part.seq, &*part.text), (6, 1, "Busy"));
        assert_eq!(drafts.add(ID, &delta(5, 3, " is")), None);
        assert_eq!(text(&drafts), "Busy");
        drafts.remove(ID);
        assert_eq!(drafts.get(ID), None);
    }

    #[test]
    fn what_was_lost_leaves_a_mark_and_what_comes_twice_none() {
        let drafts = Drafts::default();
        drafts.add(ID, &delta(5, 1, "a"));
        assert_eq!(drafts.add(ID, &delta(5, 1, "a")), None);
        assert_eq!(drafts.add(ID, &delta(5, 4, "d")).unwrap().text, " … d");
        assert_eq!(drafts.add(ID, &delta(5, 3, "c")), None);
        assert_eq!(text(&drafts), "a … d");
    }

    #[test]
    fn neither_one_draft_nor_all_of_them_grow_without_end() {
        let drafts = Drafts::default();
        let long = "x".repeat(1000);
        for seq in 1..100 {
            drafts.add(ID, &delta(5, seq, &long));
        }
        assert!(text(&drafts).len() <= TEXT_MAX);
        for number in 0..=u8::try_from(KEPT).unwrap() {
            drafts.add(ContentId::from_bytes([number.wrapping_add(2); 16]), &delta(1, 1, "x"));
        }
        assert_eq!(drafts.get(ID), None);
        assert_eq!(drafts.0.lock().unwrap().len(), KEPT);
    }
}
