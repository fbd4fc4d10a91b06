//! Every reason why this server says no: a stable name, a title, a status.
//!
//! The names are part of the interface: a client may decide by `type`, so none is ever renamed.

use axum::http::StatusCode;

/// A kind of problem. What happened this time is the problem's detail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    status: StatusCode,
    slug: &'static str,
    title: &'static str,
}

macro_rules! kinds {
    ($($name:ident = $status:ident $slug:literal $title:literal;)*) => {
        $(pub(crate) const $name: Kind =
            Kind { status: StatusCode::$status, slug: $slug, title: $title };)*

        /// Every kind there is, for the description of the interface.
        pub(crate) const ALL: &[Kind] = &[$($name),*];
    };
}

kinds! {
    CONFLICT = CONFLICT "conflict" "The present state forbids it";
    CROSS_SITE = FORBIDDEN "cross-site" "Asked for by another site";
    FOREIGN_HOST = MISDIRECTED_REQUEST "foreign-host" "Not a name of this server";
    INTERNAL = INTERNAL_SERVER_ERROR "internal" "The request failed";
    INVALID_REQUEST = BAD_REQUEST "invalid-request" "The request is not valid";
    METHOD_NOT_ALLOWED = METHOD_NOT_ALLOWED "method-not-allowed" "This method is not served here";
    NOT_ACCEPTABLE = NOT_ACCEPTABLE "not-acceptable" "No answer of the accepted types";
    NOT_FOUND = NOT_FOUND "not-found" "There is no such thing";
    NOT_JSON = UNSUPPORTED_MEDIA_TYPE "not-json" "The content type must be JSON";
    RATE_LIMITED = TOO_MANY_REQUESTS "rate-limited" "Too many requests";
    SLOW_REQUEST = REQUEST_TIMEOUT "slow-request" "The request came too slowly";
    TIMED_OUT = GATEWAY_TIMEOUT "timed-out" "No answer in time";
    TOO_LARGE = PAYLOAD_TOO_LARGE "too-large" "Too large";
    UNAUTHENTICATED = UNAUTHORIZED "unauthenticated" "This takes a login";
    UNAVAILABLE = SERVICE_UNAVAILABLE "unavailable" "Not now";
    WRONG_PASSWORD = UNAUTHORIZED "wrong-password" "The password is wrong";
}

impl Kind {
    pub(crate) const fn status(self) -> StatusCode {
        self.status
    }

    pub(crate) const fn title(self) -> &'static str {
        self.title
    }

    /// Its `type`.
    pub(crate) fn urn(self) -> String {
        format!("urn:sysmaint:{}", self.slug)
    }
}
