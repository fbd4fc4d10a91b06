//! Repair of what could not be opened, never by deleting anything.
//!
//! Whoever cannot open a message asks its sender for it: a request of libsignal's own, sealed, and
//! authentic without a session. It names the ciphertext and the ratchet key that it was made with.
//! The sender retires its session if that key is still in use, seals the same content anew, and
//! says what became of each request. Telemetry is not sealed again but refilled from its records.

use std::time::Duration;

use libsignal_protocol::{
    CiphertextMessageType, ContentHint, DecryptionErrorMessage, PlaintextContent,
    UnidentifiedSenderMessageContent, extract_decryption_error_message_from_serialized_content,
};
use rand::{CryptoRng, Rng};
use sysmaint_protocol::{
    Address, ContentId, Handle, Kind, Timestamp, TransferId,
    body::{self, Repair},
    limits::{RECEIPT_IDS, REPAIR_KEYS, RESENDABLE, RETRIES},
    subject::Mailbox,
};

use crate::{
    Device, Draft, SealError, Sealed, archive,
    bundle::has_usable_session,
    seal,
    store::{DeadLetter, RetryDue, Store, StoreError},
    trust,
};

/// After each request, until the next; after the last, until nothing is expected any more.
const PAUSES: [Duration; RETRIES as usize] = [
    Duration::from_mins(5),
    Duration::from_hours(1),
    Duration::from_hours(6),
    Duration::from_hours(24),
    RESENDABLE,
];

impl Device {
    /// Seals the requests that are due and queues them; buries what was asked for often enough.
    /// Returns how many were sealed. Those to a peer whose handle is not known yet wait.
    pub fn send_due_retries<R: Rng + CryptoRng>(
        &self,
        store: &mut dyn Store,
        rng: &mut R,
        now: Timestamp,
    ) -> Result<usize, SealError> {
        let mut sealed = 0;
        for due in store.retries_due(now)? {
            let Some(pause) = PAUSES.get(due.asked as usize) else {
                store.take_retry(due.peer, due.transfer_id.repair_key())?;
                bury(store, &due)?;
                continue;
            };
            let Some(peer) = store.peer(due.peer)? else { continue };
            let Some(handle) = store.handle_of(due.peer.service_id)? else { continue };
            if !trust::is_member(store, due.peer)? {
                // Nobody is left to be asked.
                store.take_retry(due.peer, due.transfer_id.repair_key())?;
                bury(store, &due)?;
                continue;
            }
            if trust::is_undecided(store, &handle, due.peer)? {
                continue;
            }
            let content = request_content(store, &due.request)?;
            let key = peer.identity_key;
            let envelope = self.seal_content(store, rng, due.peer, key, &content)?;
            let to = Mailbox::new(handle, due.peer.device_id);
            let transfer_id = TransferId::from_bytes(rng.random());
            let request = Sealed::new(to, peer.registration_id, transfer_id, envelope);
            store.queue_request(&request)?;
            store.note_retry(due.peer, due.transfer_id, now, now.after(*pause))?;
            sealed += 1;
        }
        Ok(sealed)
    }

    /// Peers that are owed something and have no session to send it on, by handle.
    pub fn peers_to_prepare(
        &self,
        store: &dyn Store,
        now: Timestamp,
    ) -> Result<Vec<Handle>, StoreError> {
        let receipts = store.receipts_due(now, RECEIPT_IDS)?.into_iter().map(|due| due.peer);
        let mut handles = Vec::new();
        for peer in store.resends_owed()?.into_iter().chain(receipts) {
            if has_usable_session(store, peer, now)? {
                continue;
            }
            if let Some(handle) = store.handle_of(peer.service_id)?
                && !handles.contains(&handle)
                && !trust::is_undecided(store, &handle, peer)?
            {
                handles.push(handle);
            }
        }
        Ok(handles)
    }

    /// Answers requests of peers with whom there is a usable session: what was said is sealed
    /// anew under its old content id, and the peer is told what is gone. Returns how many
    /// requests were answered.
    pub fn send_resends<R: Rng + CryptoRng>(
        &self,
        store: &mut dyn Store,
        rng: &mut R,
        now: Timestamp,
    ) -> Result<usize, SealError> {
        let mut answered = 0;
        for peer in store.resends_owed()? {
            let Some(handle) = store.handle_of(peer.service_id)? else { continue };
            if trust::is_undecided(store, &handle, peer)? || !has_usable_session(store, peer, now)?
            {
                continue;
            }
            let mut answer = Repair::default();
            for key in store.take_resends(peer, REPAIR_KEYS)? {
                let again = self.resend(store, rng, now, &handle, peer, key)?;
                if again { &mut answer.again } else { &mut answer.gone }.push(key);
            }
            answered += answer.again.len() + answer.gone.len();
            let body = body::encode(&answer)?;
            let draft = Draft {
                content_id: ContentId::from_bytes(rng.random()),
                kind: Kind::Repair,
                in_reply_to: None,
                body: &body,
            };
            self.seal(store, rng, now, &handle, peer, &draft)?;
        }
        Ok(answered)
    }

    /// Says one thing again; false if it cannot be.
    fn resend<R: Rng + CryptoRng>(
        &self,
        store: &mut dyn Store,
        rng: &mut R,
        now: Timestamp,
        to: &Handle,
        peer: Address,
        repair_key: u64,
    ) -> Result<bool, SealError> {
        let Some(sent) = store.sent_message(peer, repair_key)? else { return Ok(false) };
        if sent.delivered || sent.kind.is_ephemeral() {
            // It came another way, is refilled already, or is not worth anything any more.
            return Ok(true);
        }
        if sent.kind.is_refillable() {
            store.refill_telemetry(peer, Some(sent.content_id), now)?;
            return Ok(true);
        }
        let Some(body) = sent.body else { return Ok(false) };
        if now.since(sent.sealed_at) > RESENDABLE || sent.copies > RETRIES {
            return Ok(false);
        }
        let (content_id, kind, in_reply_to) = (sent.content_id, sent.kind, sent.in_reply_to);
        let draft = Draft { content_id, kind, in_reply_to, body: &body };
        self.seal(store, rng, now, to, peer, &draft)?;
        Ok(true)
    }

    /// Takes a peer's request. False if it is not one.
    pub(crate) fn take_request(
        &self,
        store: &mut dyn Store,
        now: Timestamp,
        peer: Address,
        contents: &[u8],
    ) -> Result<bool, StoreError> {
        let Some(request) = read_request(contents) else { return Ok(false) };
        if request.device_id() != u32::from(self.address.device_id.get()) {
            return Ok(false);
        }
        if !store.owe_resend(peer, request.timestamp().epoch_millis(), now)? {
            return Ok(true);
        }
        // A key that is not in use any more belongs to a session that was replaced since.
        if let (Some(key), Some(record)) = (request.ratchet_key(), store.session(peer)?)
            && archive::is_current(&record, key)
            && let Ok(retired) = archive::retire(&record)
        {
            store.put_session(peer, &retired)?;
            store.refill_telemetry(peer, None, now)?;
        }
        Ok(true)
    }
}

/// Takes a peer's answer to requests of ours.
pub(crate) fn take_answer(
    store: &mut dyn Store,
    peer: Address,
    body: &[u8],
) -> Result<(), StoreError> {
    // Authentic, so the session has moved on; an answer that cannot be read settles nothing.
    let Ok(answer) = body::decode::<Repair>(body) else { return Ok(()) };
    for key in answer.again {
        if store.take_retry(peer, key)?.is_some() {
            store.count_repaired()?;
        }
    }
    for key in answer.gone {
        if let Some(lost) = store.take_retry(peer, key)? {
            bury(store, &lost)?;
        }
    }
    Ok(())
}

/// libsignal's request for a message, as it is kept until it is sealed; `None` where the message
/// is too broken to be named.
pub(crate) fn request(
    message: &[u8],
    kind: CiphertextMessageType,
    transfer_id: TransferId,
    sender: Address,
) -> Option<Vec<u8>> {
    let key = libsignal_protocol::Timestamp::from_epoch_millis(transfer_id.repair_key());
    let device = u32::from(sender.device_id.get());
    let request = DecryptionErrorMessage::for_original(message, kind, key, device).ok()?;
    Some(request.serialized().to_vec())
}

pub(crate) fn request_content(
    store: &dyn Store,
    request: &[u8],
) -> Result<UnidentifiedSenderMessageContent, SealError> {
    let request = DecryptionErrorMessage::try_from(request)?;
    Ok(UnidentifiedSenderMessageContent::new(
        CiphertextMessageType::Plaintext,
        seal::certificate(store)?,
        PlaintextContent::from(request).serialized().to_vec(),
        ContentHint::Default,
        None,
    )?)
}

pub(crate) fn read_request(contents: &[u8]) -> Option<DecryptionErrorMessage> {
    let content = PlaintextContent::try_from(contents).ok()?;
    extract_decryption_error_message_from_serialized_content(content.body()).ok()
}

fn bury(store: &mut dyn Store, lost: &RetryDue) -> Result<(), StoreError> {
    store.bury(&DeadLetter {
        sender: Some(lost.peer),
        transfer_id: Some(lost.transfer_id),
        reason: lost.reason,
        stored_at: lost.stored_at,
    })
}
