//! Requests, parsed at the edge: bounded, typed, and with an error that says what to change.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, FromRequestParts, Query, Request},
    http::{HeaderMap, header::CONTENT_TYPE, request::Parts},
};
use futures_util::StreamExt as _;
use serde::{Deserialize, de::DeserializeOwned};
use sysmaint_protocol::{Handle, InvalidHandle, limits::TEXT_MAX};
use utoipa::ToSchema;

use crate::problem::Problem;

/// Bytes of a request body: a full text whose every byte JSON escapes as six, and room around it.
pub(crate) const BODY_MAX: usize = 6 * TEXT_MAX + 4096;

/// How long a body may take to arrive. All of them fit a few packets.
const BODY_TIME: Duration = Duration::from_secs(10);

/// A JSON body.
pub(crate) struct JsonBody<T>(pub(crate) T);

/// A query string.
pub(crate) struct QueryString<T>(pub(crate) T);

/// A body of a call that has no arguments: nothing, or `{}`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        Self::read(request).await
    }
}

impl<T: DeserializeOwned> JsonBody<T> {
    /// Reads it, where more than the body is wanted of a request.
    pub(crate) async fn read(request: Request) -> Result<Self, Problem> {
        require_json(request.headers())?;
        let bytes = tokio::time::timeout(BODY_TIME, read(request.into_body()))
            .await
            .map_err(|_| Problem::slow_request("the body did not arrive within 10 seconds"))??;
        let bytes = if bytes.is_empty() { b"{}".as_slice() } else { &bytes };
        serde_json::from_slice(bytes).map(Self).map_err(|error| {
            // serde's text names fields and types. A value it repeats is the caller's own.
            Problem::invalid(format!("the body is not the expected JSON: {error}"))
        })
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for QueryString<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Query::try_from_uri(&parts.uri)
            .map(|Query(query)| Self(query))
            .map_err(|rejection| Problem::invalid(rejection.body_text()))
    }
}

/// A text that fits one message and says something.
pub(crate) fn text(name: &str, text: String) -> Result<String, Problem> {
    if text.trim().is_empty() {
        return Err(Problem::invalid(format!("{name:?} must not be empty")));
    }
    if text.len() > TEXT_MAX {
        let length = text.len();
        let detail = format!("{name:?} has {length} bytes; at most {TEXT_MAX} fit one message");
        return Err(Problem::too_large(detail));
    }
    Ok(text)
}

/// A handle out of a body or a query.
pub(crate) fn handle(name: &str, text: &str) -> Result<Handle, Problem> {
    text.parse().map_err(|error: InvalidHandle| Problem::invalid(format!("{name:?}: {error}")))
}

fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = content_type.and_then(|value| value.split(';').next()).map(str::trim);
    // A page of another site can send forms and plain text without asking, JSON only after a
    // preflight that this server never answers.
    if essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json")) {
        Ok(())
    } else {
        Err(Problem::not_json("send the body with content-type: application/json"))
    }
}

async fn read(body: Body) -> Result<Bytes, Problem> {
    let mut stream = body.into_data_stream();
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| Problem::invalid("the body was cut off"))?;
        if bytes.len() + chunk.len() > BODY_MAX {
            return Err(Problem::too_large(format!("a body has at most {BODY_MAX} bytes")));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_bounded_by_its_bytes_and_never_blank() {
        assert!(text("text", "x".repeat(TEXT_MAX)).is_ok());
        assert!(text("text", "ä".repeat(TEXT_MAX / 2 + 1)).is_err());
        assert!(text("text", " \n\t".to_owned()).is_err());
    }

    #[test]
    fn only_json_is_json() {
        let with = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, value.parse().unwrap());
            require_json(&headers).is_ok()
        };
        assert!(with("application/json") && with("Application/JSON; charset=utf-8"));
        assert!(
            !with("text/plain")
                && !with("application/jsonx")
                && !with("text/plain, application/json")
        );
        assert!(require_json(&HeaderMap::new()).is_err());
    }
}
