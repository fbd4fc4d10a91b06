//! The description of the interface: what the routes say of themselves, and what is common to all.
//!
//! Each handler carries its own entry, and the router is built from the same entries, so that a
//! path can neither be served and not described nor the other way round. The pages themselves and
//! what they are made of are no part of it.

mod absent;
mod point;
mod problems;

use std::sync::LazyLock;

use axum::{
    http::header::CONTENT_TYPE,
    response::{IntoResponse as _, Response},
};
use sysmaint_protocol::Alert;
use utoipa::{
    OpenApi,
    openapi::{
        OpenApi as Document,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use super::{chat, stream};
use crate::{
    app,
    backend::{DraftPart, HostStatus, LinkState, Range, Trail},
    problem::ProblemDetails,
};

pub(super) use problems::{ANY, API, BACKEND, BODY, Responses, SEAL, SESSION, problems, responses};

/// Groups of calls.
pub(super) const STATUS: &str = "Status";
pub(super) const CHAT: &str = "Chat";
pub(super) const DIRECT: &str = "Direct messages";
pub(super) const DEMO: &str = "Demo";
pub(super) const LOGIN: &str = "Login";
pub(super) const OPERATION: &str = "Operation";
pub(super) const DOCUMENTS: &str = "Documents";

problems! { DocumentProblems = ANY, SESSION; }

const ABOUT: &str = "\
The operator's pages are made of these calls. Whoever may use them reads what the devices held \
here read: the seal protects what lies between this server and the other devices.

JSON in and out. Times are RFC 3339 in UTC unless they are named otherwise. Whatever goes wrong is \
answered with `application/problem+json` (RFC 9457) and a stable `type`. What is not known is \
absent, never null and never 0. A member that is not described here may be added to any answer: \
ignore what you do not know.

A body needs `Content-Type: application/json`, and the `Host` a name of this server. Requests that \
another site makes are refused. Where the server asks for a login, calls need its cookie; where it \
does not, they need nothing.";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "sysmaint web",
        description = ABOUT,
        contact(),
        license(name = "MIT", identifier = "MIT"),
    ),
    servers((url = "/", description = "the web server that serves this document")),
    tags(
        (name = STATUS, description = "How the hosts, the agent and the connection are."),
        (name = CHAT, description = "The conversation with the agent."),
        (name = DIRECT, description = "Texts between the devices held here and anyone."),
        (name = DEMO, description = "What a reader of the bus sees, and what a bad link does."),
        (name = LOGIN, description = "A session in and out."),
        (name = OPERATION, description = "For those who run the server."),
        (name = DOCUMENTS, description = "What the server says of itself."),
    ),
    components(schemas(
        Alert, DraftPart, HostStatus, LinkState, ProblemDetails, Range, Trail,
        chat::Answered, stream::Hello, stream::Missed, stream::Opened, stream::SeenFrame<'_>,
    )),
)]
struct Common;

static DOCUMENT: LazyLock<String> = LazyLock::new(|| written(&described()));

/// What the routes are added to.
pub(crate) fn common() -> Document {
    let mut document = Common::openapi();
    env!("CARGO_PKG_VERSION").clone_into(&mut document.info.version);
    document.info.contact = None;
    let components = document.components.get_or_insert_default();
    let session = ApiKeyValue::with_description(
        "sysmaint",
        "What a login sets; named `__Host-sysmaint` where the browser's connection is HTTPS.",
    );
    let session = SecurityScheme::ApiKey(ApiKey::Cookie(session));
    let operator = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("The token of who runs the relay."))
        .build();
    components.add_security_scheme("session", session);
    components.add_security_scheme("operator", SecurityScheme::Http(operator));
    components.responses.extend(problems::shared());
    document
}

/// The document that describes the routes.
fn described() -> Document {
    let mut document = app::described_routes().into_openapi();
    if let Some(components) = &mut document.components {
        components.schemas.values_mut().for_each(absent::never_null);
    }
    document
}

/// As it is served, and as it is kept in the repository.
fn written(document: &Document) -> String {
    // Names and texts of ours: there is nothing in it that JSON cannot hold.
    document.to_pretty_json().unwrap_or_default() + "\n"
}

/// This interface for programs: OpenAPI 3.1
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "getDocument",
    tag = DOCUMENTS,
    security(("session" = [])),
    responses(
        (
            status = 200,
            description = "The document.",
            body = serde_json::Value,
            content_type = "application/json",
        ),
        DocumentProblems,
    ),
)]
pub(crate) async fn document() -> Response {
    ([(CONTENT_TYPE, "application/json")], DOCUMENT.as_str()).into_response()
}

#[cfg(test)]
mod tests;
