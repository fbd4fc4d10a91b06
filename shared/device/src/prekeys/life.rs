//! When a prekey goes: not before the last message that may need it could have arrived.

use std::time::Duration;

use sysmaint_protocol::{Timestamp, limits::MAILBOX_AGE, rest::PrekeyCount};

use crate::store::{PrekeyClass, PrekeyRecord, Store, StoreError};

/// libsignal's `MAX_UNACKNOWLEDGED_SESSION_AGE`: so long a peer may go on sealing with the prekeys
/// that it was given, while nothing of ours has reached it.
const UNANSWERED: Duration = Duration::from_hours(30 * 24);
/// The last of those messages waits in the mailbox as long as any.
const KEPT: Duration = UNANSWERED.saturating_add(MAILBOX_AGE);
/// The directory hands out the oldest first; of several who ask at once, one may get a later one.
const OUT_OF_TURN: usize = 32;
/// One-time prekeys of a class that were handed out and not used. Whoever asks for bundle after
/// bundle and says nothing shall not fill the disk.
const HANDED_OUT_MAX: usize = 4_096;

const STANDING: [PrekeyClass; 2] = [PrekeyClass::Signed, PrekeyClass::LastResort];
const ONE_TIME: [PrekeyClass; 2] = [PrekeyClass::Ec, PrekeyClass::Kyber];

/// Once the directory has the newest standing prekeys, the others are out of use.
pub(super) fn note_successors(store: &mut dyn Store, now: Timestamp) -> Result<(), StoreError> {
    for class in STANDING {
        let mut known = store.prekeys(class)?;
        known.pop();
        for prekey in known {
            retire(store, class, prekey, Some(now))?;
        }
    }
    Ok(())
}

/// What the directory does not hold any more was handed out. Its count may be of a moment ago, or
/// of an old copy of it, and a later one puts that right.
pub(super) fn note_stock(
    store: &mut dyn Store,
    now: Timestamp,
    held: PrekeyCount,
) -> Result<(), StoreError> {
    for (class, held) in
        ONE_TIME.into_iter().zip([held.one_time_prekeys, held.one_time_kyber_prekeys])
    {
        let mut uploaded = store.prekeys(class)?;
        uploaded.retain(|prekey| prekey.uploaded);
        let held = usize::try_from(held).unwrap_or(usize::MAX).saturating_add(OUT_OF_TURN);
        let gone = uploaded.len().saturating_sub(held);
        for (index, prekey) in uploaded.into_iter().enumerate() {
            retire(store, class, prekey, (index < gone).then_some(now))?;
        }
    }
    Ok(())
}

/// Removes what nobody can need any more.
pub(super) fn forget(store: &mut dyn Store, now: Timestamp) -> Result<(), StoreError> {
    for class in STANDING.into_iter().chain(ONE_TIME) {
        let mut retired = store.prekeys(class)?;
        retired.retain(|prekey| prekey.retired_at.is_some());
        let surplus = retired.len().saturating_sub(HANDED_OUT_MAX);
        let is_old = |prekey: &PrekeyRecord| {
            prekey.retired_at.is_some_and(|retired_at| now.since(retired_at) > KEPT)
        };
        for (index, prekey) in retired.iter().enumerate() {
            if index < surplus || is_old(prekey) {
                store.remove_prekey(class, prekey.id)?;
            }
        }
    }
    Ok(())
}

/// Notes since when it is out of use, or that it is in use.
fn retire(
    store: &mut dyn Store,
    class: PrekeyClass,
    prekey: PrekeyRecord,
    now: Option<Timestamp>,
) -> Result<(), StoreError> {
    // Since the first time, and not since a moment that is still to come.
    let retired_at = now.map(|now| prekey.retired_at.map_or(now, |before| before.min(now)));
    if retired_at == prekey.retired_at {
        return Ok(());
    }
    store.put_prekey(class, &PrekeyRecord { retired_at, ..prekey })
}
