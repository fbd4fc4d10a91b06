//! The relay over HTTP: which path leads where, and what all handlers share.

mod admission;
mod auth;
mod calls;
mod diagnostics;
mod docs;
mod failure;
mod guard;
mod health;
mod input;
mod metrics;
mod openapi;
mod peer;
mod websocket;

use std::{any::Any, ops::Deref, sync::Arc};

use axum::{
    Router,
    http::{Method, Uri},
    middleware::{from_fn, from_fn_with_state},
    response::{IntoResponse as _, Response},
};
use sysmaint_bus::Bus;
use sysmaint_service::{http_server::Connections, metrics::Metrics};
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::{router::OpenApiRouter, routes};

use self::failure::Failure;
use crate::{
    Config,
    counters::Counters,
    delivery::Post,
    directory::RelayDirectory,
    limits::Limits,
    problem::{INTERNAL, METHOD_NOT_ALLOWED, NOT_FOUND},
    socket::Sockets,
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
    pub(crate) connections: Connections,
    pub(crate) counters: Arc<Counters>,
    pub(crate) directory: RelayDirectory,
    pub(crate) limits: Limits,
    pub(crate) post: Post,
    pub(crate) shutdown: CancellationToken,
    pub(crate) sockets: Arc<Sockets>,
    pub(crate) metrics: Metrics,
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
        Router::from(described_routes())
            .fallback(no_such_path)
            .method_not_allowed_fallback(no_such_method)
            .layer(from_fn_with_state(self.clone(), admission::admit))
            .layer(CatchPanicLayer::custom(panicked))
            .layer(from_fn(guard::limit_time))
            .layer(from_fn(guard::add_headers))
            .with_state(self)
    }
}

/// Every path with its entry in the document that describes them.
fn described_routes() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(openapi::common())
        .routes(routes!(calls::home))
        .routes(routes!(health::health))
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(diagnostics::diagnostics))
        .routes(routes!(metrics::metrics))
        .routes(routes!(calls::source))
        .routes(routes!(docs::document))
        .routes(routes!(docs::page))
        .routes(routes!(docs::style))
        .routes(routes!(calls::challenge))
        .routes(routes!(calls::register))
        .routes(routes!(calls::upload_prekeys))
        .routes(routes!(calls::prekey_stock))
        .routes(routes!(calls::bundle))
        .routes(routes!(calls::devices))
        .routes(routes!(calls::admit))
        .routes(routes!(calls::send))
        .routes(routes!(calls::certificate))
        .routes(routes!(calls::trust_root))
        .routes(routes!(websocket::websocket))
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
