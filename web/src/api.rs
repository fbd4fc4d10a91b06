//! The API of the pages.

pub(crate) mod alerts;
pub(crate) mod chat;
mod chat_stream;
mod csv;
pub(crate) mod demo;
pub(crate) mod direct;
pub(crate) mod health;
pub(crate) mod login;
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
use sysmaint_protocol::{DeviceId, Handle, limits::TEXT_MAX, subject::Mailbox};
use sysmaint_service::metrics;

use crate::{app::App, problem::Problem};

/// Of this program.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What a page must know before anything else.
#[derive(Serialize)]
pub(crate) struct About {
    version: &'static str,
    alice: Handle,
    bob: Handle,
    agent: Handle,
    /// Where envelopes for the demo's two devices are published.
    subjects: [String; 2],
    chat_timeout_ms: u64,
    text_max_bytes: usize,
}

/// `GET /api/about`.
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

/// `GET /metrics`: the process's numbers, for Prometheus.
pub(crate) async fn metrics(State(app): State<App>) -> Response {
    ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], app.metrics().text()).into_response()
}

/// `GET /source`: the complete source of what runs here.
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
