//! What every request may take and every answer carries.

use std::time::Duration;

use axum::{
    extract::Request,
    http::{
        HeaderName, HeaderValue,
        header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS},
    },
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use super::{failure::Failure, input::BODY_TIME};
use crate::problem::UNAVAILABLE;

/// What a handler may take once it has its input.
const HANDLER_TIME: Duration = Duration::from_secs(10);

const ALWAYS: [(HeaderName, &str); 5] = [
    (CACHE_CONTROL, "no-store"),
    (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (REFERRER_POLICY, "no-referrer"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Ends a request that takes longer than reading and handling should together.
pub(super) async fn limit_time(request: Request, next: Next) -> Response {
    let limit = BODY_TIME.saturating_add(HANDLER_TIME);
    tokio::time::timeout(limit, next.run(request)).await.unwrap_or_else(|_| {
        let detail = "the relay took too long, and may or may not have done it: try again";
        Failure::from(UNAVAILABLE.because(detail)).into_response()
    })
}

/// Adds what every answer carries, where its handler has not said otherwise.
pub(super) async fn add_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in ALWAYS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
