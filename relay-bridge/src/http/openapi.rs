//! The description of the interface: what the routes say of themselves, and what is common to all.
//!
//! Each handler carries its own entry, and the router is built from the same entries, so that a
//! path can neither be served and not described nor the other way round.

pub(super) mod broker;
mod problems;

use sysmaint_protocol::{
    rest::{MismatchedDevices, Problem, StaleDevices},
    websocket::{ClientFrame, ServerFrame},
};
use utoipa::{
    OpenApi,
    openapi::{
        OpenApi as Document,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

pub(super) use problems::{ANY, BODY, Responses, TOKEN, problems, responses};

/// Groups of calls, in the order of the page.
pub(super) const HEALTH: &str = "Health";
pub(super) const REGISTRATION: &str = "Registration";
pub(super) const PREKEYS: &str = "Prekeys";
pub(super) const MESSAGES: &str = "Messages";
pub(super) const CERTIFICATES: &str = "Certificates";
pub(super) const OPERATION: &str = "Operation";
pub(super) const DOCUMENTS: &str = "Documents";

const ABOUT: &str = "\
A relay keeps public keys and carries sealed messages between devices. It cannot read them, and it \
is never told who sends them.

JSON in and out. Byte strings are standard base64 with padding, times are RFC 3339 in UTC, integers \
are written without a fraction. Whatever goes wrong is answered with `application/problem+json` (RFC 9457) and a stable `type`. A member \
that is not described here may be added to any answer: ignore what you do not know.

A device registers once, with a signature by its identity key, and gets a bearer token for \
everything else. Every call may be answered with 429 and `Retry-After`: wait that long.";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "sysmaint relay",
        description = ABOUT,
        contact(),
        license(name = "MIT", identifier = "MIT"),
    ),
    servers((url = "/", description = "the relay that serves this document")),
    tags(
        (name = HEALTH, description = "Whether the relay works."),
        (name = REGISTRATION, description = "Binding a handle and a device to a key."),
        (name = PREKEYS, description = "What opens a session with somebody."),
        (name = MESSAGES, description = "Sealed messages into and out of mailboxes."),
        (name = CERTIFICATES, description = "Who vouches for whom."),
        (name = OPERATION, description = "For those who run the relay."),
        (name = DOCUMENTS, description = "What the relay says of itself."),
    ),
    components(schemas(ClientFrame, MismatchedDevices, Problem, ServerFrame, StaleDevices)),
)]
struct Common;

/// What the routes are added to.
pub(super) fn common() -> Document {
    let mut document = Common::openapi();
    env!("CARGO_PKG_VERSION").clone_into(&mut document.info.version);
    document.info.contact = None;
    let bearer = |description: &str| {
        SecurityScheme::Http(
            HttpBuilder::new()
                .scheme(HttpAuthScheme::Bearer)
                .description(Some(description))
                .build(),
        )
    };
    let components = document.components.get_or_insert_default();
    let device = bearer("The token that a device got with its last registration.");
    components.add_security_scheme("device", device);
    components.add_security_scheme("operator", bearer("The token of who runs the relay."));
    components.schemas.insert("ProblemType".to_owned(), problems::types());
    document
}

/// The document once all routes are in it.
pub(super) fn complete(mut document: Document) -> Document {
    problems::share(&mut document);
    document
}

#[cfg(test)]
mod tests;
