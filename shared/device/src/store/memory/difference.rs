//! What a step changed in a memory store.
//!
//! A browser's database cannot be read in the middle of a step, which never waits. So it is loaded
//! before one, the step works on the copy, and what differs afterwards is written in one
//! transaction: see [`Memory::difference`] and [`Memory::apply`].

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt,
};

use sysmaint_protocol::{Address, ContentId, Handle, Timestamp};

use super::{
    InMemory, Memory,
    repair::{Awaited, Repairs},
};
use crate::{
    Sealed,
    store::{Contact, DeadLetter, Held, LocalDevice, Peer, PrekeyClass, PrekeyRecord, SentMessage},
};

/// A part of a store that can say what changed in it.
trait Part {
    type Change;

    /// What makes `before` into this.
    fn change(&self, before: &Self) -> Self::Change;
    /// Rows that the change writes or removes.
    fn rows(change: &Self::Change) -> usize;
    fn apply(&mut self, change: Self::Change);
}

/// One value: the new one, if it is another.
macro_rules! value {
    ($type:ty) => {
        impl Part for $type {
            type Change = Option<Self>;

            fn change(&self, before: &Self) -> Option<Self> {
                (self != before).then(|| self.clone())
            }

            fn rows(change: &Option<Self>) -> usize {
                usize::from(change.is_some())
            }

            fn apply(&mut self, change: Option<Self>) {
                if let Some(value) = change {
                    *self = value;
                }
            }
        }
    };
}

value!(Option<LocalDevice>);
value!(usize);

/// Keys with their new value, or with none where they are gone.
impl<K: Ord + Clone, V: PartialEq + Clone> Part for BTreeMap<K, V> {
    type Change = Vec<(K, Option<V>)>;

    fn change(&self, before: &Self) -> Self::Change {
        let gone = before.keys().filter(|key| !self.contains_key(key));
        let gone = gone.map(|key| (key.clone(), None));
        let put = self.iter().filter(|(key, value)| before.get(key) != Some(value));
        gone.chain(put.map(|(key, value)| (key.clone(), Some(value.clone())))).collect()
    }

    fn rows(change: &Self::Change) -> usize {
        change.len()
    }

    fn apply(&mut self, change: Self::Change) {
        for (key, value) in change {
            match value {
                Some(value) => self.insert(key, value),
                None => self.remove(&key),
            };
        }
    }
}

/// What is in it and was not, or the other way round.
impl<T: Ord + Clone> Part for BTreeSet<T> {
    type Change = Vec<T>;

    fn change(&self, before: &Self) -> Vec<T> {
        self.symmetric_difference(before).cloned().collect()
    }

    fn rows(change: &Vec<T>) -> usize {
        change.len()
    }

    fn apply(&mut self, change: Vec<T>) {
        for item in change {
            if !self.remove(&item) {
                self.insert(item);
            }
        }
    }
}

/// The middle of a list, between what stayed at its beginning and at its end.
pub(super) struct Middle<T> {
    from: usize,
    removed: usize,
    put: Vec<T>,
}

impl<T> Middle<T> {
    fn between(now: &[T], before: &[T]) -> Self
    where
        T: PartialEq + Clone,
    {
        let from = now.iter().zip(before).take_while(|(now, before)| now == before).count();
        let (now, before) = (&now[from..], &before[from..]);
        let backwards = now.iter().rev().zip(before.iter().rev());
        let end = backwards.take_while(|(now, before)| now == before).count();
        Self { from, removed: before.len() - end, put: now[..now.len() - end].to_vec() }
    }
}

impl<T: PartialEq + Clone> Part for Vec<T> {
    type Change = Middle<T>;

    fn change(&self, before: &Self) -> Middle<T> {
        Middle::between(self, before)
    }

    fn rows(change: &Middle<T>) -> usize {
        change.removed.max(change.put.len())
    }

    fn apply(&mut self, Middle { from, removed, put }: Middle<T>) {
        self.splice(from..from + removed, put);
    }
}

/// A queue of fixed length: how many left it in front, and what came in behind.
pub(super) struct Passed<T> {
    left: usize,
    came: Vec<T>,
}

impl<T: PartialEq + Clone> Part for VecDeque<T> {
    type Change = Passed<T>;

    fn change(&self, before: &Self) -> Passed<T> {
        let stayed = |left: &usize| {
            let kept = before.iter().skip(*left);
            before.len() - left <= self.len() && kept.eq(self.iter().take(before.len() - left))
        };
        let left = (0..before.len()).find(stayed).unwrap_or(before.len());
        let came = self.iter().skip(before.len() - left).cloned().collect();
        Passed { left, came }
    }

    fn rows(change: &Passed<T>) -> usize {
        change.left + change.came.len()
    }

    fn apply(&mut self, Passed { left, came }: Passed<T>) {
        self.drain(..left);
        self.extend(came);
    }
}

/// A struct of parts is a part. Every field is named, so that none is forgotten.
macro_rules! parts {
    ($type:ident, $change:ident { $($field:ident: $part:ty),* $(,)? }) => {
        pub(super) struct $change {
            $($field: <$part as Part>::Change),*
        }

        impl Part for $type {
            type Change = $change;

            fn change(&self, before: &Self) -> $change {
                let Self { $($field),* } = self;
                $change { $($field: $field.change(&before.$field)),* }
            }

            fn rows(change: &$change) -> usize {
                [$(<$part as Part>::rows(&change.$field)),*].iter().sum()
            }

            fn apply(&mut self, change: $change) {
                $(self.$field.apply(change.$field);)*
            }
        }
    };
}

parts!(Memory, MemoryChange {
    local: Option<LocalDevice>,
    sessions: BTreeMap<Address, Vec<u8>>,
    peers: BTreeMap<Address, Peer>,
    contacts: BTreeMap<Handle, Contact>,
    sequences: BTreeMap<Address, u64>,
    received: BTreeMap<Address, BTreeSet<u64>>,
    unopened: BTreeMap<Address, u64>,
    prekeys: BTreeMap<(PrekeyClass, u32), PrekeyRecord>,
    last_resort: BTreeSet<(u32, u32, Vec<u8>)>,
    receipts: Vec<(Address, ContentId, Timestamp)>,
    outbox: Vec<Sealed>,
    inbox: Vec<InMemory>,
    delivered: Vec<ContentId>,
    held: Vec<Held>,
    rejected: BTreeSet<(Address, Vec<u8>)>,
    dead: Vec<DeadLetter>,
    repair: Repairs,
});

parts!(Repairs, RepairsChange {
    settled: VecDeque<u64>,
    retries: Vec<Awaited>,
    asked: Vec<(Address, Timestamp)>,
    resends: Vec<(Address, u64)>,
    requested: Vec<(Address, Timestamp)>,
    sent: Vec<(Address, u64, SentMessage)>,
    refilled: Vec<ContentId>,
    repaired: usize,
});

/// What makes one state of a memory store into a later one. It holds keys, and shows none.
pub struct Difference(MemoryChange);

impl Difference {
    /// Rows to be written or removed.
    pub fn rows(&self) -> usize {
        Memory::rows(&self.0)
    }
}

impl fmt::Debug for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Difference").field("rows", &self.rows()).finish()
    }
}

impl Memory {
    /// What was changed in it since it was a copy of `before`.
    pub fn difference(&self, before: &Self) -> Difference {
        Difference(self.change(before))
    }

    /// Makes it what the difference's origin was, if it is what that one started from.
    pub fn apply(&mut self, difference: Difference) {
        Part::apply(self, difference.0);
    }
}
