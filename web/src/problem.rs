//! Every error that leaves this server: RFC 9457, made in one place.

mod kind;

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
use utoipa::ToSchema;

pub(crate) use self::kind::{
    ALL, CONFLICT, CROSS_SITE, FOREIGN_HOST, INTERNAL, INVALID_REQUEST, Kind, METHOD_NOT_ALLOWED,
    NOT_ACCEPTABLE, NOT_FOUND, NOT_JSON, RATE_LIMITED, SLOW_REQUEST, TIMED_OUT, TOO_LARGE,
    UNAUTHENTICATED, UNAVAILABLE, WRONG_PASSWORD,
};
use crate::BackendError;

/// An error on its way out.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    kind: Kind,
    detail: String,
    id: Option<ContentId>,
    retry_after: Option<Duration>,
}

/// Any error, `application/problem+json`, with the message that it is about.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProblemDetails {
    #[serde(flatten)]
    problem: rest::Problem,
    /// The message, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<ContentId>,
}

impl Problem {
    pub(crate) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(INVALID_REQUEST, detail)
    }

    pub(crate) fn cross_site(detail: impl Into<String>) -> Self {
        Self::new(CROSS_SITE, detail)
    }

    pub(crate) fn unauthenticated(detail: impl Into<String>) -> Self {
        Self::new(UNAUTHENTICATED, detail)
    }

    pub(crate) fn wrong_password(detail: impl Into<String>) -> Self {
        Self::new(WRONG_PASSWORD, detail)
    }

    pub(crate) fn rate_limited(detail: impl Into<String>, retry_after: Duration) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(RATE_LIMITED, detail) }
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(NOT_FOUND, detail)
    }

    pub(crate) fn method_not_allowed(detail: impl Into<String>) -> Self {
        Self::new(METHOD_NOT_ALLOWED, detail)
    }

    pub(crate) fn not_acceptable(detail: impl Into<String>) -> Self {
        Self::new(NOT_ACCEPTABLE, detail)
    }

    pub(crate) fn slow_request(detail: impl Into<String>) -> Self {
        Self::new(SLOW_REQUEST, detail)
    }

    pub(crate) fn too_large(detail: impl Into<String>) -> Self {
        Self::new(TOO_LARGE, detail)
    }

    pub(crate) fn not_json(detail: impl Into<String>) -> Self {
        Self::new(NOT_JSON, detail)
    }

    pub(crate) fn foreign_host(detail: impl Into<String>) -> Self {
        Self::new(FOREIGN_HOST, detail)
    }

    pub(crate) fn internal() -> Self {
        Self::new(INTERNAL, "a fault in this server; its log says which")
    }

    pub(crate) fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(UNAVAILABLE, detail)
    }

    pub(crate) fn timed_out(detail: impl Into<String>) -> Self {
        Self::new(TIMED_OUT, detail)
    }

    /// As the JSON that describes it.
    pub(crate) fn body(self) -> ProblemDetails {
        let problem = rest::Problem {
            kind: self.kind.urn(),
            title: self.kind.title().to_owned(),
            status: self.kind.status().as_u16(),
            detail: self.detail,
        };
        ProblemDetails { problem, id: self.id }
    }

    /// Names the message that this is about.
    pub(crate) fn about(self, id: ContentId) -> Self {
        Self { id: Some(id), ..self }
    }

    fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), id: None, retry_after: None }
    }
}

impl From<BackendError> for Problem {
    fn from(error: BackendError) -> Self {
        let detail = error.to_string();
        match error {
            BackendError::Conflict(_) => Self::new(CONFLICT, detail),
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
        let (status, retry_after) = (self.kind.status(), self.retry_after);
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
