//! Every answer that a test gets is compared with what the document says of it.

use std::sync::LazyLock;

use reqwest::Method;
use serde_json::Value;

use crate::stage::Answer;

/// As it is in the repository; a test of its own compares it with what the routes say.
static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../../docs/openapi.json")).unwrap());

/// Fails unless the document has this call with this status, content type and problem.
#[track_caller]
pub fn check(method: &Method, path: &str, answer: &Answer) {
    let said = || format!("{method} {path}: {} {}", answer.status, answer.text());
    let Some(item) = item(path) else {
        assert!(answer.status == 404, "no such path is described: {}", said());
        return;
    };
    let entry = match method.as_str() {
        "HEAD" => &item["get"],
        other => &item[other.to_lowercase()],
    };
    if entry.is_null() {
        assert!(answer.status == 405, "no such method is described: {}", said());
        return;
    }
    let mut response = &entry["responses"][answer.status.as_str()];
    if let Some(place) = response["$ref"].as_str() {
        response = DOCUMENT.pointer(&place[1..]).unwrap();
    }
    assert!(response.is_object(), "no such status is described: {}", said());
    let kind = answer.header("content-type");
    let described = response["content"].as_object();
    let fits = described.map_or(kind.is_empty(), |content| {
        content.keys().any(|known| kind == known || kind.starts_with(&format!("{known};")))
    });
    assert!(fits, "no such content type is described: {kind}: {}", said());
    for name in response["headers"].as_object().into_iter().flatten().map(|(name, _)| name) {
        assert!(!answer.header(name).is_empty(), "no {name}: {}", said());
    }
    if kind == "application/problem+json" {
        let problem = answer.json()["type"].to_string();
        assert!(response.to_string().contains(&problem), "no such type is described: {}", said());
    }
}

/// All paths of the document.
pub fn paths() -> Vec<(String, Value)> {
    let paths = DOCUMENT["paths"].as_object().unwrap().clone();
    paths.into_iter().collect()
}

/// The entry of a path; one without a variable before one with.
fn item(path: &str) -> Option<&'static Value> {
    let path = path.split('?').next().unwrap();
    let paths = DOCUMENT["paths"].as_object().unwrap();
    paths.get(path).or_else(|| {
        let fits = |template: &str| {
            let parts = |text: &str| text.split('/').map(str::to_owned).collect::<Vec<_>>();
            let (template, path) = (parts(template), parts(path));
            template.len() == path.len()
                && template
                    .iter()
                    .zip(&path)
                    .all(|(one, other)| one.starts_with('{') || one == other)
        };
        paths.iter().find(|(template, _)| fits(template)).map(|(_, item)| item)
    })
}
