//! Delivery receipts: they complete sessions, turn the ratchets under one-way telemetry, and let
//! a sender go on.

use rand::{CryptoRng, Rng};
use sysmaint_protocol::{
    Address, ContentId, Timestamp,
    body::{self, Receipt},
    limits::{MAILBOX_TELEMETRY, RECEIPT_DELAY, RECEIPT_IDS, TELEMETRY_WINDOW},
};

use crate::{
    Device, Draft, SealError,
    bundle::has_usable_session,
    store::{Store, StoreError},
    trust,
};
use sysmaint_protocol::{Header, Kind};

impl Device {
    /// Seals the receipts that are due and queues them; returns how many messages they are.
    /// Receipts for a peer without a usable session wait for the next one.
    pub fn send_due_receipts<R: Rng + CryptoRng>(
        &self,
        store: &mut dyn Store,
        rng: &mut R,
        now: Timestamp,
    ) -> Result<usize, SealError> {
        let window = granted_window(store.telemetry_senders()?);
        let mut sent = 0;
        for due in store.receipts_due(now, batch(window))? {
            let Some(handle) = store.handle_of(due.peer.service_id)? else { continue };
            if trust::is_undecided(store, &handle, due.peer)?
                || !has_usable_session(store, due.peer, now)?
            {
                continue;
            }
            let content_ids = store.take_receipts(due.peer, RECEIPT_IDS)?;
            let receipt = Receipt { content_ids, telemetry_window: window };
            let body = body::encode(&receipt)?;
            let draft = Draft {
                content_id: ContentId::from_bytes(rng.random()),
                kind: Kind::Receipt,
                in_reply_to: None,
                body: &body,
            };
            self.seal(store, rng, now, &handle, due.peer, &draft)?;
            sent += 1;
        }
        Ok(sent)
    }
}

/// Owes a receipt: at once where somebody waits or a session is to be completed, else within a
/// minute.
pub(crate) fn owe(
    store: &mut dyn Store,
    peer: Address,
    header: &Header,
    opens_session: bool,
    now: Timestamp,
) -> Result<(), StoreError> {
    if !header.kind.is_receipted() {
        return Ok(());
    }
    let at_once = opens_session || header.kind.is_interactive();
    let due_at = if at_once { now } else { now.after(RECEIPT_DELAY) };
    store.owe_receipt(peer, header.content_id, due_at)
}

/// Receipts are due once this many are owed: half a window, so that a sender that is faster than
/// one window a minute never has to wait for one.
fn batch(window: u32) -> usize {
    (window as usize / 2).clamp(1, RECEIPT_IDS)
}

/// What telemetry may fill of the mailbox, shared among its senders.
fn granted_window(senders: u32) -> u32 {
    (MAILBOX_TELEMETRY / senders.max(1)).clamp(1, TELEMETRY_WINDOW)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_windows_together_leave_room_for_chat() {
        for senders in 1..=800 {
            assert!(granted_window(senders) * senders <= MAILBOX_TELEMETRY, "{senders}");
        }
        assert_eq!(granted_window(0), TELEMETRY_WINDOW);
        assert_eq!(granted_window(100_000), 1);
    }
}
