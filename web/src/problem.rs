//! Every error that leaves this server: RFC 9457, made in one place.

use std::time::Duration;

use axum::{
    Json,
    http::{
        HeaderValue, StatusCode,
        header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
    },
    response::{IntoResponse, Response},
};
use serde::Serialize;
use sysmaint_protocol::{ContentId, rest};

use crate::BackendError;

/// An error on its way out.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    slug: &'static str,
    title: &'static str,
    detail: String,
    id: Option<ContentId>,
    retry_after: Option<Duration>,
}

#[derive(Serialize)]
struct Body {
    #[serde(flatten)]
    problem: rest::Problem,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<ContentId>,
}

impl Problem {
    pub(crate) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid-request", "The request is not valid", detail)
    }

    pub(crate) fn cross_site(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "cross-site", "Asked for by another site", detail)
    }

    pub(crate) fn unauthenticated(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", "This takes a login", detail)
    }

    pub(crate) fn wrong_password(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "wrong-password", "The password is wrong", detail)
    }

    pub(crate) fn rate_limited(detail: impl Into<String>, retry_after: Duration) -> Self {
        let (status, title) = (StatusCode::TOO_MANY_REQUESTS, "Too many requests");
        let problem = Self::new(status, "rate-limited", title, detail);
        Self { retry_after: Some(retry_after), ..problem }
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "There is no such thing", detail)
    }

    pub(crate) fn method_not_allowed(detail: impl Into<String>) -> Self {
        let title = "This method is not served here";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", title, detail)
    }

    pub(crate) fn not_acceptable(detail: impl Into<String>) -> Self {
        let title = "No answer of the accepted types";
        Self::new(StatusCode::NOT_ACCEPTABLE, "not-acceptable", title, detail)
    }

    pub(crate) fn slow_request(detail: impl Into<String>) -> Self {
        let title = "The request came too slowly";
        Self::new(StatusCode::REQUEST_TIMEOUT, "slow-request", title, detail)
    }

    pub(crate) fn too_large(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "Too large", detail)
    }

    pub(crate) fn not_json(detail: impl Into<String>) -> Self {
        let title = "The content type must be JSON";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-json", title, detail)
    }

    pub(crate) fn foreign_host(detail: impl Into<String>) -> Self {
        let title = "Not a name of this server";
        Self::new(StatusCode::MISDIRECTED_REQUEST, "foreign-host", title, detail)
    }

    pub(crate) fn internal() -> Self {
        let detail = "a fault in this server; its log says which";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "The request failed", detail)
    }

    pub(crate) fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Not now", detail)
    }

    pub(crate) fn timed_out(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::GATEWAY_TIMEOUT, "timed-out", "No answer in time", detail)
    }

    /// As the JSON that describes it.
    pub(crate) fn body(self) -> impl Serialize {
        let problem = rest::Problem {
            kind: format!("urn:sysmaint:{}", self.slug),
            title: self.title.to_owned(),
            status: self.status.as_u16(),
            detail: self.detail,
        };
        Body { problem, id: self.id }
    }

    /// Names the message that this is about.
    pub(crate) fn about(self, id: ContentId) -> Self {
        Self { id: Some(id), ..self }
    }

    fn new(
        status: StatusCode,
        slug: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self { status, slug, title, detail: detail.into(), id: None, retry_after: None }
    }
}

impl From<BackendError> for Problem {
    fn from(error: BackendError) -> Self {
        let detail = error.to_string();
        match error {
            BackendError::Conflict(_) => {
                let title = "The present state forbids it";
                Self::new(StatusCode::CONFLICT, "conflict", title, detail)
            }
            BackendError::Invalid(_) => Self::invalid(detail),
            BackendError::NotFound(_) => Self::not_found(detail),
            BackendError::TimedOut(_) => Self::timed_out(detail),
            BackendError::TooLarge(_) => Self::too_large(detail),
            BackendError::Unavailable(_) => Self::unavailable(detail),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, retry_after) = (self.status, self.retry_after);
        let mut response = (status, Json(self.body())).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            // A scheme that browsers do not know: they shall ask by the page, not by a window.
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Cookie realm=\"sysmaint\""));
        }
        if let Some(retry_after) = retry_after {
            let seconds = retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0);
            headers.insert(RETRY_AFTER, seconds.max(1).into());
        }
        response
    }
}
