//! Whatever comes from outside is either understood or refused, and never more than that.

#![expect(clippy::unwrap_used, reason = "tests")]

#[cfg(target_arch = "wasm32")]
#[macro_use]
extern crate sysmaint_wasm_host;

use proptest::prelude::*;
use sysmaint_protocol::{
    Address, ContentId, DeviceId, Envelope, Handle, Header, Kind, ServiceId, Timestamp, body, pad,
    subject::DirectorySubject, unpad,
};

fn address() -> impl Strategy<Value = Address> {
    (any::<[u8; 16]>(), 1..=127_u8).prop_map(|(id, device)| Address {
        service_id: ServiceId::from_bytes(id),
        device_id: DeviceId::try_from(device).unwrap(),
    })
}

fn handle() -> impl Strategy<Value = Handle> {
    "[a-z0-9][a-z0-9_-]{0,62}".prop_map(|text| text.parse().unwrap())
}

fn header() -> impl Strategy<Value = Header> {
    let ids = (any::<[u8; 16]>(), any::<Option<[u8; 16]>>());
    let numbers = (1..=10_u8, 1..=u64::MAX, 0..=253_402_300_799_999_u64);
    (ids, numbers, address(), address(), handle()).prop_map(
        |((id, reply), (kind, sequence, sent_at), sender, recipient, sender_handle)| Header {
            content_id: ContentId::from_bytes(id),
            kind: Kind::try_from(kind).unwrap(),
            // An id of zeros stands for none.
            in_reply_to: reply.filter(|id| *id != [0; 16]).map(ContentId::from_bytes),
            sequence,
            sent_at: Timestamp::from_millis(sent_at),
            sender,
            recipient,
            sender_handle,
        },
    )
}

proptest! {
    #[test]
    fn every_header_comes_back_with_its_body(header in header(), body: Vec<u8>) {
        let bytes = header.encode(&body);
        prop_assert_eq!(Header::decode(&bytes).unwrap(), (header, &body[..]));
    }

    #[test]
    fn every_content_comes_back_from_its_padding(content in prop::collection::vec(any::<u8>(), 0..4096)) {
        let padded = pad(content.clone()).unwrap();
        prop_assert_eq!(unpad(&padded).unwrap(), &content[..]);
    }

    #[test]
    fn arbitrary_bytes_are_refused_and_never_panic(bytes: Vec<u8>) {
        let _ = Header::decode(&bytes);
        let _ = unpad(&bytes);
        let _ = body::decode::<body::Telemetry>(&bytes);
        prop_assert!(Envelope::parse(bytes).is_err());
    }

    #[test]
    fn damaged_headers_never_panic(header in header(), at: prop::sample::Index, byte: u8) {
        let mut bytes = header.encode(b"body");
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = Header::decode(&bytes);
    }

    #[test]
    fn a_subject_is_read_only_as_it_would_be_written(subject in "[a-z0-9.*>_-]{0,60}") {
        if let Some(parsed) = DirectorySubject::parse(&subject) {
            let again = parsed.operation.subject(&parsed.requester, parsed.target.as_ref());
            prop_assert_eq!(again, subject);
        }
    }
}
