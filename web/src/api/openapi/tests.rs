//! The document as a whole.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{described, written};
use crate::problem::{ALL, Kind, METHOD_NOT_ALLOWED};

/// With this set to 1, the committed document is written and not compared.
const UPDATE: &str = "UPDATE_OPENAPI";

fn document() -> Value {
    serde_json::to_value(described()).unwrap()
}

/// Every call: its path, its method, its entry.
fn calls(document: &Value) -> Vec<(String, String, Value)> {
    let mut calls = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, entry) in item.as_object().unwrap() {
            calls.push((path.clone(), method.clone(), entry.clone()));
        }
    }
    calls
}

fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Object(members) => {
            for (key, member) in members {
                match member.as_str() {
                    Some(text) if key == "$ref" => found.push(text.to_owned()),
                    _ => references(member, found),
                }
            }
        }
        _ => {}
    }
}

#[test]
fn the_committed_document_is_the_one_that_is_served() {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/web-openapi.json");
    let served = written(&described());
    if std::env::var_os(UPDATE).is_some_and(|value| value == "1") {
        fs::write(&path, &served).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == served,
        "docs/web-openapi.json is not what the routes say of themselves; write it anew with\n\
         {UPDATE}=1 cargo test --release -p sysmaint-web --lib committed_document"
    );
}

#[test]
fn every_call_says_what_it_is() {
    let document = document();
    let groups: Vec<_> =
        document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].clone()).collect();
    let mut ids = BTreeSet::new();
    for (path, method, entry) in calls(&document) {
        let id = entry["operationId"].as_str().unwrap().to_owned();
        assert!(ids.insert(id), "{method} {path}: its operation id is another's too");
        assert!(entry["summary"].as_str().is_some_and(|it| !it.is_empty()), "{method} {path}");
        assert!(groups.contains(&entry["tags"][0]), "{method} {path}: its group is not described");
        let responses = entry["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status < &"400".to_owned()), "{method} {path}");
        assert_eq!(responses.contains_key("403"), path.starts_with("/api/"), "{method} {path}");
    }
}

#[test]
fn every_problem_is_one_of_some_call() {
    let document = document();
    let mut named = BTreeSet::new();
    for (_, _, entry) in calls(&document) {
        named.extend(entry["responses"].as_object().unwrap().keys().cloned());
    }
    for kind in ALL {
        // What a path has whose method is not described.
        let expected = *kind != METHOD_NOT_ALLOWED;
        let status = kind.status().as_u16().to_string();
        assert_eq!(named.contains(&status), expected, "{}", kind.urn());
    }
}

#[test]
fn every_problem_has_a_name_of_its_own() {
    let kinds: BTreeSet<_> = ALL.iter().copied().map(Kind::urn).collect();
    assert_eq!(kinds.len(), ALL.len());
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 50);
    for reference in found {
        let place = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(place).is_some(), "{reference}");
    }
}

#[test]
fn what_may_be_absent_is_never_null() {
    let document = document();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        let required: Vec<_> = schema["required"].as_array().cloned().unwrap_or_default();
        for (member, described) in schema["properties"].as_object().into_iter().flatten() {
            let kind = &described["type"];
            let nullable = kind.as_array().is_some_and(|kinds| kinds.contains(&"null".into()));
            let optional = !required.contains(&member.as_str().into());
            assert!(!(nullable && optional), "{name}.{member}");
        }
    }
}
