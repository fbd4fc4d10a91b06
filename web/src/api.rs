//! The API of the pages.

pub(crate) mod alerts;
pub(crate) mod chat;
mod chat_stream;
mod csv;
pub(crate) mod demo;
pub(crate) mod direct;
pub(crate) mod health;
pub(crate) mod login;
pub(crate) mod openapi;
pub(crate) mod prometheus;
pub(crate) mod safety;
pub(crate) mod series;
pub(crate) mod status;
pub(crate) mod stream;

use axum::{
    Json,
    extract::State,
    http::header::{CONTENT_DISPOSITION, CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use sysmaint_protocol::{ContentId, DeviceId, Handle, limits::TEXT_MAX, subject::Mailbox};
use sysmaint_service::metrics;
use utoipa::ToSchema;

use self::openapi::{ANY, API, DOCUMENTS, OPERATION, SESSION, problems};
use crate::{
    app::App,
    problem::{NOT_FOUND, Problem, RATE_LIMITED},
};

problems! {
    AboutProblems = ANY, API, SESSION;
    MetricsProblems = ANY, SESSION, &[RATE_LIMITED];
    SourceProblems = ANY, &[NOT_FOUND];
}

/// Of this program.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What a page must know before anything else.
#[derive(Serialize, ToSchema)]
pub(crate) struct About {
    /// The server's version.
    version: &'static str,
    /// Who chats with the agent.
    alice: Handle,
    /// The other side of the demo.
    bob: Handle,
    /// Who answers.
    agent: Handle,
    /// Where envelopes for the demo's two devices are published.
    subjects: [String; 2],
    /// How long a question waits for its answer.
    chat_timeout_ms: u64,
    /// What fits one message.
    text_max_bytes: usize,
}

/// What was taken and queued.
#[derive(Serialize, ToSchema)]
pub(crate) struct Accepted {
    /// By this name.
    id: ContentId,
}

/// Version, handles, limits
#[utoipa::path(
    get,
    path = "/api/about",
    operation_id = "getAbout",
    tag = OPERATION,
    security(("session" = [])),
    responses((status = 200, description = "What a page must know.", body = About), AboutProblems),
)]
pub(crate) async fn about(State(app): State<App>) -> Json<About> {
    let config = app.config();
    let subject = |handle: &Handle| Mailbox::new(handle.clone(), DeviceId::FIRST).sealed();
    Json(About {
        version: VERSION,
        alice: config.alice.clone(),
        bob: config.bob.clone(),
        agent: config.agent.clone(),
        subjects: [subject(&config.alice), subject(&config.bob)],
        chat_timeout_ms: u64::try_from(config.chat_timeout.as_millis()).unwrap_or(u64::MAX),
        text_max_bytes: TEXT_MAX,
    })
}

/// The process's numbers, for Prometheus
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "getMetrics",
    tag = OPERATION,
    security(("session" = []), ("operator" = [])),
    responses((status = 200, description = "Prometheus text, format 0.0.4.", body = String), MetricsProblems),
)]
pub(crate) async fn metrics(State(app): State<App>) -> Response {
    ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], app.metrics().text()).into_response()
}

/// The complete source of the running program
///
/// A gzipped tar archive. The licence of a part of the program grants it to whoever uses the
/// program over a network.
#[utoipa::path(
    get,
    path = "/source",
    operation_id = "getSource",
    tag = DOCUMENTS,
    responses(
        (
            status = 200,
            description = "The archive.",
            content(("application/gzip")),
            headers(("Content-Disposition" = String, description = "A name to save it under.")),
        ),
        SourceProblems,
    ),
)]
pub(crate) async fn source(State(app): State<App>) -> Response {
    if app.source().is_empty() {
        let detail = "this build carries no source archive; ask whoever gave you the program";
        return Problem::not_found(detail).into_response();
    }
    let disposition = format!("attachment; filename=\"sysmaint-{VERSION}-source.tar.gz\"");
    let headers =
        [(CONTENT_TYPE, "application/gzip".to_owned()), (CONTENT_DISPOSITION, disposition)];
    (headers, app.source()).into_response()
}
