//! Opening: ratchet step, prekey removal, inbox row and owed receipt in one transaction.

use libsignal_protocol::{
    CiphertextMessageType, PreKeySignalMessage, SignalMessage, SignalProtocolError,
    UnidentifiedSenderMessageContent, message_decrypt_prekey, message_decrypt_signal,
    sealed_sender_decrypt_to_usmc,
};
use rand::{CryptoRng, Rng};
use sha2::{Digest as _, Sha256};
use sysmaint_protocol::{
    Address, ContentId, Envelope, Header, Kind, Timestamp, TransferId,
    body::{self, Receipt},
    unpad,
};

use crate::{
    Device,
    certificate::Certified,
    device::protocol_address,
    guard::{self, Guarded},
    key::IdentityKey,
    overlay::{Diff, Overlay, OverlayError},
    receipts, repair,
    store::{DeadLetter, DeadReason, Held, NewInbox, NewRetry, Peer, Store, StoreError, Trust},
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

/// Why an envelope stops on its way to the inbox.
enum Stop {
    Dead(DeadReason),
    /// A resend may cure it.
    Curable(DeadReason),
    Retry {
        peer: Address,
        transfer_id: TransferId,
        reason: DeadReason,
        request: Vec<u8>,
    },
    Held(Certified),
    Store(StoreError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// An authentic plaintext and what libsignal wants to change for it.
struct Authentic<'a> {
    plaintext: Vec<u8>,
    diff: Diff,
    guarded: Guarded<'a>,
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
        let digest = digest(incoming.bytes);
        if store.was_settled(digest)? {
            return Ok(Opened::Duplicate);
        }
        let mut sender = None;
        let opened = match self.try_open(store, rng, now, incoming, &mut sender) {
            Ok(opened) => opened,
            Err(stop) => conclude(store, now, incoming, sender, stop)?,
        };
        // What nobody has certified is not worth remembering.
        if sender.is_some() {
            store.note_settled(digest)?;
        }
        Ok(opened)
    }

    fn try_open<R: Rng + CryptoRng>(
        &self,
        store: &mut dyn Store,
        rng: &mut R,
        now: Timestamp,
        incoming: Incoming<'_>,
        sender: &mut Option<Address>,
    ) -> Result<Opened, Stop> {
        let envelope = Envelope::parse(incoming.bytes.to_vec())
            .map_err(|_| Stop::Dead(DeadReason::NotAnEnvelope))?;
        let content = self.unseal(store, &envelope)?;
        let certified = content
            .sender()
            .ok()
            .and_then(|sender| {
                self.certificates.validate(sender, &self.trust_root, incoming.stored_at)
            })
            .ok_or(Stop::Dead(DeadReason::Certificate))?;
        let peer = certified.owner;
        *sender = Some(peer);
        pin(store, certified, now)?;

        let contents = content.contents().map_err(|_| Stop::Dead(DeadReason::Seal))?;
        let kind = content.msg_type().map_err(|_| Stop::Dead(DeadReason::Content))?;
        let ask = |stop: Stop| stop.ask(kind, contents, incoming.transfer_id, peer);
        match kind {
            CiphertextMessageType::Whisper => {
                let message = SignalMessage::try_from(contents)
                    .map_err(|_| Stop::Dead(DeadReason::Undecryptable))?;
                let authentic = self.decrypt(store, rng, certified, &message).map_err(ask)?;
                self.accept(store, now, incoming, peer, authentic)
            }
            CiphertextMessageType::PreKey => {
                let message = PreKeySignalMessage::try_from(contents)
                    .map_err(|_| Stop::Dead(DeadReason::Undecryptable))?;
                let authentic =
                    self.decrypt_prekey(store, rng, certified, &message).map_err(ask)?;
                self.accept(store, now, incoming, peer, authentic)
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
    fn unseal(
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

    fn decrypt<'m, R: Rng + CryptoRng>(
        &self,
        store: &mut dyn Store,
        rng: &mut R,
        certified: Certified,
        message: &'m SignalMessage,
    ) -> Result<Authentic<'m>, Stop> {
        let peer = certified.owner;
        let guarded = guard::signal(store.peers(), peer, message)?.map_err(rejected)?;
        let overlay = self.overlay(store, certified)?;
        let address = protocol_address(peer)?;
        let (mut sessions, mut identities) = (overlay.view(), overlay.view());
        let outcome = overlay.run(message_decrypt_signal(
            message,
            &address,
            &mut sessions,
            &mut identities,
            rng,
        ));
        let plaintext = outcome.map_err(stop)?;
        Ok(Authentic { plaintext, diff: overlay.into_diff(), guarded })
    }

    fn decrypt_prekey<'m, R: Rng + CryptoRng>(
        &self,
        store: &mut dyn Store,
        rng: &mut R,
        certified: Certified,
        message: &'m PreKeySignalMessage,
    ) -> Result<Authentic<'m>, Stop> {
        let peer = certified.owner;
        let guarded = guard::prekey(store.peers(), peer, message)?.map_err(rejected)?;
        let inner = IdentityKey::of(message.identity_key().public_key())
            .map_err(|_| Stop::Dead(DeadReason::Guard))?;
        if inner != certified.key {
            return Err(Stop::Dead(DeadReason::Certificate));
        }
        let overlay = self.overlay(store, certified)?;
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
        let plaintext = outcome.map_err(stop)?;
        Ok(Authentic { plaintext, diff: overlay.into_diff(), guarded })
    }

    fn overlay<'a>(
        &'a self,
        store: &'a dyn Store,
        certified: Certified,
    ) -> Result<Overlay<'a>, Stop> {
        let key = certified.key.to_signal().map_err(|_| Stop::Dead(DeadReason::Guard))?;
        let (id, peer) = (self.registration_id, certified.owner);
        Ok(Overlay::new(store, &self.identity, id, peer, Some(key)))
    }

    /// Checks what was decrypted, and only then lets the session move on.
    fn accept(
        &self,
        store: &mut dyn Store,
        now: Timestamp,
        incoming: Incoming<'_>,
        peer: Address,
        authentic: Authentic<'_>,
    ) -> Result<Opened, Stop> {
        let content = unpad(&authentic.plaintext).map_err(|_| Stop::Dead(DeadReason::Content))?;
        let (header, body) =
            Header::decode(content).map_err(|_| Stop::Dead(DeadReason::Content))?;
        if header.sender != peer || header.recipient != self.address {
            return Err(Stop::Dead(DeadReason::Address));
        }
        if !authentic.diff.apply(store, peer)? {
            return Err(Stop::Dead(DeadReason::Replay));
        }
        authentic.guarded.accept(store.peers_mut())?;
        store.note_received(peer, header.sequence)?;
        match header.kind {
            Kind::Receipt => return take_receipt(store, now, peer, body),
            Kind::Repair => {
                repair::take_answer(store, peer, body)?;
                return Ok(Opened::Answer);
            }
            _ => {}
        }
        receipts::owe(store, peer, &header, authentic.guarded.opens_session(), now)?;
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

impl Stop {
    /// Turns what may be cured into a request, where the ciphertext can be named.
    fn ask(
        self,
        kind: CiphertextMessageType,
        message: &[u8],
        transfer_id: Option<TransferId>,
        peer: Address,
    ) -> Self {
        let Self::Curable(reason) = self else { return self };
        let request =
            transfer_id.and_then(|id| Some((id, repair::request(message, kind, id, peer)?)));
        match request {
            Some((transfer_id, request)) => Self::Retry { peer, transfer_id, reason, request },
            None => Self::Dead(reason),
        }
    }
}

/// Records why an envelope goes no further.
fn conclude(
    store: &mut dyn Store,
    now: Timestamp,
    incoming: Incoming<'_>,
    sender: Option<Address>,
    stop: Stop,
) -> Result<Opened, StoreError> {
    let Incoming { transfer_id, stored_at, .. } = incoming;
    let reason = match stop {
        Stop::Dead(reason) | Stop::Curable(reason) => reason,
        Stop::Held(certified) => {
            hold(store, certified, incoming)?;
            return Ok(Opened::Held);
        }
        Stop::Store(error) => return Err(error),
        Stop::Retry { peer, transfer_id, reason, request } => {
            let retry = NewRetry { peer, transfer_id, reason, request: &request, stored_at };
            if store.owe_retry(&retry, now)? {
                return Ok(Opened::Retry(reason));
            }
            reason
        }
    };
    store.bury(&DeadLetter { sender, transfer_id, reason, stored_at })?;
    Ok(Opened::Dead(reason))
}

/// Names an envelope's bytes among the latest.
fn digest(bytes: &[u8]) -> u64 {
    let digest = Sha256::digest(bytes);
    digest[..8].iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Pins a sender's key on first sight; stops at a key that is not the pinned one.
fn pin(store: &mut dyn Store, certified: Certified, now: Timestamp) -> Result<(), Stop> {
    match store.peer(certified.owner)? {
        Some(peer) if peer.identity_key == certified.key && peer.trust != Trust::Changed => Ok(()),
        Some(_) => Err(Stop::Held(certified)),
        None => Ok(store.put_peer(
            certified.owner,
            &Peer {
                identity_key: certified.key,
                trust: Trust::Pinned,
                candidate: None,
                registration_id: 0,
                first_seen: now,
            },
        )?),
    }
}

/// Keeps the envelope, and the new key as the one to be decided on.
fn hold(
    store: &mut dyn Store,
    certified: Certified,
    incoming: Incoming<'_>,
) -> Result<(), StoreError> {
    if let Some(mut peer) = store.peer(certified.owner)? {
        if peer.identity_key != certified.key {
            peer.candidate = Some(certified.key);
        }
        peer.trust = Trust::Changed;
        store.put_peer(certified.owner, &peer)?;
    }
    let Incoming { bytes, stored_at, .. } = incoming;
    store.hold(&Held { sender: certified.owner, envelope: bytes, stored_at })
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

fn stop(error: OverlayError) -> Stop {
    let error = match error {
        OverlayError::Store(error) => return Stop::Store(error),
        OverlayError::Signal(error) => error,
    };
    Stop::Curable(match error {
        // These very bytes would have been recognised.
        SignalProtocolError::DuplicatedMessage(..) => DeadReason::ReusedKey,
        SignalProtocolError::InvalidPreKeyId
        | SignalProtocolError::InvalidSignedPreKeyId
        | SignalProtocolError::InvalidKyberPreKeyId => DeadReason::UnknownPrekey,
        SignalProtocolError::SessionNotFound(_) => DeadReason::NoSession,
        _ => DeadReason::Undecryptable,
    })
}

/// An honest counter jumps too far when too much before it was lost.
fn rejected(rejected: guard::Rejected) -> Stop {
    match rejected {
        guard::Rejected::Jump(_) => Stop::Curable(DeadReason::Guard),
        _ => Stop::Dead(DeadReason::Guard),
    }
}
