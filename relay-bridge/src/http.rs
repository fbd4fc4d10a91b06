//! The relay over HTTP: which path leads where, and what all handlers share.

mod auth;
mod calls;
mod diagnostics;
mod failure;
mod guard;
mod health;
mod input;
mod peer;
mod websocket;

use std::{any::Any, sync::Arc};

use axum::{
    Router,
    http::{Method, Uri},
    middleware::from_fn,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use sysmaint_bus::Bus;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;

use self::failure::Failure;
use crate::{
    Config,
    counters::Counters,
    delivery::Post,
    directory::RelayDirectory,
    problem::{INTERNAL, METHOD_NOT_ALLOWED, NOT_FOUND},
    socket::Sockets,
};

/// What a handler can reach; cheap to clone.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) bus: Bus,
    pub(crate) config: Arc<Config>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) directory: RelayDirectory,
    pub(crate) post: Post,
    pub(crate) shutdown: CancellationToken,
    pub(crate) sockets: Arc<Sockets>,
    pub(crate) source: &'static [u8],
}

impl App {
    pub(crate) fn router(self) -> Router {
        Router::new()
            .route("/", get(calls::home))
            .route("/health", get(health::ready))
            .route("/livez", get(health::live))
            .route("/readyz", get(health::ready))
            .route("/diagnostics", get(diagnostics::diagnostics))
            .route("/source", get(calls::source))
            .route("/v1/register/challenge", post(calls::challenge))
            .route("/v1/register", post(calls::register))
            .route("/v1/prekeys", post(calls::upload_prekeys))
            .route("/v1/prekeys/count", get(calls::prekey_count))
            .route("/v1/prekeys/{id}", get(calls::bundle))
            .route("/v1/messages", post(calls::send))
            .route("/v1/certificate/delivery", get(calls::certificate))
            .route("/v1/certificate/root", get(calls::trust_root))
            .route("/ws", get(websocket::websocket))
            .fallback(no_such_path)
            .method_not_allowed_fallback(no_such_method)
            .layer(CatchPanicLayer::custom(panicked))
            .layer(from_fn(guard::limit_time))
            .layer(from_fn(guard::add_headers))
            .with_state(self)
    }
}

async fn no_such_path(uri: Uri) -> Failure {
    let path: String = uri.path().chars().take(100).collect();
    NOT_FOUND.because(format!("nothing is served at {path}; the calls begin with /v1/")).into()
}

async fn no_such_method(method: Method) -> Failure {
    let detail =
        format!("this path does not answer to {method}; the Allow header lists what it does");
    METHOD_NOT_ALLOWED.because(detail).into()
}

fn panicked(_: Box<dyn Any + Send>) -> Response {
    // The panic's text stays out of answer and log: it may quote what a handler held.
    tracing::error!("a handler panicked");
    Failure::from(INTERNAL.because("a fault in the relay; its log has the time")).into_response()
}
