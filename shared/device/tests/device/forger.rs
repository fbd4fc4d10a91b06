//! Envelopes that nobody honest would send, one after the other.

use libsignal_protocol::{
    CiphertextMessage, CiphertextMessageType, DecryptionErrorMessage, KeyPair, KyberPayload,
    PlaintextContent, PreKeySignalMessage, PublicKey, SenderCertificate, Timestamp,
};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use sysmaint_device::{authority::Authority, key::IdentityKey};

use crate::{
    mallory::{GOOD_PQ, Mallory, inner},
    participant::{NOW, Participant},
};

/// Ways to forge.
const WAYS: u32 = 18;
/// What was captured and sealed before, for replays.
const KEPT: usize = 64;

/// Mallory at work on one mailbox.
pub(crate) struct Forger {
    mallory: Mallory,
    rng: StdRng,
    /// Envelopes that were in the mailbox before.
    captured: Vec<Vec<u8>>,
    /// Authentic messages of his own, delivered or not.
    authentic: Vec<CiphertextMessage>,
}

impl Forger {
    /// One who has already written to somebody.
    pub(crate) fn new(mut mallory: Mallory, seed: u64, to: &mut Participant) -> Self {
        mallory.meet(to);
        let authentic = vec![mallory.encrypt(to)];
        let bytes = mallory.seal_message(to, &authentic[0]);
        to.open_bytes(&bytes, NOW);
        let rng = StdRng::seed_from_u64(seed);
        Self { mallory, rng, captured: vec![bytes], authentic }
    }

    /// Sees an envelope go by.
    pub(crate) fn capture(&mut self, bytes: &[u8]) {
        if self.captured.len() == KEPT {
            self.captured.remove(0);
        }
        self.captured.push(bytes.to_vec());
    }

    /// The next forgery, and its way.
    pub(crate) fn forge(&mut self, to: &mut Participant) -> (u32, Vec<u8>) {
        let way = self.rng.random_range(0..WAYS);
        (way, self.forge_so(way, to))
    }

    fn forge_so(&mut self, way: u32, to: &mut Participant) -> Vec<u8> {
        use CiphertextMessageType::{Plaintext, PreKey, SenderKey, Whisper};
        match way {
            0 => self.mutated_capture(),
            1 => self.captured.choose(&mut self.rng).unwrap().clone(),
            2 => self.random_envelope(),
            3 => self.oversized(to),
            4 => {
                let kind = *[Plaintext, PreKey, SenderKey, Whisper].choose(&mut self.rng).unwrap();
                let content = self.random_bytes(2_000);
                self.mallory.seal(to, kind, &content)
            }
            // On a new chain or on one that is there, near and far ahead.
            5..=8 => {
                let (key, next) = self.chain(way.is_multiple_of(2));
                let ahead = [0, 1, 127, 128, 129, 300, 2_000, 24_999, 25_001, 1 << 30];
                let ahead = *ahead.choose(&mut self.rng).unwrap();
                let pq = if way < 7 { GOOD_PQ.to_vec() } else { self.mutated_pq() };
                let message = self.mallory.whisper(to, key, next.saturating_add(ahead), &pq);
                self.mallory.seal(to, Whisper, &message)
            }
            9 => {
                let pq = self.random_pq();
                let (key, next) = self.chain(true);
                let message = self.mallory.whisper(to, key, next, &pq);
                self.mallory.seal(to, Whisper, &message)
            }
            10 => {
                // Low orders and second encodings.
                let mut key = [*[0, 0xff].choose(&mut self.rng).unwrap(); 32];
                key[0] = self.rng.random_range(0..2);
                let key = PublicKey::from_djb_public_key_bytes(&key).unwrap();
                let message = self.mallory.whisper(to, key, 0, &GOOD_PQ);
                self.mallory.seal(to, Whisper, &message)
            }
            11 | 12 => {
                let message = self.authentic.choose(&mut self.rng).unwrap();
                let (kind, bytes) = (message.message_type(), message.serialize().to_vec());
                let bytes = mutated(&mut self.rng, &bytes);
                self.mallory.seal(to, kind, &bytes)
            }
            13 => self.unknown_prekeys(to),
            14 => {
                // Sealed once more.
                let message = self.authentic.choose(&mut self.rng).unwrap();
                self.mallory.seal_message(to, message)
            }
            15 => self.request(to),
            16 => self.foreign_certificate(to),
            _ => {
                // Another session, or a message that is never delivered before a later one.
                if self.rng.random_ratio(1, 8) {
                    self.mallory.meet(to);
                }
                let skipped = self.rng.random_range(0..150);
                let message = self.mallory.skip(to, skipped);
                let sealed = self.mallory.seal_message(to, &message);
                if self.authentic.len() == KEPT {
                    self.authentic.remove(0);
                }
                self.authentic.push(message);
                sealed
            }
        }
    }

    fn mutated_capture(&mut self) -> Vec<u8> {
        let original = self.captured.choose(&mut self.rng).unwrap();
        mutated(&mut self.rng, original)
    }

    /// The shape and nothing else.
    fn random_envelope(&mut self) -> Vec<u8> {
        let original = self.captured.choose(&mut self.rng).unwrap();
        let mut bytes = original.clone();
        self.rng.fill(&mut bytes[4..36]);
        let end = bytes.len();
        self.rng.fill(&mut bytes[200..end]);
        bytes
    }

    fn oversized(&mut self, to: &mut Participant) -> Vec<u8> {
        if self.rng.random() {
            return vec![0x11; self.rng.random_range(90_000..300_000)];
        }
        let (key, next) = self.chain(true);
        let mut message = self.mallory.whisper(to, key, next, &GOOD_PQ);
        message.resize(self.rng.random_range(60_000..97_000), 0x42);
        self.mallory.seal(to, CiphertextMessageType::Whisper, &message)
    }

    /// A ratchet key and its next counter.
    fn chain(&mut self, known: bool) -> (PublicKey, u32) {
        if !known {
            return (KeyPair::generate(&mut self.rng).public_key, 0);
        }
        let message = inner(self.authentic.choose(&mut self.rng).unwrap());
        (*message.sender_ratchet_key(), message.counter() + 1)
    }

    fn mutated_pq(&mut self) -> Vec<u8> {
        let pq = inner(self.authentic.last().unwrap()).pq_ratchet().clone();
        mutated(&mut self.rng, &pq)
    }

    /// Of the right version at least.
    fn random_pq(&mut self) -> Vec<u8> {
        let mut pq = self.random_bytes(60);
        if let Some(version) = pq.first_mut() {
            *version = 1;
        }
        pq
    }

    fn random_bytes(&mut self, most: usize) -> Vec<u8> {
        let mut bytes = vec![0; self.rng.random_range(0..most)];
        self.rng.fill(bytes.as_mut_slice());
        bytes
    }

    fn unknown_prekeys(&mut self, to: &mut Participant) -> Vec<u8> {
        let inside = self.authentic.iter().rev().find_map(|message| match message {
            CiphertextMessage::PreKeySignalMessage(message) => Some(message),
            _ => None,
        });
        let inside = inside.unwrap();
        let base = KeyPair::generate(&mut self.rng).public_key;
        let mut id =
            |known: u32| if self.rng.random() { known } else { self.rng.random::<u32>() >> 8 };
        let (ec, signed) =
            (id(inside.pre_key_id().map_or(1, u32::from)), id(inside.signed_pre_key_id().into()));
        let kyber = KyberPayload::new(
            id(inside.kyber_pre_key_id().map_or(1, u32::from)).into(),
            inside.kyber_ciphertext().unwrap().clone(),
        );
        let message = PreKeySignalMessage::new(
            4,
            inside.registration_id(),
            Some(ec.into()),
            signed.into(),
            Some(kyber),
            base,
            *inside.identity_key(),
            inside.message().clone(),
        )
        .unwrap();
        self.mallory.seal(to, CiphertextMessageType::PreKey, message.serialized())
    }

    /// To resend something that was never sent, under a ratchet key that may be in use.
    fn request(&mut self, to: &mut Participant) -> Vec<u8> {
        let original = self.authentic.choose(&mut self.rng).unwrap();
        let (kind, bytes) = (original.message_type(), original.serialize());
        let named = Timestamp::from_epoch_millis(self.rng.random());
        let device = self.rng.random_range(1..4);
        let request = DecryptionErrorMessage::for_original(bytes, kind, named, device).unwrap();
        let content = PlaintextContent::from(request).serialized().to_vec();
        self.mallory.seal(to, CiphertextMessageType::Plaintext, &content)
    }

    fn foreign_certificate(&mut self, to: &mut Participant) -> Vec<u8> {
        let other = Authority::generate(&mut self.rng).unwrap();
        let key = self.mallory.certificate.key().unwrap().serialize();
        let key = IdentityKey::parse(&key).unwrap();
        let issued = other.issue(&mut self.rng, to.device.address(), &key, NOW).unwrap();
        let foreign = SenderCertificate::deserialize(&issued.certificate).unwrap();
        let own = std::mem::replace(&mut self.mallory.certificate, foreign);
        let message = self.authentic.last().unwrap();
        let sealed = self.mallory.seal_message(to, message);
        self.mallory.certificate = own;
        sealed
    }
}

/// Never the same.
fn mutated(rng: &mut StdRng, original: &[u8]) -> Vec<u8> {
    let mut bytes = original.to_vec();
    while bytes == original {
        match rng.random_range(0..4) {
            0 => bytes.truncate(rng.random_range(0..=bytes.len())),
            1 => {
                let more = rng.random_range(1..40);
                bytes.extend((0..more).map(|_| rng.random::<u8>()));
            }
            2 if !bytes.is_empty() => {
                let at = rng.random_range(0..bytes.len());
                bytes.remove(at);
            }
            _ => {
                for _ in 0..rng.random_range(1..4) {
                    if !bytes.is_empty() {
                        let at = rng.random_range(0..bytes.len());
                        bytes[at] ^= rng.random_range(1..=255_u8);
                    }
                }
            }
        }
    }
    bytes
}
