//! The process's numbers, for Prometheus.

use axum::{
    extract::State,
    http::header::CONTENT_TYPE,
    response::{IntoResponse as _, Response},
};
use sysmaint_service::metrics;

use super::{App, auth::Operator};

/// `GET /metrics`, for whoever may see `/diagnostics`.
pub(super) async fn metrics(_: Operator, State(app): State<App>) -> Response {
    ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], app.metrics.text()).into_response()
}
