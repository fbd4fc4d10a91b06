//! Requests: their ids, one line of log each, and how long they took.
//!
//! Routes are logged and counted as they are declared (`/v1/prekeys/{id}`), never as they were
//! asked for: paths hold handles.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method},
    middleware::{Next, from_fn_with_state},
    response::Response,
};
use tracing::Instrument as _;

use super::{Connections, number};
use crate::metrics::{Histogram, Metrics};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const REQUEST_ID_MAX: usize = 64;

/// How often something is said about requests at info, if there were any.
const SUMMARY_EVERY: Duration = Duration::from_mins(1);

/// Upper ends in seconds, as the conventions for HTTP servers have them.
const BUCKETS: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// What is known of a listener's requests.
#[derive(Debug)]
pub(super) struct Requests {
    name: &'static str,
    durations: Histogram,
    in_flight: Arc<AtomicUsize>,
    answered: AtomicU64,
    failed: AtomicU64,
}

/// One request, from its arrival to its answer, or to the end of whoever waited for it.
struct Running {
    requests: Arc<Requests>,
    method: &'static str,
    route: Option<MatchedPath>,
    since: Instant,
    status: &'static str,
}

impl Requests {
    pub(super) fn new(name: &'static str, metrics: &Metrics) -> Self {
        let in_flight = Arc::new(AtomicUsize::new(0));
        let shown = Arc::clone(&in_flight);
        metrics.gauge(
            "sysmaint_http_requests_in_flight",
            "requests that are being answered now",
            move |observe| {
                observe(number(shown.load(Ordering::Relaxed)), &[("service", name)]);
            },
        );
        let durations = metrics.histogram(
            "sysmaint_http_request_duration",
            "s",
            "from a request's headers to its answer's",
            &BUCKETS,
        );
        Self { name, durations, in_flight, answered: AtomicU64::new(0), failed: AtomicU64::new(0) }
    }
}

/// The router inside what this module does.
pub(super) fn observed(router: Router, requests: Arc<Requests>) -> Router {
    router.layer(from_fn_with_state(requests, observe))
}

async fn observe(State(requests): State<Arc<Requests>>, request: Request, next: Next) -> Response {
    let id = taken(request.headers()).unwrap_or_else(generated);
    let span = tracing::info_span!("request", id = id.to_str().unwrap_or_default());
    let mut running = Running::new(requests, &request);
    let handled = async {
        let mut response = next.run(request).await;
        running.answered(&response);
        response.headers_mut().insert(REQUEST_ID, id);
        response
    };
    handled.instrument(span).await
}

impl Running {
    fn new(requests: Arc<Requests>, request: &Request) -> Self {
        requests.in_flight.fetch_add(1, Ordering::Relaxed);
        Self {
            requests,
            method: known(request.method()),
            route: request.extensions().get::<MatchedPath>().cloned(),
            since: Instant::now(),
            status: "none",
        }
    }

    fn answered(&mut self, response: &Response) {
        let status = response.status().as_u16();
        self.status = class(status);
        let counter = if status < 500 { &self.requests.answered } else { &self.requests.failed };
        counter.fetch_add(1, Ordering::Relaxed);
        tracing::debug!(
            service = self.requests.name,
            method = self.method,
            route = self.route(),
            status,
            took_ms = self.since.elapsed().as_secs_f64() * 1000.0,
            "answered"
        );
    }

    fn route(&self) -> &str {
        self.route.as_ref().map_or("none", MatchedPath::as_str)
    }
}

impl Drop for Running {
    /// Also of a request whose client went away: its status is `none`.
    fn drop(&mut self) {
        self.requests.in_flight.fetch_sub(1, Ordering::Relaxed);
        let labels = [
            ("service", self.requests.name),
            ("method", self.method),
            ("route", self.route()),
            ("status", self.status),
        ];
        self.requests.durations.record(self.since.elapsed().as_secs_f64(), &labels);
    }
}

/// The id that a client or a proxy gave, if it may stand in a log.
fn taken(headers: &HeaderMap) -> Option<HeaderValue> {
    let id = headers.get(REQUEST_ID)?;
    let sane = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let bytes = id.as_bytes();
    let fits = (1..=REQUEST_ID_MAX).contains(&bytes.len()) && bytes.iter().all(sane);
    fits.then(|| id.clone())
}

fn generated() -> HeaderValue {
    let id = format!("{:032x}", rand::random::<u128>());
    // Hexadecimal digits are a header's value always.
    HeaderValue::from_str(&id).unwrap_or_else(|_| HeaderValue::from_static("none"))
}

/// A label has few values, whatever clients invent.
fn known(method: &Method) -> &'static str {
    match method.as_str() {
        "DELETE" => "DELETE",
        "GET" => "GET",
        "HEAD" => "HEAD",
        "OPTIONS" => "OPTIONS",
        "PATCH" => "PATCH",
        "POST" => "POST",
        "PUT" => "PUT",
        _ => "_OTHER",
    }
}

const fn class(status: u16) -> &'static str {
    match status {
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    }
}

/// Says every minute what has happened, if something has. Runs until it is dropped.
pub(super) async fn summarise(requests: &Requests, connections: &Connections) {
    let now = || {
        let refused =
            |(name, count): (&str, u64)| if name.starts_with("refused") { count } else { 0 };
        [
            requests.answered.load(Ordering::Relaxed),
            requests.failed.load(Ordering::Relaxed),
            connections.events().into_iter().map(refused).sum(),
        ]
    };
    let mut before = now();
    loop {
        tokio::time::sleep(SUMMARY_EVERY).await;
        let after = now();
        if after != before {
            tracing::info!(
                service = requests.name,
                answered = after[0] - before[0],
                failed = after[1] - before[1],
                refused_connections = after[2] - before[2],
                open_connections = connections.open(),
                "requests of the last minute"
            );
        }
        before = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(id: &[u8]) -> Option<HeaderValue> {
        let headers = HeaderMap::from_iter([(REQUEST_ID, HeaderValue::from_bytes(id).unwrap())]);
        taken(&headers)
    }

    #[test]
    fn an_id_from_outside_is_short_and_plain_or_replaced() {
        for sane in ["a", "7f3c-9_0.x", &"x".repeat(64)] {
            assert_eq!(given(sane.as_bytes()).unwrap(), sane);
        }
        let long = "x".repeat(65);
        for strange in [&b""[..], b"two words", b"a\tb", b"\xff", b"a=b", long.as_bytes()] {
            assert_eq!(given(strange), None, "{strange:?}");
        }
        assert_eq!(taken(&HeaderMap::new()), None);
        assert_eq!(generated().len(), 32);
        assert_ne!(generated(), generated());
    }

    #[test]
    fn labels_have_few_values() {
        assert_eq!(known(&Method::from_bytes(b"BREW").unwrap()), "_OTHER");
        assert_eq!(known(&Method::GET), "GET");
        assert_eq!([101, 200, 304, 404, 503].map(class), ["1xx", "2xx", "3xx", "4xx", "5xx"]);
    }
}
