//! The outer frame: all that a bus, a relay and their disks ever see of a message.
//!
//! An envelope is one sealed sender message, version 1, exactly as libsignal makes it: the byte
//! 0x11 and a protobuf of three fields, each present once and in order:
//!
//! | field | bytes | what |
//! | --- | --- | --- |
//! | 1 | 33 | ephemeral Curve25519 key, first byte 0x05 |
//! | 2 | 43 | the sender's key, encrypted to the recipient (33 bytes and a 10-byte MAC) |
//! | 3 | 256 or more | certificate and message, encrypted, with a 10-byte MAC |
//!
//! There is no field of ours around it: nothing to leak, and any official client makes the same.

use crate::limits::ENVELOPE_MAX;

const VERSION: u8 = 0x11;
const DJB: u8 = 0x05;
const EPHEMERAL: usize = 33;
const STATIC: usize = 43;
/// A certificate alone is longer.
const MESSAGE_MIN: usize = 256;

/// Bytes with the shape of a sealed sender message. The shape says nothing of who may open it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Envelope(Vec<u8>);

/// Why bytes are not an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnEnvelope {
    /// A field is missing, doubled, out of order or of a wrong length.
    #[error("not a sealed sender message: field {0} is malformed")]
    Field(u8),
    /// More than [`ENVELOPE_MAX`] bytes.
    #[error("an envelope has at most {max} bytes, not {0}", max = ENVELOPE_MAX)]
    TooLong(usize),
    /// Bytes follow the last field.
    #[error("bytes follow the sealed sender message")]
    Trailing,
    /// The first byte is not 0x11.
    #[error("not a sealed sender message of version 1")]
    Version,
}

/// The fields of an envelope: everything that whoever carries it can tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnvelopeFields<'a> {
    /// 33 bytes: a Curve25519 key that was made for this envelope alone.
    pub ephemeral_key: &'a [u8],
    /// 43 bytes: the sender's key, encrypted.
    pub encrypted_static: &'a [u8],
    /// Certificate and message, encrypted.
    pub encrypted_message: &'a [u8],
}

impl<'a> EnvelopeFields<'a> {
    /// Tells them apart, and checks the shape.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, NotAnEnvelope> {
        if bytes.len() > ENVELOPE_MAX {
            return Err(NotAnEnvelope::TooLong(bytes.len()));
        }
        let rest = bytes.strip_prefix(&[VERSION]).ok_or(NotAnEnvelope::Version)?;
        let (ephemeral_key, rest) = field(1, rest)?;
        if ephemeral_key.len() != EPHEMERAL || ephemeral_key[0] != DJB {
            return Err(NotAnEnvelope::Field(1));
        }
        let (encrypted_static, rest) = field(2, rest)?;
        if encrypted_static.len() != STATIC {
            return Err(NotAnEnvelope::Field(2));
        }
        let (encrypted_message, rest) = field(3, rest)?;
        if encrypted_message.len() < MESSAGE_MIN {
            return Err(NotAnEnvelope::Field(3));
        }
        if !rest.is_empty() {
            return Err(NotAnEnvelope::Trailing);
        }
        Ok(Self { ephemeral_key, encrypted_static, encrypted_message })
    }
}

impl Envelope {
    /// Checks the shape.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, NotAnEnvelope> {
        EnvelopeFields::parse(&bytes)?;
        Ok(Self(bytes))
    }

    /// The bytes, as they travel.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, as they travel.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl std::fmt::Debug for Envelope {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Envelope").field("bytes", &self.0.len()).finish()
    }
}

/// One length-delimited protobuf field with the given number, and what follows it.
fn field(number: u8, bytes: &[u8]) -> Result<(&[u8], &[u8]), NotAnEnvelope> {
    let malformed = NotAnEnvelope::Field(number);
    let rest = bytes.strip_prefix(&[number << 3 | 2]).ok_or(malformed)?;
    let (length, rest) = varint(rest).ok_or(malformed)?;
    rest.split_at_checked(length).ok_or(malformed)
}

/// A protobuf varint of at most three bytes: no envelope has a longer field.
fn varint(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0;
    for (index, byte) in bytes.iter().take(3).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[index + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shaped(message: usize) -> Vec<u8> {
        let mut bytes = vec![VERSION, 0x0a, 33, DJB];
        bytes.resize(bytes.len() + 32, 1);
        bytes.extend_from_slice(&[0x12, 43]);
        bytes.resize(bytes.len() + 43, 2);
        bytes.push(0x1a);
        bytes.push(u8::try_from(message & 0x7f).unwrap() | 0x80);
        bytes.push(u8::try_from(message >> 7).unwrap());
        bytes.resize(bytes.len() + message, 3);
        bytes
    }

    #[test]
    fn the_shape_is_accepted_and_kept_to_the_byte() {
        let bytes = shaped(700);
        let envelope = Envelope::parse(bytes.clone()).unwrap();
        assert_eq!(envelope.as_bytes(), bytes);
        let fields = EnvelopeFields::parse(&bytes).unwrap();
        assert_eq!(fields.ephemeral_key[..2], [DJB, 1]);
        assert_eq!((fields.encrypted_static, fields.encrypted_message.len()), (&[2; 43][..], 700));
    }

    #[test]
    fn plaintext_is_not_an_envelope() {
        for text in ["", "hello", "{\"prompt\":\"hi\"}", "\u{11}hello"] {
            assert!(Envelope::parse(text.as_bytes().to_vec()).is_err());
        }
    }

    #[test]
    fn every_cut_and_any_extra_byte_is_refused() {
        let bytes = shaped(300);
        for end in 0..bytes.len() {
            assert!(Envelope::parse(bytes[..end].to_vec()).is_err(), "{end}");
        }
        let mut longer = bytes;
        longer.push(0);
        assert_eq!(Envelope::parse(longer), Err(NotAnEnvelope::Trailing));
    }
}
