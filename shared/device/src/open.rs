//! Opening: ratchet step, prekey removal, inbox row and owed receipt in one transaction.

use libsignal_protocol::{
    CiphertextMessageType, PreKeySignalMessage, SignalMessage, UnidentifiedSenderMessageContent,
    message_decrypt_prekey, message_decrypt_signal, sealed_sender_decrypt_to_usmc,
};
use rand::{CryptoRng, Rng};
use sha2::{Digest as _, Sha256};
use sysmaint_protocol::{
    Address, ContentId, Envelope, Handle, Header, Kind, Timestamp, TransferId,
    body::{self, Receipt},
    unpad,
};

use crate::{
    Device,
    certificate::{Certified, Refused},
    device::protocol_address,
    guard::{self, Candidates},
    key::IdentityKey,
    mechanics::{self, Mechanics},
    overlay::{Diff, Overlay, OverlayError},
    prekeys, receipts, repair,
    stop::Stop,
    store::{DeadReason, NewInbox, Store, StoreError},
    trust,
};

/// What became of an envelope. Each of these is final: commit, then acknowledge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// It cannot be opened, ever; it is in the dead letters.
    Dead(DeadReason),
    /// It was here before.
    Duplicate,
    /// Its sender's identity key changed; it waits for a decision.
    Held,
    /// Its sender's device is not known to belong to its handle; it waits until the directory was
    /// asked.
    Stranger,
    /// It is in the inbox.
    Message {
        /// Who sealed it.
        sender: Address,
        /// What is said.
        content_id: ContentId,
        /// Its kind.
        kind: Kind,
    },
    /// It was a delivery receipt, and has taken effect.
    Receipt,
    /// It was a request to resend, which waits for its answer.
    Request,
    /// It cannot be opened, and its sender will be asked for it.
    Retry(DeadReason),
    /// It told what became of requests of ours.
    Answer,
    /// It is worth something for a moment only: it is handed on here, and nowhere else.
    Ephemeral(Box<Ephemeral>),
}

/// An ephemeral message: in no inbox, and lost with whoever does not take it now.
#[derive(Clone, PartialEq, Eq)]
pub struct Ephemeral {
    /// Who sealed it.
    pub sender: Address,
    /// The handle that it claims; not to be believed before the directory confirms it.
    pub sender_handle: Handle,
    /// Its kind.
    pub kind: Kind,
    /// What it answers.
    pub in_reply_to: Option<ContentId>,
    /// Its body.
    pub body: Vec<u8>,
}

impl std::fmt::Debug for Ephemeral {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Ephemeral")
            .field("kind", &self.kind)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// An envelope off the bus.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'a> {
    /// The bytes, unchecked.
    pub bytes: &'a [u8],
    /// Their id, if the publisher gave one.
    pub transfer_id: Option<TransferId>,
    /// The broker's clock when it stored them; certificates are judged by it.
    pub stored_at: Timestamp,
}

/// An authentic plaintext and what libsignal wants to change for it.
struct Authentic {
    plaintext: Vec<u8>,
    diff: Diff,
    mechanics: Mechanics,
}

/// What was found out about an envelope on the way.
#[derive(Default)]
pub(crate) struct Found {
    /// Who is certified to have sealed it.
    pub(crate) sender: Option<Address>,
    /// How it used its session, if it was authentic.
    mechanics: Option<Mechanics>,
}

impl Device {
    /// Opens an envelope from this device's mailbox.
    ///
    /// Whatever the bytes are, the outcome is recorded in the store. Only a failing store is an
    /// error: roll back and do not acknowledge.
    pub fn open_envelope<R: Rng + CryptoRng>(
        &self,
        store: &mut dyn Store,
        rng: &mut R,
        now: Timestamp,
        incoming: Incoming<'_>,
    ) -> Result<Opened, StoreError> {
        Ok(self.open_explained(store, rng, now, incoming)?.0)
    }

    /// The same, with how the message used its session where it was authentic.
    pub fn open_explained<R: Rng + CryptoRng>(
        &self,
        store: &mut dyn Store,
        rng: &mut R,
        now: Timestamp,
        incoming: Incoming<'_>,
    ) -> Result<(Opened, Option<Mechanics>), StoreError> {
        let digest = digest(incoming.bytes);
        if store.was_settled(digest)? {
            return Ok((Opened::Duplicate, None));
        }
        let (opened, found) = self.open_again(store, rng, now, incoming)?;
        // What nobody has certified is not worth remembering.
        if found.sender.is_some() {
            store.note_settled(digest)?;
        }
        Ok((opened, found.mechanics))
    }

    /// The same for an envelope that was held, and was seen before for that reason.
    pub(crate) fn open_again<R: Rng + CryptoRng>(
        &self,
        store: &mut dyn Store,
        rng: &mut R,
        now: Timestamp,
        incoming: Incoming<'_>,
    ) -> Result<(Opened, Found), StoreError> {
        let mut found = Found::default();
        let opened = match self.try_open(store, rng, now, incoming, &mut found) {
            Ok(opened) => opened,
            Err(stop) => stop.conclude(store, now, incoming, found.sender)?,
        };
        Ok((opened, found))
    }

    fn try_open<R: Rng + CryptoRng>(
        &self,
        store: &mut dyn Store,
        rng: &mut R,
        now: Timestamp,
        incoming: Incoming<'_>,
        found: &mut Found,
    ) -> Result<Opened, Stop> {
        let envelope = Envelope::parse(incoming.bytes.to_vec())
            .map_err(|_| Stop::Dead(DeadReason::NotAnEnvelope))?;
        let content = self.unseal(store, &envelope)?;
        let contents = content.contents().map_err(|_| Stop::Dead(DeadReason::Seal))?;
        let kind = content.msg_type().map_err(|_| Stop::Dead(DeadReason::Content))?;
        let certificate = content.sender().map_err(|_| Stop::Dead(DeadReason::Certificate))?;
        let judged = self.certificates.validate(certificate, &self.trust_root, incoming.stored_at);
        let (Ok(certified) | Err(Refused::Expired(certified))) = judged else {
            return Err(Stop::Dead(DeadReason::Certificate));
        };
        let peer = certified.owner;
        let ask = |stop: Stop| stop.ask(kind, contents, incoming.transfer_id, peer);
        if judged.is_err() {
            let known = trust::is_known(store, certified)?;
            found.sender = known.then_some(peer);
            let expired = DeadReason::CertificateExpired;
            return Err(if known { ask(Stop::Curable(expired)) } else { Stop::Dead(expired) });
        }
        found.sender = Some(peer);
        trust::pin(store, certified, now)?;

        match kind {
            CiphertextMessageType::Whisper => {
                let message = SignalMessage::try_from(contents)
                    .map_err(|_| Stop::Dead(DeadReason::Undecryptable))?;
                let authentic = self.decrypt(store, rng, certified, &message).map_err(ask)?;
                self.accept(store, now, incoming, peer, authentic, found)
            }
            CiphertextMessageType::PreKey => {
                let message = PreKeySignalMessage::try_from(contents)
                    .map_err(|_| Stop::Dead(DeadReason::Undecryptable))?;
                let outcome = self.decrypt_prekey(store, rng, certified, &message);
                if matches!(outcome, Err(Stop::Curable(DeadReason::UnknownPrekey))) {
                    prekeys::note_unknown(store, rng, now, named_prekeys(&message))?;
                }
                let authentic = outcome.map_err(ask)?;
                self.accept(store, now, incoming, peer, authentic, found)
            }
            CiphertextMessageType::Plaintext
                if self.take_request(store, now, peer, contents)? =>
            {
                Ok(Opened::Request)
            }
            _ => Err(Stop::Dead(DeadReason::Content)),
        }
    }

    /// Opens the outer layer, which hides the sender.
    pub(crate) fn unseal(
        &self,
        store: &dyn Store,
        envelope: &Envelope,
    ) -> Result<UnidentifiedSenderMessageContent, Stop> {
        let overlay = Overlay::new(store, &self.identity, self.registration_id, self.address, None);
        overlay.run(sealed_sender_decrypt_to_usmc(envelope.as_bytes(), &overlay.view())).map_err(
            |error| match error {
                OverlayError::Signal(_) => Stop::Dead(DeadReason::Seal),
                OverlayError::Store(error) => Stop::Store(error),
            },
        )
    }

    fn decrypt<R: Rng + CryptoRng>(
        &self,
        store: &mut dyn Store,
        rng: &mut R,
        certified: Certified,
        message: &SignalMessage,
    ) -> Result<Authentic, Stop> {
        let peer = certified.owner;
        let candidates = guard::signal(store.peers(), peer, message)?.map_err(Stop::from)?;
        let mechanics = mechanics::continuing(&candidates, message);
        let overlay = self.overlay(store, certified, candidates)?;
        let address = protocol_address(peer)?;
        let (mut sessions, mut identities) = (overlay.view(), overlay.view());
        let outcome = overlay.run(message_decrypt_signal(
            message,
            &address,
            &mut sessions,
            &mut identities,
            rng,
        ));
        let plaintext = outcome.map_err(Stop::from)?;
        Ok(Authentic { plaintext, diff: overlay.into_diff(), mechanics })
    }

    fn decrypt_prekey<R: Rng + CryptoRng>(
        &self,
        store: &mut dyn Store,
        rng: &mut R,
        certified: Certified,
        message: &PreKeySignalMessage,
    ) -> Result<Authentic, Stop> {
        let peer = certified.owner;
        let candidates = guard::prekey(store.peers(), peer, message)?.map_err(Stop::from)?;
        let inner = IdentityKey::of(message.identity_key().public_key())
            .map_err(|_| Stop::Dead(DeadReason::Guard))?;
        if inner != certified.key {
            return Err(Stop::Dead(DeadReason::CertificateOfAnother));
        }
        let mechanics = mechanics::opening(store, &candidates, message)?;
        let overlay = self.overlay(store, certified, candidates)?;
        let address = protocol_address(peer)?;
        let (mut sessions, mut identities) = (overlay.view(), overlay.view());
        let (mut ec, signed, mut kyber) = (overlay.view(), overlay.view(), overlay.view());
        let outcome = overlay.run(message_decrypt_prekey(
            message,
            &address,
            &mut sessions,
            &mut identities,
            &mut ec,
            &signed,
            &mut kyber,
            rng,
        ));
        let plaintext = outcome.map_err(Stop::from)?;
        Ok(Authentic { plaintext, diff: overlay.into_diff(), mechanics })
    }

    fn overlay<'a>(
        &'a self,
        store: &'a dyn Store,
        certified: Certified,
        candidates: Candidates,
    ) -> Result<Overlay<'a>, Stop> {
        let key = certified.key.to_signal().map_err(|_| Stop::Dead(DeadReason::Guard))?;
        let (id, peer) = (self.registration_id, certified.owner);
        Ok(Overlay::new(store, &self.identity, id, peer, Some(key)).showing(candidates))
    }

    /// Checks what was decrypted, and only then lets the session move on.
    fn accept(
        &self,
        store: &mut dyn Store,
        now: Timestamp,
        incoming: Incoming<'_>,
        peer: Address,
        authentic: Authentic,
        found: &mut Found,
    ) -> Result<Opened, Stop> {
        let content = unpad(&authentic.plaintext).map_err(|_| Stop::Dead(DeadReason::Content))?;
        let (header, body) =
            Header::decode(content).map_err(|_| Stop::Dead(DeadReason::Content))?;
        if header.sender != peer || header.recipient != self.address {
            return Err(Stop::Dead(DeadReason::Address));
        }
        if trust::is_foreign_claim(store, peer, &header.sender_handle)? {
            return Err(Stop::Claim(peer, header.sender_handle));
        }
        if !authentic.diff.apply(store, peer)? {
            return Err(Stop::Dead(DeadReason::Replay));
        }
        found.mechanics = Some(authentic.mechanics);
        if !header.kind.is_ephemeral() {
            store.note_received(peer, header.sequence)?;
        }
        match header.kind {
            Kind::Receipt => return take_receipt(store, now, peer, body),
            Kind::Repair => {
                repair::take_answer(store, peer, body)?;
                return Ok(Opened::Answer);
            }
            kind if kind.is_ephemeral() => {
                let Header { sender, sender_handle, in_reply_to, .. } = header;
                let body = body.to_vec();
                let message = Ephemeral { sender, sender_handle, kind, in_reply_to, body };
                return Ok(Opened::Ephemeral(Box::new(message)));
            }
            _ => {}
        }
        receipts::owe(store, peer, &header, authentic.mechanics.handshake.is_some(), now)?;
        let new = store.deliver(&NewInbox {
            sender: peer,
            sender_handle: &header.sender_handle,
            content_id: header.content_id,
            kind: header.kind,
            in_reply_to: header.in_reply_to,
            sequence: header.sequence,
            sent_at: header.sent_at,
            stored_at: incoming.stored_at,
            body,
        })?;
        let Header { content_id, kind, .. } = header;
        Ok(if new { Opened::Message { sender: peer, content_id, kind } } else { Opened::Duplicate })
    }
}

/// The recipient's prekeys that a message was made with.
fn named_prekeys(message: &PreKeySignalMessage) -> impl Iterator<Item = u32> {
    let one_time = message.pre_key_id().map(u32::from);
    let kyber = message.kyber_pre_key_id().map(u32::from);
    let signed = Some(u32::from(message.signed_pre_key_id()));
    [one_time, kyber, signed].into_iter().flatten()
}

/// Names an envelope's bytes among the latest.
fn digest(bytes: &[u8]) -> u64 {
    let digest = Sha256::digest(bytes);
    digest[..8].iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn take_receipt(
    store: &mut dyn Store,
    now: Timestamp,
    peer: Address,
    body: &[u8],
) -> Result<Opened, Stop> {
    // Authentic, so the session has moved on; a receipt that cannot be read confirms nothing.
    if let Ok(receipt) = body::decode::<Receipt>(body) {
        store.note_delivered(peer, &receipt.content_ids, receipt.telemetry_window, now)?;
    }
    Ok(Opened::Receipt)
}
