//! Problems as responses of the document: one for each status, with all that have it.

use std::collections::BTreeMap;

use sysmaint_protocol::openapi::text_header;
use utoipa::{
    ToSchema as _,
    openapi::{Content, Ref, RefOr, Response, ResponseBuilder},
};

use crate::problem::{
    ALL, CONFLICT, CROSS_SITE, FOREIGN_HOST, INTERNAL, INVALID_REQUEST, Kind, NOT_FOUND, NOT_JSON,
    ProblemDetails, SLOW_REQUEST, TIMED_OUT, TOO_LARGE, UNAUTHENTICATED, UNAVAILABLE,
};

/// What any call may meet.
pub(in crate::api) const ANY: &[Kind] = &[FOREIGN_HOST, INTERNAL, INVALID_REQUEST, TIMED_OUT];
/// What a call below `/api` may meet besides.
pub(in crate::api) const API: &[Kind] = &[CROSS_SITE];
/// What a call that asks the endpoint may meet besides.
pub(in crate::api) const BACKEND: &[Kind] = &[UNAVAILABLE];
/// What a call with a body may meet besides.
pub(in crate::api) const BODY: &[Kind] = &[NOT_JSON, SLOW_REQUEST, TOO_LARGE];
/// What a call that seals a message may meet besides.
pub(in crate::api) const SEAL: &[Kind] = &[CONFLICT, NOT_FOUND, TOO_LARGE, UNAVAILABLE];
/// What a call behind the login may meet besides.
pub(in crate::api) const SESSION: &[Kind] = &[UNAUTHENTICATED];

/// Names lists of problems, to stand among a call's responses.
macro_rules! problems {
    ($($name:ident = $($kinds:expr),+;)*) => {
        $(struct $name;

        impl utoipa::IntoResponses for $name {
            fn responses() -> $crate::api::openapi::Responses {
                $crate::api::openapi::responses(&[$($kinds),+])
            }
        })*
    };
}

pub(in crate::api) use problems;

/// By status.
pub(in crate::api) type Responses = BTreeMap<String, RefOr<Response>>;

/// References to [`shared`] ones.
pub(in crate::api) fn responses(lists: &[&[Kind]]) -> Responses {
    let statuses = lists.iter().copied().flatten().map(|kind| kind.status().as_str().to_owned());
    statuses.map(|status| (status.clone(), Ref::from_response_name(status).into())).collect()
}

/// Every status that a problem has.
pub(super) fn shared() -> Responses {
    let mut by_status = BTreeMap::<u16, Vec<Kind>>::new();
    for kind in ALL {
        by_status.entry(kind.status().as_u16()).or_default().push(*kind);
    }
    let one = |(status, kinds): (u16, Vec<Kind>)| (status.to_string(), response(status, &kinds));
    by_status.into_iter().map(one).collect()
}

fn response(status: u16, kinds: &[Kind]) -> RefOr<Response> {
    let described: Vec<_> =
        kinds.iter().map(|kind| format!("`{}`: {}.", kind.urn(), kind.title())).collect();
    let body = Ref::from_schema_name(ProblemDetails::name());
    let mut response = ResponseBuilder::new()
        .description(described.join("\n\n"))
        .content("application/problem+json", Content::new(Some(body)));
    match status {
        401 => {
            let header = text_header("What to send.", "Cookie realm=\"sysmaint\"");
            response = response.header("WWW-Authenticate", header);
        }
        429 => {
            let header = text_header("Seconds after which to try again.", "1");
            response = response.header("Retry-After", header);
        }
        _ => {}
    }
    response.build().into()
}
