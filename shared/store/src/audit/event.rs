//! What is recorded, and its bytes.
//!
//! No event names a sender beside a recipient, and none that stands for an envelope names
//! anybody. A kind's number and its fields never change: rows out there are hashed over them.

use serde::Serialize;
use sysmaint_protocol::{DeviceId, Handle, Timestamp, audit::Digest, subject::Mailbox};

/// One event of a bridge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum AuditEvent {
    /// A bridge began to serve.
    BridgeStarted {
        /// Which version.
        version: String,
    },
    /// It stopped as it was asked to. A start without a stop before it follows a crash.
    BridgeStopped,
    /// An anchor was left with the broker.
    Anchored {
        /// Of this row,
        sequence: u64,
        /// which has this hash.
        hash: Digest,
    },
    /// Rows that are too old were removed. The chain begins behind them.
    Pruned {
        /// The last of them,
        through: u64,
        /// which had this hash.
        hash: Digest,
        /// All of them were older than this.
        before: Timestamp,
    },
    /// A handle and a device were bound to a key.
    DeviceRegistered {
        /// Whose.
        handle: Handle,
        /// Which device.
        device_id: DeviceId,
        /// False if it was registered before, with the same key.
        new: bool,
    },
    /// A device's token was replaced.
    TokenRotated {
        /// Whose.
        handle: Handle,
        /// Which device.
        device_id: DeviceId,
    },
    /// A device was taken out of its identity.
    DeviceRevoked {
        /// Whose.
        handle: Handle,
        /// Which device.
        device_id: DeviceId,
    },
    /// A device uploaded prekeys.
    PrekeysUploaded {
        /// Whose.
        handle: Handle,
        /// Which device.
        device_id: DeviceId,
        /// One-time prekeys, X25519.
        one_time: u16,
        /// One-time prekeys, Kyber.
        one_time_kyber: u16,
    },
    /// A sender certificate was issued.
    CertificateIssued {
        /// Whose.
        handle: Handle,
        /// Which device.
        device_id: DeviceId,
    },
    /// Somebody fetched a bundle, which takes a one-time prekey out of each pool.
    BundleFetched {
        /// Whose bundle.
        target: Handle,
        /// Who fetched it: a hash under a key that is forgotten after the day.
        requester: Digest,
    },
    /// An envelope was stored in a mailbox.
    EnvelopeAccepted {
        /// SHA-256 of its bytes.
        digest: Digest,
    },
    /// A recipient acknowledged an envelope.
    EnvelopeDelivered {
        /// SHA-256 of its bytes.
        digest: Digest,
    },
}

/// A row's bytes are not those of an event that this version knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an event that this version knows")]
pub struct InvalidEvent;

impl AuditEvent {
    /// A device was registered.
    pub fn registered(device: &Mailbox, new: bool) -> Self {
        let (handle, device_id) = named(device);
        Self::DeviceRegistered { handle, device_id, new }
    }

    /// A device's token was replaced.
    pub fn rotated(device: &Mailbox) -> Self {
        let (handle, device_id) = named(device);
        Self::TokenRotated { handle, device_id }
    }

    /// A device was taken out of its identity.
    pub fn revoked(device: &Mailbox) -> Self {
        let (handle, device_id) = named(device);
        Self::DeviceRevoked { handle, device_id }
    }

    /// A certificate was issued to a device.
    pub fn certified(device: &Mailbox) -> Self {
        let (handle, device_id) = named(device);
        Self::CertificateIssued { handle, device_id }
    }

    /// A device uploaded so many prekeys.
    pub fn uploaded(device: &Mailbox, one_time: usize, one_time_kyber: usize) -> Self {
        let (handle, device_id) = named(device);
        let count = |number| u16::try_from(number).unwrap_or(u16::MAX);
        let (one_time, one_time_kyber) = (count(one_time), count(one_time_kyber));
        Self::PrekeysUploaded { handle, device_id, one_time, one_time_kyber }
    }

    /// The number of its kind.
    pub const fn kind(&self) -> u8 {
        match self {
            Self::BridgeStarted { .. } => 1,
            Self::BridgeStopped => 2,
            Self::Anchored { .. } => 3,
            Self::Pruned { .. } => 4,
            Self::DeviceRegistered { .. } => 8,
            Self::TokenRotated { .. } => 9,
            Self::DeviceRevoked { .. } => 10,
            Self::PrekeysUploaded { .. } => 11,
            Self::CertificateIssued { .. } => 12,
            Self::BundleFetched { .. } => 13,
            Self::EnvelopeAccepted { .. } => 16,
            Self::EnvelopeDelivered { .. } => 17,
        }
    }

    /// Its fields: numbers big-endian, text and handles behind a byte with their length.
    pub(crate) fn fields(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(72);
        match self {
            Self::BridgeStarted { version } => put_text(&mut bytes, version),
            Self::BridgeStopped => {}
            Self::Anchored { sequence, hash } => {
                bytes.extend(sequence.to_be_bytes());
                bytes.extend(hash.as_bytes());
            }
            Self::Pruned { through, hash, before } => {
                bytes.extend(through.to_be_bytes());
                bytes.extend(hash.as_bytes());
                bytes.extend(before.as_millis().to_be_bytes());
            }
            Self::DeviceRegistered { handle, device_id, new } => {
                put_device(&mut bytes, handle, *device_id);
                bytes.push(u8::from(*new));
            }
            Self::TokenRotated { handle, device_id }
            | Self::DeviceRevoked { handle, device_id }
            | Self::CertificateIssued { handle, device_id } => {
                put_device(&mut bytes, handle, *device_id);
            }
            Self::PrekeysUploaded { handle, device_id, one_time, one_time_kyber } => {
                put_device(&mut bytes, handle, *device_id);
                bytes.extend(one_time.to_be_bytes());
                bytes.extend(one_time_kyber.to_be_bytes());
            }
            Self::BundleFetched { target, requester } => {
                put_text(&mut bytes, target.as_str());
                bytes.extend(requester.as_bytes());
            }
            Self::EnvelopeAccepted { digest } | Self::EnvelopeDelivered { digest } => {
                bytes.extend(digest.as_bytes());
            }
        }
        bytes
    }

    /// From a row; every byte must be used.
    pub(crate) fn decode(kind: u8, fields: &[u8]) -> Result<Self, InvalidEvent> {
        let mut fields = Fields(fields);
        let event = fields.event(kind).ok_or(InvalidEvent)?;
        if fields.0.is_empty() { Ok(event) } else { Err(InvalidEvent) }
    }
}

fn named(device: &Mailbox) -> (Handle, DeviceId) {
    (device.handle.clone(), device.device_id)
}

/// A handle always fits; a longer text is cut at a character.
fn put_text(bytes: &mut Vec<u8>, text: &str) {
    let mut end = text.len().min(255);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    bytes.push(u8::try_from(end).unwrap_or(u8::MAX));
    bytes.extend(&text.as_bytes()[..end]);
}

fn put_device(bytes: &mut Vec<u8>, handle: &Handle, device_id: DeviceId) {
    put_text(bytes, handle.as_str());
    bytes.push(device_id.get());
}

/// What is left to read.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn event(&mut self, kind: u8) -> Option<AuditEvent> {
        Some(match kind {
            1 => AuditEvent::BridgeStarted { version: self.text()?.to_owned() },
            2 => AuditEvent::BridgeStopped,
            3 => AuditEvent::Anchored { sequence: self.number()?, hash: self.digest()? },
            4 => AuditEvent::Pruned {
                through: self.number()?,
                hash: self.digest()?,
                before: Timestamp::from_millis(self.number()?),
            },
            8 => AuditEvent::DeviceRegistered {
                handle: self.handle()?,
                device_id: self.device()?,
                new: match self.take::<1>()? {
                    [0] => false,
                    [1] => true,
                    _ => return None,
                },
            },
            9 => AuditEvent::TokenRotated { handle: self.handle()?, device_id: self.device()? },
            10 => AuditEvent::DeviceRevoked { handle: self.handle()?, device_id: self.device()? },
            11 => AuditEvent::PrekeysUploaded {
                handle: self.handle()?,
                device_id: self.device()?,
                one_time: u16::from_be_bytes(self.take()?),
                one_time_kyber: u16::from_be_bytes(self.take()?),
            },
            12 => {
                AuditEvent::CertificateIssued { handle: self.handle()?, device_id: self.device()? }
            }
            13 => AuditEvent::BundleFetched { target: self.handle()?, requester: self.digest()? },
            16 => AuditEvent::EnvelopeAccepted { digest: self.digest()? },
            17 => AuditEvent::EnvelopeDelivered { digest: self.digest()? },
            _ => return None,
        })
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn number(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }

    fn digest(&mut self) -> Option<Digest> {
        self.take().map(Digest::from_bytes)
    }

    fn text(&mut self) -> Option<&str> {
        let [length] = self.take()?;
        let (text, rest) = self.0.split_at_checked(length.into())?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }

    fn handle(&mut self) -> Option<Handle> {
        self.text()?.parse().ok()
    }

    fn device(&mut self) -> Option<DeviceId> {
        let [number] = self.take()?;
        DeviceId::try_from(number).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_of_each() -> Vec<AuditEvent> {
        let device = Mailbox::new("alice".parse().unwrap(), DeviceId::FIRST);
        let hash = Digest::from_bytes([9; 32]);
        vec![
            AuditEvent::BridgeStarted { version: "0.1.0".to_owned() },
            AuditEvent::BridgeStopped,
            AuditEvent::Anchored { sequence: 7, hash },
            AuditEvent::Pruned { through: 3, hash, before: Timestamp::from_millis(5) },
            AuditEvent::registered(&device, true),
            AuditEvent::rotated(&device),
            AuditEvent::revoked(&device),
            AuditEvent::uploaded(&device, 100, 99),
            AuditEvent::certified(&device),
            AuditEvent::BundleFetched { target: "bob".parse().unwrap(), requester: hash },
            AuditEvent::EnvelopeAccepted { digest: hash },
            AuditEvent::EnvelopeDelivered { digest: hash },
        ]
    }

    #[test]
    fn every_event_comes_back_from_its_bytes_and_from_no_others() {
        for event in one_of_each() {
            let mut fields = event.fields();
            assert_eq!(AuditEvent::decode(event.kind(), &fields), Ok(event.clone()));
            if let Some((_, shorter)) = fields.split_last() {
                assert!(AuditEvent::decode(event.kind(), shorter).is_err(), "{event:?}");
            }
            fields.push(0);
            assert!(AuditEvent::decode(event.kind(), &fields).is_err(), "{event:?}");
        }
        assert_eq!(AuditEvent::decode(200, &[]), Err(InvalidEvent));
    }

    #[test]
    fn every_kind_has_a_number_of_its_own() {
        let mut kinds: Vec<_> = one_of_each().iter().map(AuditEvent::kind).collect();
        kinds.dedup();
        assert_eq!(kinds, [1, 2, 3, 4, 8, 9, 10, 11, 12, 13, 16, 17]);
    }

    #[test]
    fn a_long_version_is_cut_at_a_character() {
        let version = "ä".repeat(200);
        let event = AuditEvent::BridgeStarted { version };
        let Ok(AuditEvent::BridgeStarted { version }) = AuditEvent::decode(1, &event.fields())
        else {
            panic!("not a start");
        };
        assert_eq!(version, "ä".repeat(127));
    }
}
