//! The relay's description of itself: for programs as OpenAPI, for people as one page.
//!
//! Both come from the same document. The page is made here, needs no script, and fetches nothing
//! but its style from this relay.

mod example;
mod html;
mod operation;
mod page;
mod schema;

use std::sync::LazyLock;

use axum::{
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH},
    },
    response::{IntoResponse as _, Response},
};
use sha2::{Digest as _, Sha256};
use utoipa::openapi::OpenApi;

use super::openapi::{self, ANY, DOCUMENTS, problems};

problems! { DocumentProblems = ANY; }

/// Nothing but the style, from here.
const POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

const STYLE: &str = include_str!("docs/style.css");

/// A text that is the same as long as the program runs.
struct Published {
    kind: &'static str,
    text: String,
    etag: String,
}

static DOCUMENT: LazyLock<Published> =
    LazyLock::new(|| Published::new("application/json", written(&described())));

static PAGE: LazyLock<Published> = LazyLock::new(|| {
    let document = serde_json::to_value(described()).unwrap_or_default();
    Published::new("text/html; charset=utf-8", page::render(&document))
});

static SHEET: LazyLock<Published> =
    LazyLock::new(|| Published::new("text/css; charset=utf-8", STYLE.to_owned()));

/// The document that describes the routes.
pub(super) fn described() -> OpenApi {
    openapi::complete(super::described_routes().into_openapi())
}

/// As it is served, and as it is kept in the repository.
pub(super) fn written(document: &OpenApi) -> String {
    // Names and texts of ours: there is nothing in it that JSON cannot hold.
    document.to_pretty_json().unwrap_or_default() + "\n"
}

/// This interface for programs: OpenAPI 3.1
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "getDocument",
    tag = DOCUMENTS,
    params(
        ("If-None-Match" = Option<String>, Header, description = "The ETag of the copy at hand."),
    ),
    responses(
        (
            status = 200,
            description = "The document.",
            body = serde_json::Value,
            content_type = "application/json",
            headers(("ETag" = String, description = "Names this version of it.")),
        ),
        (status = 304, description = "The copy at hand is still right."),
        DocumentProblems,
    ),
)]
pub(super) async fn document(headers: HeaderMap) -> Response {
    DOCUMENT.answer(&headers)
}

/// This interface for people: one page
///
/// It needs no script and no network.
#[utoipa::path(
    get,
    path = "/docs",
    operation_id = "getDocs",
    tag = DOCUMENTS,
    params(
        ("If-None-Match" = Option<String>, Header, description = "The ETag of the copy at hand."),
    ),
    responses(
        (
            status = 200,
            description = "The page.",
            body = String,
            content_type = "text/html; charset=utf-8",
            headers(("ETag" = String, description = "Names this version of it.")),
        ),
        (status = 304, description = "The copy at hand is still right."),
        DocumentProblems,
    ),
)]
pub(super) async fn page(headers: HeaderMap) -> Response {
    let mut response = PAGE.answer(&headers);
    let policy = HeaderValue::from_static(POLICY);
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    response
}

/// The page's style
#[utoipa::path(
    get,
    path = "/docs/style.css",
    operation_id = "getDocsStyle",
    tag = DOCUMENTS,
    params(
        ("If-None-Match" = Option<String>, Header, description = "The ETag of the copy at hand."),
    ),
    responses(
        (
            status = 200,
            description = "The style.",
            body = String,
            content_type = "text/css; charset=utf-8",
            headers(("ETag" = String, description = "Names this version of it.")),
        ),
        (status = 304, description = "The copy at hand is still right."),
        DocumentProblems,
    ),
)]
pub(super) async fn style(headers: HeaderMap) -> Response {
    SHEET.answer(&headers)
}

impl Published {
    fn new(kind: &'static str, text: String) -> Self {
        let etag = format!("\"{}\"", hex::encode(&Sha256::digest(&text)[..12]));
        Self { kind, text, etag }
    }

    fn answer(&self, headers: &HeaderMap) -> Response {
        let mut response = if self.is_at_hand(headers) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            ([(CONTENT_TYPE, self.kind)], self.text.clone()).into_response()
        };
        // Kept by whoever fetches it, and asked for again each time: it changes with the program.
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        if let Ok(etag) = HeaderValue::from_str(&self.etag) {
            response.headers_mut().insert(ETAG, etag);
        }
        response
    }

    fn is_at_hand(&self, headers: &HeaderMap) -> bool {
        let known = headers.get_all(IF_NONE_MATCH).into_iter().filter_map(|it| it.to_str().ok());
        known
            .flat_map(|list| list.split(','))
            .map(|etag| etag.trim().trim_start_matches("W/"))
            .any(|etag| etag == "*" || etag == self.etag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(etag: &str) -> StatusCode {
        let published = Published::new("text/plain", "text".to_owned());
        let etag = etag.replace("MINE", &published.etag);
        let headers = HeaderMap::from_iter([(IF_NONE_MATCH, etag.parse().unwrap())]);
        published.answer(&headers).status()
    }

    #[test]
    fn every_link_on_the_page_leads_to_a_place_on_it() {
        let page = &PAGE.text;
        let links: Vec<_> =
            page.split("href=\"#").skip(1).map(|rest| rest.split_once('"').unwrap().0).collect();
        assert!(links.len() > 100, "{}", links.len());
        for link in links {
            assert_eq!(page.matches(&format!("id=\"{link}\"")).count(), 1, "{link}");
        }
    }

    #[test]
    fn the_page_shows_every_call_problem_and_schema() {
        let page = &PAGE.text;
        let document = serde_json::to_value(described()).unwrap();
        for path in document["paths"].as_object().unwrap().keys() {
            assert!(page.contains(&path.replace('/', "/<wbr>")), "{path}");
        }
        for kind in crate::problem::ALL {
            assert!(page.contains(&kind.urn()), "{}", kind.urn());
        }
        for name in document["components"]["schemas"].as_object().unwrap().keys() {
            assert!(page.contains(&format!("id=\"schema-{name}\"")), "{name}");
        }
    }

    #[test]
    fn the_page_needs_nothing_from_elsewhere() {
        let page = &PAGE.text;
        for foreign in ["<script", "<img", "<iframe", " style=", " onload=", "http://", "https://"]
        {
            assert!(!page.contains(foreign), "{foreign}");
        }
        assert_eq!(page.matches("<link ").count(), 1);
        assert!(!STYLE.contains("url(") && !STYLE.contains("@import"));
    }

    #[test]
    fn a_copy_at_hand_is_not_sent_again() {
        for known in ["MINE", "W/MINE", "\"other\", MINE", "*"] {
            assert_eq!(asked(known), StatusCode::NOT_MODIFIED, "{known}");
        }
        for other in ["\"other\"", "", "text"] {
            assert_eq!(asked(other), StatusCode::OK, "{other}");
        }
    }
}
