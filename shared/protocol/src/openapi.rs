//! How the protocol's own types look in JSON, for the OpenAPI documents of relay and web server.
//!
//! Patterns and bounds are those that the relay checks, so that a request which is made from the
//! document is one that gets past parsing. Byte strings of one kind each have a name here.

use std::borrow::Cow;

use serde_json::Value;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Header, KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat,
        schema::{SchemaType, Type},
    },
};

use crate::{
    Base64Bytes, ContentId, DeviceId, Handle, InboxPrefix, NatsUserKey, ServiceId, Timestamp,
    TransferId,
    limits::{ENVELOPE_MAX, HANDLE_MAX},
};

macro_rules! named {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        $($(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name;)*
    };
}

named! {
    /// One device's word for another, as [`Admission`](crate::Admission) reads it.
    AdmissionBytes;
    /// A sealed message, as [`Envelope`](crate::Envelope) checks it.
    SealedEnvelope;
    /// A Kyber1024 public key with its type in front.
    KyberPublicKey;
    /// A SHA-256 digest.
    Digest;
    /// A nonce to sign.
    Nonce;
    /// The number of a prekey.
    PrekeyId;
    /// A Curve25519 public key with its type in front.
    PublicKey;
    /// libsignal's registration id.
    RegistrationId;
    /// An XEdDSA signature.
    Signature;
}

/// What one of these schemas is made of.
struct Text {
    description: &'static str,
    pattern: String,
    length: (usize, usize),
    /// Empty where one would fill the page.
    example: String,
}

impl Text {
    fn schema(self) -> RefOr<Schema> {
        self.builder().into()
    }

    /// Of bytes in base64.
    fn bytes(self) -> RefOr<Schema> {
        self.builder().content_encoding("base64").into()
    }

    fn builder(self) -> ObjectBuilder {
        let Self { description, pattern, length: (shortest, longest), example } = self;
        let builder = ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::String))
            .description(Some(description))
            .pattern(Some(pattern))
            .min_length(Some(shortest))
            .max_length(Some(longest));
        if example.is_empty() { builder } else { builder.examples([Value::from(example)]) }
    }
}

fn number(description: &'static str, last: u32, example: u32) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::Integer))
        .description(Some(description))
        .minimum(Some(1_u32))
        .maximum(Some(last))
        .examples([Value::from(example)])
        .into()
}

/// Characters that so many bytes take in base64 with padding.
const fn base64_length(bytes: usize) -> usize {
    bytes.div_ceil(3) * 4
}

/// Bytes that are the same in each example: their first one, then a pattern.
fn example_bytes(first: u8, length: usize) -> String {
    let rest = (1..length).map(|index| u8::try_from(index * 7 % 251).unwrap_or_default());
    Base64Bytes(std::iter::once(first).chain(rest).collect()).into()
}

macro_rules! schemas {
    ($($name:ident $as:literal = $schema:expr;)*) => {
        $(impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                $schema
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed($as)
            }
        })*
    };
}

schemas! {
    AdmissionBytes "Admission" = Text {
        description: "A device's word for a further one under its handle, 66 bytes in base64: 0x01, \
            the number of the device that gives it, and its signature.",
        pattern: "^A[Q-X][A-Za-z0-9+/]{86}$".to_owned(),
        length: (base64_length(66), base64_length(66)),
        example: example_admission(),
    }
    .bytes();
    Base64Bytes "Base64Bytes" = ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .description(Some("Bytes in standard base64 with padding (RFC 4648, section 4)."))
        .content_encoding("base64")
        .pattern(Some(
            "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$",
        ))
        .examples([Value::from(example_bytes(0x0a, 24))])
        .into();
    ContentId "ContentId" = Text {
        description: "Names what is said: 128 random bits, 32 hexadecimal digits.",
        pattern: "^[0-9a-fA-F]{32}$".to_owned(),
        length: (32, 32),
        example: "0b7e4d1c5a2f48f39c6d8e7fa1b2c3d4".to_owned(),
    }
    .schema();
    DeviceId "DeviceId" = number("One of an identity's devices.", 127, 1);
    Handle "Handle" = Text {
        description: "The name that people type and subjects carry.",
        pattern: "^[a-z0-9][a-z0-9_-]{0,62}$".to_owned(),
        length: (1, HANDLE_MAX),
        example: "carol".to_owned(),
    }
    .schema();
    InboxPrefix "InboxPrefix" = Text {
        description: "Where a user of NATS gets its answers: nobody's name and nobody's guess.",
        pattern: "^_INBOX\\.[0-9A-Za-z]{22}$".to_owned(),
        length: (29, 29),
        example: "_INBOX.0123456789ABCDEFGHIJKL".to_owned(),
    }
    .schema();
    NatsUserKey "NatsUserKey" = Text {
        description: "The public half of an nkey user pair.",
        pattern: "^U[A-Z2-7]{55}$".to_owned(),
        length: (56, 56),
        example: String::new(),
    }
    .schema();
    KyberPublicKey "KyberPublicKey" = Text {
        description: "A Kyber1024 public key, 1569 bytes in base64: its type 0x08 and the key.",
        pattern: "^C[A-P][A-Za-z0-9+/]{2090}$".to_owned(),
        length: (base64_length(1569), base64_length(1569)),
        example: String::new(),
    }
    .bytes();
    Digest "Digest" = Text {
        description: "A SHA-256 digest, 32 bytes in base64.",
        pattern: "^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$".to_owned(),
        length: (base64_length(32), base64_length(32)),
        example: example_bytes(0x44, 32),
    }
    .bytes();
    Nonce "Nonce" = Text {
        description: "32 random bytes in base64.",
        pattern: "^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$".to_owned(),
        length: (base64_length(32), base64_length(32)),
        example: example_bytes(0x4e, 32),
    }
    .bytes();
    PrekeyId "PrekeyId" = number("The number of a prekey, as its owner chose it.", 0x00ff_ffff, 4711);
    PublicKey "PublicKey" = Text {
        description: "A Curve25519 public key, 33 bytes in base64: its type 0x05 and the key.",
        pattern: "^B[Q-Za-f][A-Za-z0-9+/]{42}$".to_owned(),
        length: (base64_length(33), base64_length(33)),
        example: example_bytes(0x05, 33),
    }
    .bytes();
    RegistrationId "RegistrationId" = number(
        "libsignal's registration id: a new one says that the device has a new store.",
        0x3fff,
        4096,
    );
    SealedEnvelope "SealedEnvelope" = Text {
        description: "A sealed sender message of version 1 in base64, at most 98304 bytes: 0x11, \
            then three protobuf fields (ephemeral key, encrypted sender key, encrypted message).",
        // What can be said of it without its length: 11 0a 21 05, a key, 12 2b, another, 1a.
        pattern: "^EQohB[Q-Za-f][A-Za-z0-9+/]{42}Ei[s-v][A-Za-z0-9+/]{57}G[g-v][A-Za-z0-9+/]+={0,2}$"
            .to_owned(),
        length: (base64_length(340), base64_length(ENVELOPE_MAX)),
        example: example_envelope(),
    }
    .bytes();
    ServiceId "ServiceId" = ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .format(Some(SchemaFormat::Custom("uuid".to_owned())))
        .description(Some("The identity behind a handle: a UUID, in every Signal address."))
        .examples([Value::from("7d0f4e0e-7f0e-4f3a-9a55-0a8d3cbd8d11")])
        .into();
    Signature "Signature" = Text {
        description: "A signature (XEdDSA over Curve25519), 64 bytes in base64.",
        pattern: "^[A-Za-z0-9+/]{85}[AQgw]==$".to_owned(),
        length: (base64_length(64), base64_length(64)),
        example: example_bytes(0x51, 64),
    }
    .bytes();
    Timestamp "Timestamp" = ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .description(Some("A moment: RFC 3339 in UTC, to the millisecond."))
        .examples([Value::from("2026-11-23T09:30:00.25Z")])
        .into();
    TransferId "TransferId" = Text {
        description: "Names one ciphertext: 128 random bits, 32 hexadecimal digits.",
        pattern: "^[0-9a-fA-F]{32}$".to_owned(),
        length: (32, 32),
        example: "5579e372e5e5dd0b8592a3089e56c1cf".to_owned(),
    }
    .schema();
}

/// By the first device, signed by nobody.
fn example_admission() -> String {
    let mut bytes = vec![1, 1];
    bytes.resize(66, 0x51);
    Base64Bytes(bytes).into()
}

/// Bytes with an envelope's shape, and nothing in them.
fn example_envelope() -> String {
    let mut bytes = vec![0x11, 0x0a, 33, 0x05];
    bytes.resize(bytes.len() + 32, 0x55);
    bytes.extend_from_slice(&[0x12, 43]);
    bytes.resize(bytes.len() + 43, 0x66);
    // 256 as a varint.
    bytes.extend_from_slice(&[0x1a, 0x80, 0x02]);
    bytes.resize(bytes.len() + 256, 0x77);
    Base64Bytes(bytes).into()
}

/// A Kyber prekey with the owner's signature.
#[derive(Clone, Copy, Debug, ToSchema)]
pub struct KyberPrekey {
    /// Its number.
    pub id: PrekeyId,
    /// The key.
    pub public_key: KyberPublicKey,
    /// By the owner's identity key.
    pub signature: Signature,
}

/// A header of a response, with a text in it.
pub fn text_header(description: &str, example: &str) -> Header {
    let schema = ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .examples([Value::from(example)]);
    let mut header = Header::new(schema);
    header.description = Some(description.to_owned());
    header
}

#[cfg(test)]
mod tests {
    use crate::Envelope;

    use super::*;

    #[test]
    fn the_examples_are_what_they_stand_for() {
        let bytes = Base64Bytes::try_from(example_envelope()).unwrap();
        assert_eq!(base64_length(bytes.0.len()), example_envelope().len());
        assert!(Envelope::parse(bytes.0).is_ok());
        assert_eq!(example_bytes(0x05, 33).len(), base64_length(33));
        assert!(example_bytes(0x05, 33).starts_with("BQ"));
    }
}
