//! The page that Prometheus reads, for a process that serves no other HTTP.

use std::net::IpAddr;

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};

use super::Metrics;

/// What [`Metrics::text`] is.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

#[derive(Clone)]
struct Page {
    metrics: Metrics,
    loopback: bool,
}

/// `/metrics`, and `/livez`. On a loopback address only a loopback `Host` is answered: a page
/// that a browser shows can reach this machine under a name of its own.
pub fn router(metrics: Metrics, bound_to: IpAddr) -> Router {
    let loopback = bound_to.to_canonical().is_loopback();
    Router::new()
        .route("/metrics", get(page))
        .route("/livez", get(async || "ok\n"))
        .with_state(Page { metrics, loopback })
}

async fn page(State(page): State<Page>, headers: HeaderMap) -> Response {
    if page.loopback && !has_loopback_host(&headers) {
        let refusal = "ask by a loopback address, such as 127.0.0.1\n";
        return (StatusCode::FORBIDDEN, refusal).into_response();
    }
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], page.metrics.text()).into_response()
}

fn has_loopback_host(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let Ok(host) = host.to_str() else { return false };
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or("", |(name, _)| name),
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}
