//! Request bodies: JSON of a bounded size, read in bounded time, and said in words when wrong.

use std::{fmt, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, Request},
    http::{HeaderMap, header::CONTENT_TYPE},
};
use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;
use sysmaint_protocol::{
    limits::PREKEY_UPLOAD_MAX,
    rest::{AdmitRequest, ChallengeRequest, PrekeyUpload, Problem, RegisterRequest, SendRequest},
};

use super::failure::Failure;
use crate::problem::{BODY_TOO_LARGE, INVALID_REQUEST, NOT_JSON, SLOW_REQUEST};

/// How long a body may take to arrive.
pub(super) const BODY_TIME: Duration = Duration::from_secs(10);

/// Keys, a signature and names: about a kilobyte.
const REGISTRATION_MAX: usize = 16 * 1024;

/// Envelopes for several devices, in base64: fifteen of the largest size, hundreds of usual ones.
const MESSAGES_MAX: usize = 2 * 1024 * 1024;

/// What a call takes as its body.
pub(super) trait Input: DeserializeOwned {
    /// Bytes that it may have.
    const MAX: usize;
}

impl Input for AdmitRequest {
    const MAX: usize = REGISTRATION_MAX;
}

impl Input for ChallengeRequest {
    const MAX: usize = REGISTRATION_MAX;
}

impl Input for PrekeyUpload {
    const MAX: usize = PREKEY_UPLOAD_MAX;
}

impl Input for RegisterRequest {
    const MAX: usize = REGISTRATION_MAX;
}

impl Input for SendRequest {
    const MAX: usize = MESSAGES_MAX;
}

/// A body that was read and understood.
pub(super) struct JsonInput<T>(pub(super) T);

/// A body that was not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum InvalidInput {
    /// The connection ended before the body did.
    Broken,
    /// JSON, but not what this call takes.
    Field {
        /// Where, as in `messages[0].envelope`; empty for the whole.
        path: String,
        /// What was expected there. Never what was found, which may be a secret.
        expected: String,
    },
    /// Another content type.
    NotJson,
    /// It took longer than [`BODY_TIME`].
    Slow,
    /// Not JSON at all.
    Syntax {
        /// Where.
        line: usize,
        /// Where.
        column: usize,
    },
    /// More bytes than the call takes.
    TooLarge {
        /// How many it takes.
        max: usize,
    },
}

impl<T: Input, S: Send + Sync> FromRequest<S> for JsonInput<T> {
    type Rejection = InvalidInput;

    async fn from_request(request: Request, _: &S) -> Result<Self, InvalidInput> {
        let (parts, body) = request.into_parts();
        if !is_json(&parts.headers) {
            return Err(InvalidInput::NotJson);
        }
        let bytes = tokio::time::timeout(BODY_TIME, read(body, T::MAX)).await;
        parse(&bytes.map_err(|_| InvalidInput::Slow)??).map(Self)
    }
}

impl From<InvalidInput> for Problem {
    fn from(invalid: InvalidInput) -> Self {
        let detail = invalid.to_string();
        match invalid {
            InvalidInput::Broken | InvalidInput::Field { .. } | InvalidInput::Syntax { .. } => {
                INVALID_REQUEST.because(detail)
            }
            InvalidInput::NotJson => NOT_JSON.because(detail),
            InvalidInput::Slow => SLOW_REQUEST.because(detail),
            InvalidInput::TooLarge { .. } => BODY_TOO_LARGE.because(detail),
        }
    }
}

impl From<InvalidInput> for Failure {
    fn from(invalid: InvalidInput) -> Self {
        Problem::from(invalid).into()
    }
}

impl axum::response::IntoResponse for InvalidInput {
    fn into_response(self) -> axum::response::Response {
        Failure::from(self).into_response()
    }
}

impl fmt::Display for InvalidInput {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken => write!(formatter, "the body ended too early: send it again"),
            Self::Field { path, expected } if path.is_empty() => {
                write!(formatter, "the body: {expected}")
            }
            Self::Field { path, expected } => write!(formatter, "{path}: {expected}"),
            Self::NotJson => write!(formatter, "send JSON, with Content-Type: application/json"),
            Self::Slow => {
                write!(formatter, "the body did not arrive within {} s", BODY_TIME.as_secs())
            }
            Self::Syntax { line, column } => {
                write!(formatter, "the body is not JSON from line {line}, column {column} on")
            }
            Self::TooLarge { max } => {
                write!(formatter, "this call takes at most {max} bytes: send less at once")
            }
        }
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let essence = value.split(';').next().unwrap_or("").trim();
    essence.eq_ignore_ascii_case("application/json")
}

async fn read(body: Body, max: usize) -> Result<Bytes, InvalidInput> {
    let mut chunks = body.into_data_stream();
    let mut bytes = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| InvalidInput::Broken)?;
        if bytes.len().saturating_add(chunk.len()) > max {
            return Err(InvalidInput::TooLarge { max });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.into())
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, InvalidInput> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let path = if path == "." { String::new() } else { path };
        describe(path, error.inner())
    })?;
    deserializer.end().map_err(|error| describe(String::new(), &error))?;
    Ok(value)
}

fn describe(path: String, error: &serde_json::Error) -> InvalidInput {
    if error.is_data() {
        InvalidInput::Field { path, expected: expected(&error.to_string()) }
    } else {
        InvalidInput::Syntax { line: error.line(), column: error.column() }
    }
}

/// The part of serde's message that says what it wants. What it found stands before that and is
/// left out: it may be a one-time code in the wrong place.
fn expected(message: &str) -> String {
    let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
    if let Some((_, wanted)) = message.rsplit_once(", expected ") {
        return format!("expected {wanted}");
    }
    // Our own types quote what they found, if at all, before they say what they take.
    message.rsplit_once('"').map_or(message, |(_, after)| after).trim_start().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(json: &str) -> String {
        parse::<RegisterRequest>(json.as_bytes()).unwrap_err().to_string()
    }

    fn registration(field: &str, value: &str) -> String {
        let mut json = serde_json::json!({
            "identity": "alice",
            "service_id": "7d0f4e0e-7f0e-4f3a-9a55-0a8d3cbd8d11",
            "device_id": 1,
            "registration_id": 1,
            "identity_key": "AA==",
            "transport": "nats",
            "nonce": "AA==",
            "signature": "AA==",
        });
        json[field] = value.parse().unwrap();
        json.to_string()
    }

    #[test]
    fn a_good_body_is_read() {
        let json = registration("device_id", "2");
        assert_eq!(parse::<RegisterRequest>(json.as_bytes()).unwrap().device_id.get(), 2);
    }

    #[test]
    fn the_wrong_field_is_named_with_what_it_takes() {
        let cases = [
            ("device_id", "300", "device_id: expected u8"),
            ("device_id", "0", "device_id: a device id must be 1 to 127, not 0"),
            (
                "identity",
                "\"A \\\" b\"",
                "identity: is not a handle: use 1 to 63 of a-z, 0-9, '-' and '_', starting with a \
                 letter or digit",
            ),
            ("transport", "\"pigeon\"", "transport: expected `nats` or `relay`"),
            ("nonce", "\"%\"", "nonce: not standard base64 with padding"),
            ("service_id", "\"x\"", "service_id: a service id must be a hyphenated UUID"),
        ];
        for (field, value, wanted) in cases {
            assert_eq!(fault(&registration(field, value)), wanted);
        }
        assert_eq!(fault("{}"), "the body: missing field `identity`");
    }

    #[test]
    fn what_was_found_is_never_quoted() {
        for (field, value) in [
            ("code", "493817"),
            ("code", "[493817]"),
            ("code", "{\"x\":493817}"),
            ("transport", "\"493817\""),
            ("identity", "\"493817!\""),
            ("registration_id", "\"493817\""),
            ("registration_id", "\"x, expected 493817\""),
        ] {
            let text = fault(&registration(field, value));
            assert!(text.starts_with(field) && !text.contains("493817"), "{text}");
        }
    }

    #[test]
    fn what_is_not_json_is_said_by_place() {
        assert_eq!(fault(""), "the body is not JSON from line 1, column 0 on");
        assert_eq!(fault("{\n!"), "the body is not JSON from line 2, column 1 on");
        let twice = format!("{0}{0}", registration("device_id", "1"));
        assert!(fault(&twice).starts_with("the body is not JSON"));
    }

    #[test]
    fn only_json_is_json() {
        let judge = |value: &'static str| {
            is_json(&HeaderMap::from_iter([(CONTENT_TYPE, value.parse().unwrap())]))
        };
        assert!(judge("application/json") && judge("Application/JSON; charset=utf-8"));
        assert!(!judge("text/plain") && !judge("application/jsonp") && !judge(""));
        assert!(!is_json(&HeaderMap::new()));
    }

    #[tokio::test]
    async fn a_body_ends_at_its_limit() {
        assert!(read(Body::from("12345"), 5).await.is_ok());
        let over = read(Body::from("123456"), 5).await;
        assert_eq!(over.unwrap_err(), InvalidInput::TooLarge { max: 5 });
    }
}
