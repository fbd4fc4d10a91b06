//! The header inside the seal.
//!
//! Integers are big-endian.
//!
//! | offset | bytes | field |
//! | --- | --- | --- |
//! | 0 | 1 | version, 1 |
//! | 1 | 2 | length of the whole header |
//! | 3 | 16 | content id |
//! | 19 | 1 | kind |
//! | 20 | 16 | content id of the message that this one answers, or zeros |
//! | 36 | 8 | sequence: counts from 1 for each pair of devices and direction; an ephemeral message repeats the last one |
//! | 44 | 8 | time of sending, milliseconds since 1970 |
//! | 52 | 16 | sender's service id |
//! | 68 | 1 | sender's device |
//! | 69 | 16 | recipient's service id |
//! | 85 | 1 | recipient's device |
//! | 86 | 1 | length of the sender's handle |
//! | 87 | 1 to 63 | the sender's handle, as it claims |
//!
//! A later minor revision may lengthen it; readers skip what they do not know. Both addresses are
//! here because libsignal 0.85 leaves them out of the MAC. The handle is where an answer goes; it
//! is believed only when the directory, under the pinned root, has it for the sender's address.

use crate::{ContentId, DeviceId, Handle, Kind, ServiceId, Timestamp};

const VERSION: u8 = 1;
/// Everything before the handle.
const FIXED: usize = 87;

/// One device of one identity, as libsignal addresses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// The identity.
    pub service_id: ServiceId,
    /// Its device.
    pub device_id: DeviceId,
}

/// What stands before the body of every sealed message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Names what is said, across resends.
    pub content_id: ContentId,
    /// What it is about.
    pub kind: Kind,
    /// The message that it answers.
    pub in_reply_to: Option<ContentId>,
    /// Its place among the sender's messages to this recipient, from 1. Order and loss are judged
    /// by it, not by arrival.
    pub sequence: u64,
    /// The sender's clock when it was sealed.
    pub sent_at: Timestamp,
    /// Who sealed it.
    pub sender: Address,
    /// For whom.
    pub recipient: Address,
    /// The sender's handle, as it claims.
    pub sender_handle: Handle,
}

/// The bytes do not start with a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHeader {
    /// A device id is outside 1 to 127.
    #[error("the header names an impossible device")]
    Device,
    /// The sender's handle is not one.
    #[error("the header's handle is not one")]
    Handle,
    /// The kind is not known to this version.
    #[error(transparent)]
    Kind(#[from] crate::UnknownKind),
    /// The sequence does not count from 1.
    #[error("the header's sequence is zero")]
    Sequence,
    /// Fewer bytes than the header claims or needs.
    #[error("the header is cut short")]
    Short,
    /// The version is not 1.
    #[error("unknown header version {0}")]
    Version(u8),
}

impl Header {
    /// The header's bytes followed by `body`.
    pub fn encode(&self, body: &[u8]) -> Vec<u8> {
        let handle = self.sender_handle.as_str().as_bytes();
        // A handle has at most 63 bytes, so that neither length is ever cut.
        let handle_length = u8::try_from(handle.len()).unwrap_or(u8::MAX);
        let length = u16::try_from(FIXED + handle.len()).unwrap_or(u16::MAX);
        let mut bytes = Vec::with_capacity(usize::from(length) + body.len() + 1);
        bytes.push(VERSION);
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(self.content_id.as_bytes());
        bytes.push(self.kind.into());
        bytes.extend_from_slice(self.in_reply_to.map_or([0; 16], |id| *id.as_bytes()).as_slice());
        bytes.extend_from_slice(&self.sequence.to_be_bytes());
        bytes.extend_from_slice(&self.sent_at.as_millis().to_be_bytes());
        for address in [self.sender, self.recipient] {
            bytes.extend_from_slice(address.service_id.as_bytes());
            bytes.push(address.device_id.get());
        }
        bytes.push(handle_length);
        bytes.extend_from_slice(handle);
        bytes.extend_from_slice(body);
        bytes
    }

    /// Splits an unpadded plaintext into header and body.
    pub fn decode(plaintext: &[u8]) -> Result<(Self, &[u8]), InvalidHeader> {
        let mut fields = Fields(plaintext);
        let [version] = fields.take()?;
        if version != VERSION {
            return Err(InvalidHeader::Version(version));
        }
        let length = usize::from(u16::from_be_bytes(fields.take()?));
        let body = plaintext.get(length..).ok_or(InvalidHeader::Short)?;
        fields.0 = plaintext.get(3..length).ok_or(InvalidHeader::Short)?;
        let content_id = ContentId::from_bytes(fields.take()?);
        let [kind] = fields.take()?;
        let in_reply_to = fields.take::<16>()?;
        let header = Self {
            content_id,
            kind: kind.try_into()?,
            in_reply_to: (in_reply_to != [0; 16]).then(|| ContentId::from_bytes(in_reply_to)),
            sequence: u64::from_be_bytes(fields.take()?),
            sent_at: Timestamp::from_millis(u64::from_be_bytes(fields.take()?)),
            sender: fields.address()?,
            recipient: fields.address()?,
            sender_handle: fields.handle()?,
        };
        if header.sequence == 0 {
            return Err(InvalidHeader::Sequence);
        }
        Ok((header, body))
    }
}

/// What is left to read.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], InvalidHeader> {
        let (field, rest) = self.0.split_first_chunk().ok_or(InvalidHeader::Short)?;
        self.0 = rest;
        Ok(*field)
    }

    fn address(&mut self) -> Result<Address, InvalidHeader> {
        let service_id = ServiceId::from_bytes(self.take()?);
        let [device] = self.take()?;
        let device_id = device.try_into().map_err(|_| InvalidHeader::Device)?;
        Ok(Address { service_id, device_id })
    }

    fn handle(&mut self) -> Result<Handle, InvalidHeader> {
        let [length] = self.take()?;
        let bytes = self.0.get(..usize::from(length)).ok_or(InvalidHeader::Short)?;
        let text = std::str::from_utf8(bytes).map_err(|_| InvalidHeader::Handle)?;
        text.parse().map_err(|_| InvalidHeader::Handle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        let address = |byte| Address {
            service_id: ServiceId::from_bytes([byte; 16]),
            device_id: DeviceId::FIRST,
        };
        Header {
            content_id: ContentId::from_bytes([7; 16]),
            kind: Kind::Prompt,
            in_reply_to: Some(ContentId::from_bytes([8; 16])),
            sequence: 3,
            sent_at: Timestamp::from_millis(1_795_426_200_250),
            sender: address(1),
            recipient: address(2),
            sender_handle: "alice".parse().unwrap(),
        }
    }

    #[test]
    fn a_header_comes_back_with_its_body() {
        let bytes = header().encode(b"body");
        assert_eq!(bytes.len(), FIXED + 5 + 4);
        assert_eq!(Header::decode(&bytes).unwrap(), (header(), &b"body"[..]));
    }

    #[test]
    fn a_longer_header_of_a_later_revision_is_read() {
        let mut bytes = header().encode(b"");
        bytes[2] += 4;
        bytes.extend_from_slice(b"1234body");
        assert_eq!(Header::decode(&bytes).unwrap().1, b"body");
    }

    #[test]
    fn every_cut_and_every_impossible_field_is_refused() {
        let bytes = header().encode(b"");
        for end in 0..bytes.len() {
            assert_eq!(Header::decode(&bytes[..end]), Err(InvalidHeader::Short), "{end}");
        }
        let with = |index: usize, byte| {
            let mut bytes = bytes.clone();
            bytes[index] = byte;
            Header::decode(&bytes).unwrap_err()
        };
        assert_eq!(with(0, 2), InvalidHeader::Version(2));
        assert_eq!(with(2, 50), InvalidHeader::Short);
        assert_eq!(with(86, 6), InvalidHeader::Short);
        assert_eq!(with(87, b'A'), InvalidHeader::Handle);
        assert_eq!(with(87, 0xff), InvalidHeader::Handle);
        assert_eq!(with(19, 0), InvalidHeader::Kind(crate::UnknownKind(0)));
        assert_eq!(with(43, 0), InvalidHeader::Sequence);
        assert_eq!(with(68, 128), InvalidHeader::Device);
    }
}
