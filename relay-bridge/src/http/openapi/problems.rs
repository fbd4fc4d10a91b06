//! Problems as responses of the document: every kind with its status, its name and its headers.

use std::collections::BTreeMap;

use sysmaint_protocol::{
    openapi::text_header,
    rest::{MismatchedDevices, Problem, StaleDevices},
};
use utoipa::{
    ToSchema,
    openapi::{
        Content, ObjectBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder, Schema,
        extensions::Extensions,
        schema::{AllOfBuilder, OneOfBuilder, SchemaType, Type},
    },
};

use crate::problem::{
    ALL, BODY_TOO_LARGE, INTERNAL, INVALID_REQUEST, Kind, MISMATCHED_DEVICES, NOT_JSON,
    RATE_LIMITED, SLOW_REQUEST, STALE_DEVICES, UNAUTHENTICATED, UNAVAILABLE,
};

/// What any call may meet.
pub(in crate::http) const ANY: &[Kind] = &[INTERNAL, RATE_LIMITED, UNAVAILABLE];
/// What a call with a body may meet besides.
pub(in crate::http) const BODY: &[Kind] =
    &[BODY_TOO_LARGE, INVALID_REQUEST, NOT_JSON, SLOW_REQUEST];
/// What a call with a token may meet besides.
pub(in crate::http) const TOKEN: &[Kind] = &[UNAUTHENTICATED];

/// Names lists of problems, to stand among a call's responses.
macro_rules! problems {
    ($($(#[$doc:meta])* $name:ident = $($kinds:expr),+;)*) => {
        $($(#[$doc])*
        pub(super) struct $name;

        impl utoipa::IntoResponses for $name {
            fn responses() -> $crate::http::openapi::Responses {
                $crate::http::openapi::responses(&[$($kinds),+])
            }
        })*
    };
}

pub(in crate::http) use problems;

/// By status.
pub(in crate::http) type Responses = BTreeMap<String, RefOr<Response>>;

/// Problems, put together by their status.
pub(in crate::http) fn responses(lists: &[&[Kind]]) -> Responses {
    let mut by_status = BTreeMap::<u16, Vec<Kind>>::new();
    for kind in lists.iter().copied().flatten() {
        by_status.entry(kind.status()).or_default().push(*kind);
    }
    for kinds in by_status.values_mut() {
        kinds.sort_unstable_by_key(|kind| kind.slug());
    }
    let one = |(status, kinds): (u16, Vec<Kind>)| (status.to_string(), response(status, &kinds));
    by_status.into_iter().map(one).collect()
}

/// Every `type` that there is.
pub(super) fn types() -> RefOr<Schema> {
    let mut types = OneOfBuilder::new().description(Some(
        "Every `type` that a problem of this relay may have. None is ever renamed; new ones may \
         be added.",
    ));
    for kind in ALL {
        let one = ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::String))
            .enum_values(Some([kind.urn()]))
            .title(Some(kind.title()))
            .description(Some(kind.status().to_string()));
        types = types.item(one);
    }
    types.into()
}

/// Moves what calls have in common to the document's components: most problems are those of many.
pub(super) fn share(document: &mut OpenApi) {
    let mut shared = BTreeMap::new();
    for item in document.paths.paths.values_mut() {
        let methods =
            [&mut item.get, &mut item.put, &mut item.post, &mut item.patch, &mut item.delete];
        for operation in methods.into_iter().flatten() {
            for response in operation.responses.responses.values_mut() {
                if let Some(name) = name(response) {
                    let reference = RefOr::Ref(Ref::from_response_name(&name));
                    shared.insert(name, std::mem::replace(response, reference));
                }
            }
        }
    }
    document.components.get_or_insert_default().responses.extend(shared);
}

/// Where a response of [`responses`] says what it is called among the components.
const NAME: &str = "x-name";

fn name(response: &mut RefOr<Response>) -> Option<String> {
    let RefOr::T(response) = response else { return None };
    let extensions = response.extensions.as_mut()?;
    let name = extensions.remove(NAME)?;
    if extensions.is_empty() {
        response.extensions = None;
    }
    name.as_str().map(str::to_owned)
}

fn response(status: u16, kinds: &[Kind]) -> RefOr<Response> {
    let described: Vec<_> =
        kinds.iter().map(|kind| format!("`{}`: {}.", kind.urn(), kind.title())).collect();
    let slugs: Vec<_> = kinds.iter().map(|kind| kind.slug()).collect();
    let name = format!("{status}.{}", slugs.join("."));
    let mut response = ResponseBuilder::new()
        .extensions(Some(Extensions::builder().add(NAME, name).build()))
        .description(described.join("\n\n"))
        .content("application/problem+json", Content::new(Some(body(status, kinds))));
    match status {
        401 => {
            let header = text_header("What to send.", "Bearer realm=\"sysmaint\"");
            response = response.header("WWW-Authenticate", header);
        }
        429 | 503 => {
            let header = text_header("Seconds after which to try again.", "1");
            response = response.header("Retry-After", header);
        }
        _ => {}
    }
    response.build().into()
}

/// The members that all problems have, and those that one kind adds.
fn body(status: u16, kinds: &[Kind]) -> RefOr<Schema> {
    let (plain, extended): (Vec<Kind>, Vec<Kind>) =
        kinds.iter().partition(|kind| extension(**kind).is_none());
    let mut bodies = Vec::new();
    if !plain.is_empty() {
        bodies.push(problem(status, &plain));
    }
    for kind in extended {
        let members = extension(kind).map(Ref::from_schema_name);
        bodies.push(members.into_iter().fold(problem(status, &[kind]), AllOfBuilder::item));
    }
    match <[AllOfBuilder; 1]>::try_from(bodies) {
        Ok([body]) => body.into(),
        Err(bodies) => bodies.into_iter().fold(OneOfBuilder::new(), OneOfBuilder::item).into(),
    }
}

fn problem(status: u16, kinds: &[Kind]) -> AllOfBuilder {
    let narrowed = ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::Object))
        .property(
            "type",
            ObjectBuilder::new()
                .schema_type(SchemaType::Type(Type::String))
                .enum_values(Some(kinds.iter().map(|kind| kind.urn()))),
        )
        .property(
            "status",
            ObjectBuilder::new()
                .schema_type(SchemaType::Type(Type::Integer))
                .enum_values(Some([status])),
        );
    AllOfBuilder::new().item(Ref::from_schema_name(Problem::name())).item(narrowed)
}

/// The schema of what a kind has beyond RFC 9457's members.
fn extension(kind: Kind) -> Option<std::borrow::Cow<'static, str>> {
    match kind {
        MISMATCHED_DEVICES => Some(MismatchedDevices::name()),
        STALE_DEVICES => Some(StaleDevices::name()),
        _ => None,
    }
}
