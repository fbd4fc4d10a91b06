//! Sealing: ratchet step and outbox row in one transaction.

use libsignal_protocol::{
    CiphertextMessage, ContentHint, SenderCertificate, SignalProtocolError,
    UnidentifiedSenderMessageContent, message_encrypt, sealed_sender_encrypt_from_usmc,
};
use rand::{CryptoRng, Rng};
use sysmaint_protocol::{
    Address, ContentId, DeviceId, Envelope, Handle, Header, Kind, Timestamp, TooLong, TransferId,
    body::{self, Body, InvalidBody},
    pad,
    subject::Mailbox,
};

use crate::{
    Device, Sealed,
    bundle::has_usable_session,
    device::{self, protocol_address, system_time},
    key::{IdentityKey, InvalidKey},
    mechanics::{self, Mechanics},
    overlay::{Overlay, OverlayError},
    store::{NewOutbox, Peer, Store, StoreError},
    trust,
};

/// What is to be said to one device.
#[derive(Clone, Debug)]
pub struct Draft<'a> {
    /// Names what is said.
    pub content_id: ContentId,
    /// Its kind.
    pub kind: Kind,
    /// What it answers.
    pub in_reply_to: Option<ContentId>,
    /// The encoded body.
    pub body: &'a [u8],
}

/// Which devices of a recipient a message must reach to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach<'a> {
    /// Every one: a device without a usable session stops it.
    All,
    /// No others than these, and those of them that can be reached now.
    Among(&'a [DeviceId]),
    /// Those that can be reached now: a device that has registered and never uploaded its prekeys
    /// keeps nothing from the others.
    Some,
}

/// A message could not be sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The body is out of bounds.
    #[error(transparent)]
    Body(#[from] InvalidBody),
    /// The recipient's identity key changed.
    #[error("{0}'s identity key has changed; nothing is sent until it is accepted")]
    IdentityChanged(Handle),
    /// All devices of the recipient were revoked.
    #[error("{0} has no device any more: all were revoked")]
    NoDevice(Handle),
    /// There is no session yet, or none that may be used any more: fetch a bundle.
    #[error("there is no session with {0}")]
    NoSession(Handle),
    /// The device has no certificate yet.
    #[error("this device is not registered yet")]
    NotRegistered,
    /// libsignal refused.
    #[error("sealing failed: {0}")]
    Signal(#[from] SignalProtocolError),
    /// The plaintext does not fit.
    #[error(transparent)]
    TooLong(#[from] TooLong),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<InvalidKey> for SealError {
    fn from(_: InvalidKey) -> Self {
        Self::Signal(SignalProtocolError::InvalidArgument("a stored key is damaged".into()))
    }
}

impl Device {
    /// Seals a body to every device of a handle, under one content id, and queues the envelopes.
    /// A device without a usable session stops it.
    pub fn send<B: Body, R: Rng + CryptoRng>(
        &self,
        store: &mut dyn Store,
        rng: &mut R,
        now: Timestamp,
        to: &Handle,
        in_reply_to: Option<ContentId>,
        body: &B,
    ) -> Result<ContentId, SealError> {
        self.send_to(store, rng, now, to, in_reply_to, body, Reach::All)
    }

    /// The same to fewer of them, but at least to one.
    #[expect(clippy::too_many_arguments, reason = "one step of one caller")]
    pub fn send_to<B: Body, R: Rng + CryptoRng>(
        &self,
        store: &mut dyn Store,
        rng: &mut R,
        now: Timestamp,
        to: &Handle,
        in_reply_to: Option<ContentId>,
        body: &B,
        reach: Reach<'_>,
    ) -> Result<ContentId, SealError> {
        let content_id = ContentId::from_bytes(rng.random());
        let body = body::encode(body)?;
        let draft = Draft { content_id, kind: B::KIND, in_reply_to, body: &body };
        let contact = store.contact(to)?.ok_or_else(|| SealError::NoSession(to.clone()))?;
        if contact.successor().is_some() {
            return Err(SealError::IdentityChanged(to.clone()));
        }
        if contact.devices.is_empty() {
            return Err(SealError::NoDevice(to.clone()));
        }
        let mut sealed = 0;
        for device_id in contact.devices {
            if matches!(reach, Reach::Among(devices) if !devices.contains(&device_id)) {
                continue;
            }
            let recipient = Address { service_id: contact.service_id, device_id };
            match self.seal(store, rng, now, to, recipient, &draft) {
                Ok(_) => sealed += 1,
                // Nothing was done for it yet.
                Err(SealError::NoSession(_)) if reach != Reach::All => {}
                Err(error) => return Err(error),
            }
        }
        if sealed == 0 { Err(SealError::NoSession(to.clone())) } else { Ok(content_id) }
    }

    /// Seals to one device and queues the envelope. On an error the transaction must be rolled
    /// back, or a message key would be spent on nothing.
    pub fn seal<R: Rng + CryptoRng>(
        &self,
        store: &mut dyn Store,
        rng: &mut R,
        now: Timestamp,
        to: &Handle,
        recipient: Address,
        draft: &Draft<'_>,
    ) -> Result<Sealed, SealError> {
        let peer = store.peer(recipient)?.ok_or_else(|| SealError::NoSession(to.clone()))?;
        if trust::is_undecided(store, to, recipient)? {
            return Err(SealError::IdentityChanged(to.clone()));
        }
        if !has_usable_session(store, recipient, now)? {
            return Err(SealError::NoSession(to.clone()));
        }
        // One that may get lost on purpose leaves no gap in what is counted.
        let sequence = if draft.kind.is_ephemeral() {
            store.last_sequence(recipient)?.max(1)
        } else {
            store.next_sequence(recipient)?
        };
        let header = Header {
            content_id: draft.content_id,
            kind: draft.kind,
            in_reply_to: draft.in_reply_to,
            sequence,
            sent_at: now,
            sender: self.address,
            recipient,
            sender_handle: self.handle.clone(),
        };
        let plaintext = pad(header.encode(draft.body))?;
        let (envelope, mechanics) = self.encrypt(store, rng, now, recipient, &peer, &plaintext)?;
        let mailbox = Mailbox::new(to.clone(), recipient.device_id);
        let transfer_id = TransferId::from_bytes(rng.random());
        let mut sealed = Sealed::new(mailbox, peer.registration_id, transfer_id, envelope);
        if draft.kind.is_ephemeral() {
            sealed = sealed.ephemeral();
        }
        let resendable = !draft.kind.is_refillable() && !draft.kind.is_ephemeral();
        store.queue(&NewOutbox {
            sealed: &sealed,
            mechanics,
            recipient,
            content_id: draft.content_id,
            kind: draft.kind,
            in_reply_to: draft.in_reply_to,
            sequence,
            sealed_at: now,
            body: resendable.then_some(draft.body),
        })?;
        Ok(sealed)
    }

    fn encrypt<R: Rng + CryptoRng>(
        &self,
        store: &mut dyn Store,
        rng: &mut R,
        now: Timestamp,
        recipient: Address,
        peer: &Peer,
        plaintext: &[u8],
    ) -> Result<(Envelope, Option<Mechanics>), SealError> {
        let certificate = certificate(store)?;
        let address = protocol_address(recipient)?;
        let identity = Some(peer.identity_key.to_signal()?);
        let overlay =
            Overlay::new(store, &self.identity, self.registration_id, recipient, identity);
        let (mut sessions, mut identities) = (overlay.view(), overlay.view());
        let ciphertext = overlay.run(message_encrypt(
            plaintext,
            &address,
            &mut sessions,
            &mut identities,
            system_time(now),
            rng,
        ))?;
        let content = content(&ciphertext, certificate)?;
        overlay.into_diff().apply(store, recipient)?;
        let mechanics = mechanics::of_sealed(&ciphertext);
        let envelope = self.seal_content(store, rng, recipient, peer.identity_key, &content)?;
        Ok((envelope, mechanics))
    }

    /// The outer layer alone, which hides the sender and proves them to the recipient.
    pub(crate) fn seal_content<R: Rng + CryptoRng>(
        &self,
        store: &dyn Store,
        rng: &mut R,
        recipient: Address,
        key: IdentityKey,
        content: &UnidentifiedSenderMessageContent,
    ) -> Result<Envelope, SealError> {
        let identity = Some(key.to_signal()?);
        let overlay =
            Overlay::new(store, &self.identity, self.registration_id, recipient, identity);
        let address = protocol_address(recipient)?;
        let bytes = overlay.run(sealed_sender_encrypt_from_usmc(
            &address,
            content,
            &overlay.view(),
            rng,
        ))?;
        Envelope::parse(bytes).map_err(|error| {
            SealError::Signal(SignalProtocolError::InvalidSealedSenderMessage(error.to_string()))
        })
    }
}

/// The device's own certificate.
pub(crate) fn certificate(store: &dyn Store) -> Result<SenderCertificate, SealError> {
    let bytes = device::local(store)?.certificate.ok_or(SealError::NotRegistered)?;
    Ok(SenderCertificate::deserialize(&bytes)?)
}

fn content(
    ciphertext: &CiphertextMessage,
    certificate: SenderCertificate,
) -> Result<UnidentifiedSenderMessageContent, SignalProtocolError> {
    UnidentifiedSenderMessageContent::new(
        ciphertext.message_type(),
        certificate,
        ciphertext.serialize().to_vec(),
        // Everything of ours is repaired without asking a person first.
        ContentHint::Resendable,
        None,
    )
}

impl From<OverlayError> for SealError {
    fn from(error: OverlayError) -> Self {
        match error {
            OverlayError::Signal(error) => Self::Signal(error),
            OverlayError::Store(error) => Self::Store(error),
        }
    }
}
