//! What nobody sees without a session.
//!
//! Everything is behind it but what is listed here, so that a new path is behind it by itself.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Request, State},
    http::{
        HeaderMap, HeaderValue, Method, StatusCode, Uri,
        header::{CONTENT_TYPE, LOCATION},
    },
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use futures_util::StreamExt as _;
use sysmaint_service::http_server::{Peer, bearer};

use super::{
    local_path::{local_path, quoted},
    sessions::Session,
};
use crate::{app::App, problem::Problem};

/// What a request without a session gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Without {
    /// What it asked for.
    Served,
    /// That, if it brings the operator's token.
    Token,
    /// The way to the login.
    Shown,
    /// A refusal.
    Refused,
}

/// Lets a request through that needs no session or has one, and ends its stream with the session.
pub(crate) async fn require(State(app): State<App>, request: Request, next: Next) -> Response {
    let login = app.login();
    if !login.is_required() {
        return next.run(request).await;
    }
    if let Some(session) = login.session(request.headers()) {
        return until_over(next.run(request).await, session);
    }
    match without(request.method(), request.uri().path()) {
        Without::Served => next.run(request).await,
        Without::Token => {
            match operator(&app, Peer::of(request.extensions()), request.headers()).await {
                Ok(()) => next.run(request).await,
                Err(problem) => problem.into_response(),
            }
        }
        Without::Shown => to_login(request.uri()),
        Without::Refused => Problem::unauthenticated(ADVICE).into_response(),
    }
}

/// What anybody may read.
const OPEN: [&str; 8] = [
    // Whether the process lives, without any more than that.
    "/health",
    "/livez",
    "/readyz",
    // The licence gives the source to whoever uses this over a network.
    "/source",
    "/licenses.txt",
    // The login itself. All scripts and styles are part of the source, and hold no data.
    "/login",
    "/favicon.svg",
    "/first-paint.js",
];

const ADVICE: &str = "log in at /login, or POST the password to /api/login and send its cookie";

fn without(method: &Method, path: &str) -> Without {
    let reads = method == Method::GET || method == Method::HEAD;
    if reads && (OPEN.contains(&path) || path.starts_with("/assets/")) {
        return Without::Served;
    }
    match path {
        "/api/login" | "/api/logout" => Without::Served,
        // For Prometheus, which has no cookies.
        "/metrics" | "/api/status/prometheus" if reads => Without::Token,
        // For programs, like what it describes.
        "/openapi.json" => Without::Refused,
        _ if reads && !path.starts_with("/api/") => Without::Shown,
        _ => Without::Refused,
    }
}

async fn operator(app: &App, peer: Peer, headers: &HeaderMap) -> Result<(), Problem> {
    let token = bearer(headers).filter(|_| app.login().knows_operators());
    let Some(token) = token else {
        let detail = "send SYSMAINT_OPERATOR_TOKEN as Authorization: Bearer, or log in at /login";
        return Err(Problem::unauthenticated(detail));
    };
    app.login().admit_operator(peer, token).await?;
    Ok(())
}

fn to_login(uri: &Uri) -> Response {
    let wanted = uri.path_and_query().map_or("/", |wanted| wanted.as_str());
    let location = match local_path(wanted) {
        Some(wanted) if wanted != "/" => format!("/login?next={}", quoted(wanted)),
        _ => "/login".to_owned(),
    };
    (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response()
}

/// The answer; where it is a stream of events, no longer than the session.
fn until_over(response: Response, session: Arc<Session>) -> Response {
    let is_stream = |kind: &HeaderValue| kind.as_bytes().starts_with(b"text/event-stream");
    if !response.headers().get(CONTENT_TYPE).is_some_and(is_stream) {
        return response;
    }
    response.map(|body| Body::from_stream(body.into_data_stream().take_until(session.over())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_listed_is_behind_the_login() {
        let get = |path| without(&Method::GET, path);
        for path in
            ["/", "/chat", "/demo", "/nothing", "/Login", "/login/", "/assets", "/sourcecode"]
        {
            assert_eq!(get(path), Without::Shown, "{path}");
        }
        for path in ["/api/about", "/api/events", "/api/status/current", "/api/nothing", "/api/"] {
            assert_eq!(get(path), Without::Refused, "{path}");
            assert_eq!(without(&Method::POST, path), Without::Refused, "{path}");
        }
        for path in ["/login", "/source", "/livez", "/health", "/assets/x.js", "/favicon.svg"] {
            assert_eq!(get(path), Without::Served, "{path}");
            assert_eq!(without(&Method::HEAD, path), Without::Served, "{path}");
            assert_eq!(without(&Method::POST, path), Without::Refused, "{path}");
        }
        assert_eq!(get("/metrics"), Without::Token);
        assert_eq!(get("/openapi.json"), Without::Refused);
        assert_eq!(without(&Method::POST, "/api/login"), Without::Served);
    }
}
