//! Every whole answer that a test gets is compared with what the document says of it.

use std::sync::LazyLock;

use serde_json::Value;

use crate::client::Response;

/// As it is in the repository; a test of its own compares it with what the routes say.
static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../../docs/web-openapi.json")).unwrap());

/// Every event of a stream, and the schema of its data.
const EVENTS: [(&str, &str); 14] = [
    ("accepted", "Accepted"),
    ("alert", "Alert"),
    ("answer", "Answered"),
    ("chat", "ChatEntry"),
    ("delta", "DraftPart"),
    ("direct", "OpenedMessage"),
    ("envelope", "SeenEnvelope"),
    ("hello", "Hello"),
    ("host", "HostStatus"),
    ("link", "LinkState"),
    ("missed", "Missed"),
    ("problem", "ProblemDetails"),
    ("trail", "Trail"),
    ("usage", "Usage"),
];

/// Fails unless the document has this call with this status and content type, and its JSON with
/// these members.
#[track_caller]
pub fn check(line: &str, answer: &Response) {
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let path = target.split('?').next().unwrap();
    let said = || format!("{line}: {} {}", answer.head, String::from_utf8_lossy(&answer.body));
    let Some(item) = item(path) else {
        assert!(!path.starts_with("/api/") || answer.status >= 400, "no such path: {}", said());
        return;
    };
    let entry = &item[method.to_lowercase()];
    if entry.is_null() {
        assert!(method == "HEAD" || answer.status >= 400, "no such method: {}", said());
        return;
    }
    let response = followed(&entry["responses"][answer.status.to_string()]);
    assert!(response.is_object(), "no such status is described: {}", said());
    for name in response["headers"].as_object().into_iter().flatten().map(|(name, _)| name) {
        assert!(answer.header(name).is_some(), "no {name}: {}", said());
    }
    let kind = answer.header("content-type").unwrap_or_default();
    let content = match response["content"].as_object() {
        None => return assert!(kind.is_empty(), "no content is described: {}", said()),
        Some(content) => content.iter().find(|(known, _)| kind.starts_with(known.as_str())),
    };
    let Some((_, content)) = content else { panic!("no such content type: {}", said()) };
    if kind.ends_with("json") && path != "/openapi.json" {
        let wrong = mismatch(&answer.json(), &content["schema"]);
        assert!(wrong.is_none(), "{}: {}", wrong.unwrap(), said());
    }
}

/// Fails unless the events that are whole are what the document has for their names.
#[track_caller]
pub fn check_events(text: &str) {
    for block in text.split_inclusive("\n\n").filter(|block| block.ends_with("\n\n")) {
        let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
        let (Some(name), Some(data)) = (field("event: "), field("data: ")) else { continue };
        let (_, schema) = EVENTS.iter().find(|(known, _)| *known == name).unwrap();
        let schema = &DOCUMENT["components"]["schemas"][schema];
        let wrong = mismatch(&serde_json::from_str(data).unwrap(), schema);
        assert!(wrong.is_none(), "{}: {block}", wrong.unwrap());
    }
}

/// The entry of a path; one without a variable before one with.
fn item(path: &str) -> Option<&'static Value> {
    let paths = DOCUMENT["paths"].as_object().unwrap();
    paths.get(path).or_else(|| {
        let fits = |template: &str| {
            let (one, other): (Vec<_>, Vec<_>) =
                (template.split('/').collect(), path.split('/').collect());
            let mut parts = one.iter().zip(&other);
            one.len() == other.len()
                && parts.all(|(one, other)| one.starts_with('{') || one == other)
        };
        paths.iter().find(|(template, _)| fits(template)).map(|(_, item)| item)
    })
}

fn followed(value: &'static Value) -> &'static Value {
    value["$ref"].as_str().map_or(value, |place| DOCUMENT.pointer(&place[1..]).unwrap())
}

/// Where a value is not what a schema says. Members that no part of the schema has are wrong too,
/// so that none is forgotten.
fn mismatch(value: &Value, schema: &'static Value) -> Option<String> {
    let schema = followed(schema);
    let wrong = shape(value, schema);
    let known = members(schema);
    let unknown = value.as_object().into_iter().flatten().map(|(name, _)| name);
    wrong.or_else(|| {
        let mut unknown =
            unknown.filter(|name| !known.is_empty() && !known.contains(&name.as_str()));
        unknown.next().map(|name| format!("{name:?} is not described"))
    })
}

fn shape(value: &Value, schema: &'static Value) -> Option<String> {
    let schema = followed(schema);
    let parts = |name: &str| schema[name].as_array().into_iter().flatten();
    if let Some(wrong) = parts("allOf").find_map(|part| shape(value, part)) {
        return Some(wrong);
    }
    if schema["oneOf"].is_array() && !parts("oneOf").any(|part| shape(value, part).is_none()) {
        return Some(format!("{value} is none of {}", schema["oneOf"]));
    }
    if schema["enum"].is_array() && !parts("enum").any(|one| one == value) {
        return Some(format!("{value} is none of {}", schema["enum"]));
    }
    let kinds = schema["type"]
        .as_str()
        .map_or_else(|| parts("type").filter_map(Value::as_str).collect(), |kind| vec![kind]);
    if !kinds.is_empty() && !kinds.iter().any(|kind| is(value, kind)) {
        return Some(format!("{value} is no {}", schema["type"]));
    }
    if let Some(name) =
        parts("required").filter_map(Value::as_str).find(|name| value.get(name).is_none())
    {
        return Some(format!("{name:?} is missing in {value}"));
    }
    let items = schema["items"].is_object().then_some(&schema["items"]);
    let mut items = items
        .into_iter()
        .flat_map(|of| value.as_array().into_iter().flatten().map(move |it| (it, of)));
    let mut properties = schema["properties"].as_object().into_iter().flatten();
    items.find_map(|(item, of)| mismatch(item, of)).or_else(|| {
        properties.find_map(|(name, of)| {
            mismatch(value.get(name)?, of).map(|wrong| format!("{name}: {wrong}"))
        })
    })
}

/// All members that a schema has, in whichever part.
fn members(schema: &'static Value) -> Vec<&'static str> {
    let schema = followed(schema);
    let own = schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.as_str());
    let parts = ["allOf", "oneOf"].into_iter().filter_map(|name| schema[name].as_array()).flatten();
    own.chain(parts.flat_map(members)).collect()
}

fn is(value: &Value, kind: &str) -> bool {
    match kind {
        "array" => value.is_array(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "object" => value.is_object(),
        _ => value.is_string(),
    }
}
