//! The relay over HTTP: which path leads where, and what all handlers share.

mod admission;
mod auth;
mod calls;
mod diagnostics;
mod failure;
mod guard;
mod health;
mod input;
mod peer;

use std::{any::Any, ops::Deref, sync::Arc};

use axum::{
    Router,
    http::{Method, Uri},
    middleware::{from_fn, from_fn_with_state},
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
    limits::Limits,
    problem::{INTERNAL, METHOD_NOT_ALLOWED, NOT_FOUND},
};

/// Where messages are sent, which has an account of its own.
const MESSAGES: &str = "/v1/messages";

/// What a handler can reach. Every layer of every request clones it, so a clone is a counter and
/// nothing else.
#[derive(Clone)]
pub(crate) struct App(Arc<Reach>);

/// The same in full. Its parts are clients of the broker, which are costly to clone.
pub(crate) struct Reach {
    pub(crate) bus: Bus,
    pub(crate) config: Arc<Config>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) directory: RelayDirectory,
    pub(crate) limits: Limits,
    pub(crate) post: Post,
    pub(crate) shutdown: CancellationToken,
    pub(crate) source: &'static [u8],
}

impl From<Reach> for App {
    fn from(reach: Reach) -> Self {
        Self(Arc::new(reach))
    }
}

impl Deref for App {
    type Target = Reach;

    fn deref(&self) -> &Reach {
        &self.0
    }
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
            .route(MESSAGES, post(calls::send))
            .route("/v1/certificate/delivery", get(calls::certificate))
            .route("/v1/certificate/root", get(calls::trust_root))
            .fallback(no_such_path)
            .method_not_allowed_fallback(no_such_method)
            .layer(from_fn_with_state(self.clone(), admission::admit))
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
