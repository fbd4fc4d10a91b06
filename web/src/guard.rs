//! Who may ask at all, and what every answer carries.
//!
//! Any page that a browser shows can send requests to loopback. Three checks stand before every
//! handler: the `Host` must be a name of this server, which stops rebound DNS names; a request
//! that another site made is refused, by `Sec-Fetch-Site` and by `Origin`; and, in `input`, a
//! body must be JSON, which other sites cannot send unasked. They stand in for no login, which is
//! `login`'s: without one, whoever may open a socket on this machine may use the pages.

use axum::{
    extract::{Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, Uri,
        header::{
            CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, ORIGIN, REFERRER_POLICY,
            X_CONTENT_TYPE_OPTIONS,
        },
    },
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use crate::{app::App, names::Names, problem::Problem};

/// No markup reaches the page as text but through the two libraries that are named: the one that
/// makes the pages, from templates that are part of it, and the one that cleans answers.
const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; object-src 'none'; require-trusted-types-for 'script'; \
    trusted-types svelte-trusted-html dompurify; frame-ancestors 'none'; base-uri 'none'; \
    form-action 'none'";

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

const ALWAYS: [(HeaderName, &str); 6] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
];

/// Lets a request through, or says why not.
pub(crate) async fn admit(State(app): State<App>, request: Request, next: Next) -> Response {
    match judge(app.names(), request.method(), request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// Ends a request that takes longer than any handler should.
pub(crate) async fn limit_time(State(app): State<App>, request: Request, next: Next) -> Response {
    let limit = app.request_time();
    tokio::time::timeout(limit, next.run(request)).await.unwrap_or_else(|_| {
        Problem::timed_out("this server took too long; try again").into_response()
    })
}

/// Adds what every answer carries. Whatever does not say how long it may be kept is not kept.
pub(crate) async fn add_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

fn judge(names: &Names, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
    let host = own_name(names, uri, headers)?;
    let reads = method == Method::GET || method == Method::HEAD;
    if reads && !uri.path().starts_with("/api/") {
        return Ok(());
    }
    same_site(headers, reads)?;
    same_origin(headers, names, host)
}

fn own_name<'a>(names: &Names, uri: &Uri, headers: &'a HeaderMap) -> Result<&'a str, Problem> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().ok(),
        _ => return Err(Problem::invalid("a request names exactly one Host")),
    };
    let target = uri.authority().is_none_or(|authority| names.contain(authority.as_str()));
    host.filter(|host| target && names.contain(host))
        .ok_or_else(|| Problem::foreign_host(names.advice()))
}

fn same_site(headers: &HeaderMap, reads: bool) -> Result<(), Problem> {
    match headers.get(FETCH_SITE).map(HeaderValue::as_bytes) {
        // Only browsers send it, and no script can forge it. `none` is a typed address.
        None | Some(b"same-origin") => Ok(()),
        Some(b"none") if reads => Ok(()),
        Some(_) => Err(Problem::cross_site("the API is for this server's own pages")),
    }
}

fn same_origin(headers: &HeaderMap, names: &Names, host: &str) -> Result<(), Problem> {
    let mut origins = headers.get_all(ORIGIN).iter();
    let own = |origin: &HeaderValue| {
        let scheme_and_host = origin.to_str().ok().and_then(|text| text.split_once("://"));
        scheme_and_host.is_some_and(|(scheme, authority)| names.has_origin(scheme, authority, host))
    };
    if origins.all(own) {
        Ok(())
    } else {
        Err(Problem::cross_site("the Origin is not this server's own"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    fn verdict(method: &Method, path: &str, headers: &[(&'static str, &str)]) -> bool {
        let map = headers.iter().map(|(name, value)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        });
        let mut all = HeaderMap::new();
        for (name, value) in map {
            all.append(name, value);
        }
        judge(&Names::new(&Config::sample(), 3000, false), method, &path.parse().unwrap(), &all)
            .is_ok()
    }

    #[test]
    fn only_own_names_are_answered() {
        for host in ["localhost:3000", "LOCALHOST:3000", "127.0.0.1:3000", "[::1]:3000"] {
            assert!(verdict(&Method::GET, "/", &[("host", host)]), "{host}");
        }
        for host in ["localhost", "localhost:3001", "evil.example:3000", "127.0.0.1.evil:3000", ""]
        {
            assert!(!verdict(&Method::GET, "/", &[("host", host)]), "{host}");
        }
        assert!(!verdict(&Method::GET, "/", &[]));
        let both = [("host", "localhost:3000"), ("host", "evil.example:3000")];
        assert!(!verdict(&Method::GET, "/", &both));
        let absolute = "http://evil.example:3000/";
        assert!(!verdict(&Method::GET, absolute, &[("host", "localhost:3000")]));
    }

    #[test]
    fn another_site_may_link_to_a_page_and_nothing_else() {
        let from = |site| [("host", "localhost:3000"), ("sec-fetch-site", site)];
        assert!(verdict(&Method::GET, "/chat", &from("cross-site")));
        for site in ["cross-site", "same-site"] {
            assert!(!verdict(&Method::GET, "/api/events", &from(site)), "{site}");
            assert!(!verdict(&Method::POST, "/api/chat", &from(site)), "{site}");
            assert!(!verdict(&Method::POST, "/", &from(site)), "{site}");
        }
        assert!(verdict(&Method::GET, "/api/status/current", &from("none")));
        assert!(!verdict(&Method::POST, "/api/chat", &from("none")));
        assert!(verdict(&Method::POST, "/api/chat", &from("same-origin")));
    }

    #[test]
    fn an_origin_must_be_the_very_host_that_was_asked() {
        let from = |origin| [("host", "localhost:3000"), ("origin", origin)];
        assert!(verdict(&Method::POST, "/api/chat", &from("http://localhost:3000")));
        assert!(verdict(&Method::POST, "/api/chat", &[("host", "localhost:3000")]));
        for origin in [
            "null",
            "http://localhost",
            "http://127.0.0.1:3000",
            "https://localhost:3000",
            "http://localhost:3000.evil.example",
            "http://evil.example",
        ] {
            assert!(!verdict(&Method::POST, "/api/chat", &from(origin)), "{origin}");
            assert!(!verdict(&Method::GET, "/api/events", &from(origin)), "{origin}");
        }
    }
}
