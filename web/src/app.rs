//! What all handlers share, and which path leads to which of them.

use std::{any::Any, sync::Arc, time::Duration};

use axum::{
    Router,
    http::{Method, Uri},
    middleware::{from_fn, from_fn_with_state},
    response::{IntoResponse as _, Response},
    routing::get,
};
use sysmaint_service::metrics::Metrics;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    Backend, Config, api, assets, guard,
    login::{self, Login},
    names::Names,
    problem::Problem,
};

/// Event streams open at a time. A page holds two at most, and only while it is visible.
const STREAMS_MAX: usize = 64;

/// What a handler may take on top of the wait for an answer.
const HANDLER_TIME: Duration = Duration::from_secs(15);

/// Shared by all handlers; cheap to clone.
#[derive(Clone)]
pub(crate) struct App(Arc<Shared>);

struct Shared {
    backend: Arc<dyn Backend>,
    config: Config,
    login: Login,
    metrics: Metrics,
    names: Names,
    shutdown: CancellationToken,
    source: &'static [u8],
    streams: Arc<Semaphore>,
}

impl App {
    pub(crate) fn new(
        config: Config,
        login: Login,
        names: Names,
        backend: Arc<dyn Backend>,
        metrics: Metrics,
        source: &'static [u8],
        shutdown: CancellationToken,
    ) -> Self {
        let streams = Arc::new(Semaphore::new(STREAMS_MAX));
        Self(Arc::new(Shared { backend, config, login, metrics, names, shutdown, source, streams }))
    }

    pub(crate) fn router(self) -> Router {
        Router::from(described_routes())
            .merge(pages())
            .fallback(no_such_path)
            .method_not_allowed_fallback(no_such_method)
            .layer(from_fn_with_state(self.clone(), guard::limit_time))
            .layer(CatchPanicLayer::custom(panicked))
            .layer(from_fn_with_state(self.clone(), login::require))
            .layer(from_fn_with_state(self.clone(), guard::admit))
            .layer(from_fn(guard::add_headers))
            .with_state(self)
    }

    pub(crate) fn backend(&self) -> &dyn Backend {
        &*self.0.backend
    }

    pub(crate) fn config(&self) -> &Config {
        &self.0.config
    }

    pub(crate) fn login(&self) -> &Login {
        &self.0.login
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    pub(crate) fn names(&self) -> &Names {
        &self.0.names
    }

    pub(crate) fn shutdown(&self) -> &CancellationToken {
        &self.0.shutdown
    }

    pub(crate) fn source(&self) -> &'static [u8] {
        self.0.source
    }

    /// The longest that any request but a stream may take.
    pub(crate) fn request_time(&self) -> Duration {
        self.0.config.chat_timeout.saturating_add(HANDLER_TIME)
    }

    /// A place for one more stream; it is free again when the permit is dropped.
    pub(crate) fn stream_permit(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let permit = Arc::clone(&self.0.streams).try_acquire_owned();
        permit.map_err(|_| {
            let detail = format!("{STREAMS_MAX} event streams are open; close a page first");
            Problem::unavailable(detail)
        })
    }
}

/// Every path of the API with its entry in the document that describes them.
pub(crate) fn described_routes() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(api::openapi::common())
        .routes(routes!(api::metrics))
        .routes(routes!(api::source))
        .routes(routes!(api::openapi::document))
        .routes(routes!(api::health::health))
        .routes(routes!(api::health::ready))
        .routes(routes!(api::health::live))
        .routes(routes!(api::about))
        .routes(routes!(api::alerts::alerts))
        .routes(routes!(api::chat::ask))
        .routes(routes!(api::chat::history))
        .routes(routes!(api::safety::safety))
        .routes(routes!(api::chat::entry))
        .routes(routes!(api::chat::stop))
        .routes(routes!(api::direct::send))
        .routes(routes!(api::direct::pull))
        .routes(routes!(api::login::standing, api::login::enter))
        .routes(routes!(api::login::leave))
        .routes(routes!(api::status::current))
        .routes(routes!(api::status::history))
        .routes(routes!(api::series::series))
        .routes(routes!(api::series::export))
        .routes(routes!(api::prometheus::newest))
        .routes(routes!(api::status::link))
        .routes(routes!(api::status::reset_usage))
        .routes(routes!(api::stream::events))
        .routes(routes!(api::demo::release))
        .routes(routes!(api::demo::trails))
        .routes(routes!(api::stream::wire))
}

/// The pages, and what they are made of.
fn pages() -> Router<App> {
    Router::new()
        .route("/", get(assets::page))
        .route("/chat", get(assets::page))
        .route("/demo", get(assets::page))
        .route("/login", get(api::login::page))
        .route("/favicon.svg", get(assets::page))
        .route("/first-paint.js", get(assets::page))
        .route("/licenses.txt", get(assets::page))
        .route("/assets/{name}", get(assets::asset))
}

async fn no_such_path(uri: Uri) -> Problem {
    Problem::not_found(format!("nothing is served at {}", uri.path()))
}

async fn no_such_method(method: Method, uri: Uri) -> Problem {
    Problem::method_not_allowed(format!("{} does not answer to {method}", uri.path()))
}

fn panicked(_: Box<dyn Any + Send>) -> Response {
    // The panic's text stays out: it may quote what a handler held.
    tracing::error!("a handler panicked");
    Problem::internal().into_response()
}
