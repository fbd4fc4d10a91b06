//! What the directory may carry: documented types without a field more, and public keys.

use std::collections::BTreeSet;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use sysmaint_protocol::{
    Base64Bytes, ServiceId,
    rest::{
        Bundle, Challenge, ChallengeRequest, DeliveryCertificate, FromDevice, Nothing, PrekeyCount,
        PrekeyStock, PrekeyUpload, Problem, RegisterRequest, Registered, Roster,
    },
};
use sysmaint_tests::Captured;

/// Every key that outlives a message, and whom it belongs to, as the directory was told.
pub(crate) fn lasting_keys(seen: &[Captured]) -> Vec<(String, Vec<u8>)> {
    let requests = seen.iter().filter(|message| message.subject.starts_with("relay.v1."));
    let replies: BTreeSet<_> =
        requests.clone().filter_map(|request| request.reply.clone()).collect();
    let answers = seen.iter().filter(|message| replies.contains(&message.subject));
    let mut keys = Vec::new();
    for message in requests.chain(answers).filter(|message| !message.payload.is_empty()) {
        collect_keys(&message.json(), &mut keys);
    }
    keys.sort();
    keys.dedup();
    let count = |label| keys.iter().filter(|(known, _)| known == label).count();
    assert!(count("identity_key") >= 4 && count("public_key") >= 4 * 200, "{}", keys.len());
    keys
}

fn collect_keys(json: &Value, keys: &mut Vec<(String, Vec<u8>)>) {
    match json {
        Value::Array(items) => items.iter().for_each(|item| collect_keys(item, keys)),
        Value::Object(fields) => {
            for (name, value) in fields {
                match (name.as_str(), value.as_str()) {
                    ("identity_key" | "public_key" | "trust_root", Some(text)) => {
                        // Without the type, and of a Kyber key enough to know it by.
                        keys.push((name.clone(), bytes(text)[1..33].to_vec()));
                    }
                    ("service_id", Some(text)) => {
                        let id: ServiceId = text.parse().unwrap();
                        keys.push((name.clone(), id.as_bytes().to_vec()));
                        keys.push((name.clone(), text.as_bytes().to_vec()));
                    }
                    _ => collect_keys(value, keys),
                }
            }
        }
        _ => {}
    }
}

pub(crate) fn directory_faults(
    operation: &str,
    request: &Captured,
    answer: &Captured,
) -> Vec<String> {
    let (asked, answered) = (&request.payload, &answer.payload);
    let mut faults = match operation {
        "challenge" => is::<ChallengeRequest>(asked).chain(is_answer::<Challenge>(answer)),
        "register" => is::<RegisterRequest>(asked).chain(is_answer::<Registered>(answer)),
        "prekeys" => is::<FromDevice<PrekeyUpload>>(asked).chain(is_answer::<PrekeyCount>(answer)),
        "prekeycount" => is::<FromDevice<Nothing>>(asked).chain(is_answer::<PrekeyStock>(answer)),
        "certificate" => {
            is::<FromDevice<Nothing>>(asked).chain(is_answer::<DeliveryCertificate>(answer))
        }
        "bundle" => is::<Nothing>(asked).chain(is_answer::<Bundle>(answer)),
        "devices" => is::<Nothing>(asked).chain(is_answer::<Roster>(answer)),
        other => vec![format!("an unknown operation {other}")].into_iter().chain(Vec::new()),
    }
    .collect();
    for payload in [asked, answered] {
        if let Ok(json) = serde_json::from_slice(payload) {
            secret_fields(&json, &mut faults);
        }
    }
    faults
}

/// Whether the bytes are this documented type, and no field more.
fn is<T: DeserializeOwned + Serialize>(bytes: &[u8]) -> std::vec::IntoIter<String> {
    let exact = serde_json::from_slice::<Value>(bytes).ok().filter(|json| {
        let known = serde_json::from_slice::<T>(bytes).ok();
        known.is_some_and(|known| serde_json::to_value(known).unwrap() == *json)
    });
    let fault = exact.is_none().then(|| format!("not a {}", std::any::type_name::<T>()));
    fault.into_iter().collect::<Vec<_>>().into_iter()
}

fn is_answer<T: DeserializeOwned + Serialize>(answer: &Captured) -> std::vec::IntoIter<String> {
    match answer.header("Nats-Service-Error-Code") {
        Some(_) => is::<Problem>(&answer.payload),
        None => is::<T>(&answer.payload),
    }
}

/// Fields that are longer or shorter than anything public, and whatever looks like a token.
fn secret_fields(json: &Value, faults: &mut Vec<String>) {
    match json {
        Value::Array(items) => items.iter().for_each(|item| secret_fields(item, faults)),
        Value::Object(fields) => {
            for (name, value) in fields {
                let lengths: &[usize] = match name.as_str() {
                    "identity_key" | "trust_root" => &[33],
                    "public_key" => &[33, 1569],
                    "signature" => &[64],
                    "nonce" => &[32],
                    "token" => &[],
                    _ => {
                        secret_fields(value, faults);
                        continue;
                    }
                };
                let length = value.as_str().map(|text| bytes(text).len());
                if !length.is_some_and(|length| lengths.contains(&length)) {
                    faults.push(format!("{name} of {length:?} bytes"));
                }
            }
        }
        Value::String(text) if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) => {
            faults.push("something that looks like a token".to_owned());
        }
        _ => {}
    }
}

fn bytes(text: &str) -> Vec<u8> {
    Base64Bytes::try_from(text.to_owned()).map_or_else(|_| Vec::new(), |bytes| bytes.0)
}
