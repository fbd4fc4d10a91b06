//! Values that a schema describes, made of the examples in it.

use serde_json::{Map, Value, json};

/// Schemas may hold each other; none of ours does so deeper than this.
const DEPTH: usize = 12;
/// Longer texts are cut on the page.
const SHOWN: usize = 56;

/// What a reference stands for; anything else stands for itself.
pub(super) fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let reference = schema["$ref"].as_str().and_then(|path| path.strip_prefix('#'));
    reference.and_then(|path| document.pointer(path)).unwrap_or(schema)
}

/// One value that the schema allows, for people.
pub(super) fn example(document: &Value, schema: &Value) -> Value {
    shortened(value(document, schema, DEPTH))
}

fn value(document: &Value, schema: &Value, depth: usize) -> Value {
    let schema = resolved(document, schema);
    if depth == 0 {
        return Value::Null;
    }
    if let Some(given) = given(schema) {
        return given.clone();
    }
    if let Some(parts) = schema["allOf"].as_array() {
        return parts
            .iter()
            .fold(Value::Null, |whole, part| joined(whole, value(document, part, depth - 1)));
    }
    for alternatives in ["oneOf", "anyOf"] {
        let mut all = schema[alternatives].as_array().into_iter().flatten();
        if let Some(first) = all.find(|one| one["type"] != "null") {
            return value(document, first, depth - 1);
        }
    }
    match kind(schema) {
        "object" => {
            let all = schema["properties"].as_object().into_iter().flatten();
            let made = all.map(|(name, part)| (name.clone(), value(document, part, depth - 1)));
            Value::Object(made.collect::<Map<_, _>>())
        }
        "array" => json!([value(document, &schema["items"], depth - 1)]),
        "integer" => schema.get("minimum").cloned().unwrap_or(json!(0)),
        "number" => json!(0.5),
        "boolean" => json!(true),
        "string" if schema["contentEncoding"] == "base64" => json!("… (base64)"),
        "string" => json!("…"),
        _ => Value::Null,
    }
}

fn given(schema: &Value) -> Option<&Value> {
    let first = |list: &'static str| schema[list].as_array().and_then(|all| all.first());
    first("examples").or_else(|| schema.get("example")).or_else(|| first("enum"))
}

/// The type, of a nullable one the other.
pub(super) fn kind(schema: &Value) -> &str {
    match &schema["type"] {
        Value::String(kind) => kind,
        Value::Array(kinds) => {
            kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or("")
        }
        _ => "",
    }
}

/// Two objects in one; what the second says goes.
fn joined(one: Value, other: Value) -> Value {
    match (one, other) {
        (Value::Object(mut one), Value::Object(other)) => {
            one.extend(other);
            Value::Object(one)
        }
        (one, Value::Null) => one,
        (_, other) => other,
    }
}

/// A value whose long texts are cut.
pub(super) fn shortened(value: Value) -> Value {
    match value {
        Value::String(text) if text.chars().count() > SHOWN => {
            let start: String = text.chars().take(SHOWN - 16).collect();
            Value::String(format!("{start}…"))
        }
        Value::Array(items) => items.into_iter().map(shortened).collect(),
        Value::Object(members) => {
            members.into_iter().map(|(name, member)| (name, shortened(member))).collect()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_follows_references_and_joins_parts() {
        let document = json!({ "components": { "schemas": {
            "Id": { "type": "integer", "minimum": 1, "examples": [7] },
            "Loop": { "type": "object", "properties": { "again": { "$ref": "#/components/schemas/Loop" } } },
        }}});
        let schema = json!({ "allOf": [
            { "type": "object", "properties": { "id": { "$ref": "#/components/schemas/Id" } } },
            { "type": "object", "properties": {
                "kind": { "enum": ["sent"] },
                "ids": { "type": "array", "items": { "$ref": "#/components/schemas/Id" } },
                "maybe": { "oneOf": [{ "type": "null" }, { "type": "boolean" }] },
                "long": { "type": "string", "example": "x".repeat(100) },
            } },
        ]});
        let made = example(&document, &schema);
        assert_eq!(made["id"], 7);
        assert_eq!(made["kind"], "sent");
        assert_eq!(made["ids"], json!([7]));
        assert_eq!(made["maybe"], true);
        assert!(made["long"].as_str().unwrap().chars().count() < 50);
        assert!(example(&document, &json!({ "$ref": "#/components/schemas/Loop" })).is_object());
    }
}
