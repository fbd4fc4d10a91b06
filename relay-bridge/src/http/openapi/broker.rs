//! How the broker's state looks in JSON. Its types belong to a room that knows no HTTP.

use utoipa::openapi::{
    KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat,
    schema::{AdditionalProperties, ArrayBuilder, SchemaType, Type},
};

/// A `Diagnostics`.
pub(in crate::http) fn state() -> RefOr<Schema> {
    let streams = ArrayBuilder::new()
        .items(stream())
        .description(Some("Every stream that the relay keeps."))
        .build();
    object("The state of the broker, as the relay's connection sees it.")
        .property("server", of(Type::String, "The server's name."))
        .property("version", of(Type::String, "Its version."))
        .property("connected", of(Type::Boolean, "Whether the connection stands."))
        .property("round_trip_ms", of(Type::Number, "One question and its answer."))
        .property("streams", streams)
        .required("server")
        .required("version")
        .required("connected")
        .required("round_trip_ms")
        .required("streams")
        .into()
}

/// An `EffectiveDurability`.
pub(in crate::http) fn durability() -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .enum_values(Some(["power", "process", "unknown"]))
        .description(Some("What a confirmed message survives."))
        .into()
}

fn stream() -> ObjectBuilder {
    let nullable = ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Integer, Type::Null]))
        .minimum(Some(0_u32))
        .description(Some("of at most; null if unlimited."));
    object("One stream.")
        .property("name", of(Type::String, "Its name."))
        .property("messages", count("What it holds,"))
        .property("bytes", count("in bytes,"))
        .property("max_bytes", nullable)
        .property("consumers", count("Who reads it."))
        .property("replicas", count("Its copies."))
        .required("name")
        .required("messages")
        .required("bytes")
        .required("max_bytes")
        .required("consumers")
        .required("replicas")
}

/// With nothing but what is described, so that a check of real answers sees what is missing here.
fn object(description: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::Object))
        .description(Some(description))
        .additional_properties(Some(AdditionalProperties::FreeForm(false)))
}

fn of(kind: Type, description: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::Type(kind)).description(Some(description))
}

fn count(description: &str) -> ObjectBuilder {
    of(Type::Integer, description)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(0_u32))
}
