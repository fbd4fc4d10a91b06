//! What fuzzing runs: one function for everything that is read from outside or from a store.
//!
//! Each takes any bytes, must not panic, checks what holds whenever they are accepted, and says
//! whether they were. `fuzz/` calls them under libFuzzer; a test replays `fuzz/corpus/` and
//! mutates it for a while. No build for use contains this module.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a failure here is what fuzzing looks for"
)]

#[cfg(all(test, not(target_arch = "wasm32")))]
mod corpora;
mod messages;
mod records;
mod rest;
#[cfg(all(test, not(target_arch = "wasm32")))]
mod seeds;
mod stage;

pub use messages::{content, guard, open, pq_ratchet, prekey, request};
pub use records::{authority, certificate, local, peer, prekey_record, session};
pub use rest::rest;

use std::{fmt::Debug, time::Duration};

use sysmaint_protocol::{
    Envelope, Header, Kind,
    body::{self, Body, InvalidBody},
    limits::ENVELOPE_MAX,
    pad, unpad,
};

/// A target and its name, which is that of its corpus.
pub type Target = (&'static str, fn(&[u8]) -> bool);

/// All of them.
pub const TARGETS: [Target; 17] = [
    ("authority", authority),
    ("body", body),
    ("certificate", certificate),
    ("content", content),
    ("envelope", envelope),
    ("guard", guard),
    ("header", header),
    ("local", local),
    ("open", open),
    ("padding", padding),
    ("peer", peer),
    ("pq_ratchet", pq_ratchet),
    ("prekey", prekey),
    ("prekey_record", prekey_record),
    ("request", request),
    ("rest", rest),
    ("session", session),
];

/// The outer frame.
pub fn envelope(bytes: &[u8]) -> bool {
    let Ok(envelope) = Envelope::parse(bytes.to_vec()) else { return false };
    assert_eq!(envelope.as_bytes(), bytes);
    assert!(bytes.len() <= ENVELOPE_MAX);
    true
}

/// A padded plaintext.
pub fn padding(bytes: &[u8]) -> bool {
    let Ok(content) = unpad(bytes) else { return false };
    // A sender may choose a larger class than it needs; we never do.
    let again = pad(content.to_vec()).unwrap();
    assert!(again.len() <= bytes.len());
    assert_eq!(unpad(&again).unwrap(), content);
    true
}

/// The header inside the seal, and a body.
pub fn header(bytes: &[u8]) -> bool {
    let Ok((header, body)) = Header::decode(bytes) else { return false };
    let again = header.encode(body);
    assert!(again.len() <= bytes.len());
    // An impossible year is held at the end of time, and a later revision is cut to this one.
    let last = header.sent_at == header.sent_at.after(Duration::from_millis(1));
    assert!(last || again.len() < bytes.len() || again == bytes);
    assert_eq!(Header::decode(&again).unwrap(), (header, body));
    true
}

/// A kind and its body.
pub fn body(bytes: &[u8]) -> bool {
    let Some((kind, json)) = bytes.split_first() else { return false };
    match Kind::try_from(*kind) {
        Ok(Kind::Text) => exact::<body::Text>(json),
        Ok(Kind::Prompt) => exact::<body::Prompt>(json),
        Ok(Kind::Receipt) => exact::<body::Receipt>(json),
        Ok(Kind::Repair) => exact::<body::Repair>(json),
        Ok(Kind::Delta) => exact::<body::Delta>(json),
        Ok(Kind::Stop) => exact::<body::Stop>(json),
        Ok(Kind::Alert) => exact::<sysmaint_protocol::Alert>(json),
        Ok(Kind::UsageReset) => exact::<body::UsageReset>(json),
        // These have fractions, whose last digit may differ.
        Ok(Kind::Answer) => encoded::<body::Answer>(json).is_some(),
        Ok(Kind::Telemetry) => encoded::<body::Telemetry>(json).is_some(),
        Ok(Kind::Usage) => encoded::<body::Usage>(json).is_some(),
        Err(_) => false,
    }
}

fn exact<B: Body + PartialEq + Debug>(json: &[u8]) -> bool {
    let Some((body, again)) = encoded::<B>(json) else { return false };
    if let Some(again) = again {
        assert_eq!(body::decode::<B>(&again).unwrap(), body);
    }
    true
}

/// A body, and what it is encoded as where that fits.
fn encoded<B: Body>(json: &[u8]) -> Option<(B, Option<Vec<u8>>)> {
    let body = body::decode::<B>(json).ok()?;
    match body::encode(&body) {
        Ok(again) => Some((body, Some(again))),
        Err(InvalidBody::TooLong(_)) => Some((body, None)),
        Err(error) => panic!("what was decoded cannot be encoded: {error}"),
    }
}
