//! The document as a whole.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{
    http::docs::{described, written},
    problem::{ALL, Kind, METHOD_NOT_ALLOWED, NOT_DELIVERED, NOT_FOUND},
};

/// With this set to 1, the committed document is written and not compared.
const UPDATE: &str = "UPDATE_OPENAPI";

fn document() -> Value {
    serde_json::to_value(described()).unwrap()
}

/// Every call: its path, its method, its entry with its responses in place.
fn calls(document: &Value) -> Vec<(String, String, Value)> {
    let mut calls = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, entry) in item.as_object().unwrap() {
            let mut entry = entry.clone();
            for (_, response) in entry["responses"].as_object_mut().unwrap() {
                if let Some(place) = response["$ref"].as_str() {
                    *response = document.pointer(&place[1..]).unwrap().clone();
                }
            }
            calls.push((path.clone(), method.clone(), entry));
        }
    }
    calls
}

fn collect(value: &Value, name: &str, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, name, found)),
        Value::Object(members) => {
            for (key, member) in members {
                match member.as_str() {
                    Some(text) if key == name => found.push(text.to_owned()),
                    _ => collect(member, name, found),
                }
            }
        }
        _ => {}
    }
}

#[test]
fn the_committed_document_is_the_one_that_is_served() {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
    let served = written(&described());
    if std::env::var_os(UPDATE).is_some_and(|value| value == "1") {
        fs::write(&path, &served).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == served,
        "docs/openapi.json is not what the routes say of themselves; write it anew with\n\
         {UPDATE}=1 cargo test --release -p sysmaint-relay-bridge --lib committed_document"
    );
}

#[test]
fn the_document_is_the_same_each_time() {
    assert_eq!(written(&described()), written(&described()));
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
        assert!(responses.contains_key("429"), "{method} {path}: any call may be limited");
        for (status, response) in responses {
            let text = response["description"].as_str().unwrap();
            assert!(!text.is_empty(), "{method} {path} {status}");
        }
    }
}

#[test]
fn every_problem_is_one_of_some_call() {
    let document = document();
    let mut named = BTreeSet::new();
    for (path, method, entry) in calls(&document) {
        for (status, response) in entry["responses"].as_object().unwrap() {
            for kind in ALL.iter().filter(|kind| response.to_string().contains(&kind.urn())) {
                let of_kind = kind.status().to_string();
                assert_eq!(status, &of_kind, "{method} {path}: {}", kind.urn());
                named.insert(kind.urn());
            }
        }
    }
    // What a path or a method has that is not described, and what only a WebSocket frame says.
    let elsewhere = [NOT_FOUND, METHOD_NOT_ALLOWED, NOT_DELIVERED].map(Kind::urn);
    for kind in ALL.iter().map(|kind| kind.urn()) {
        let expected = !elsewhere.contains(&kind);
        assert_eq!(
            named.contains(&kind),
            expected,
            "{kind}: name it among the problems of the calls that may answer with it"
        );
        let listed = &document["components"]["schemas"]["ProblemType"];
        assert!(listed.to_string().contains(&kind));
    }
}

#[test]
fn a_token_is_asked_for_where_one_is_refused() {
    for (path, method, entry) in calls(&document()) {
        let refuses = entry["responses"].get("401").is_some();
        let asks = entry["security"].to_string().contains("device");
        assert_eq!(refuses, asks, "{method} {path}");
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let mut references = Vec::new();
    collect(&document, "$ref", &mut references);
    assert!(references.len() > 50);
    for reference in references {
        let place = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(place).is_some(), "{reference}");
    }
}
