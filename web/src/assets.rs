//! The pages, embedded as `scripts/build-ui` made them.
//!
//! What lies in `assets/` has a hash of its content in its name and may be kept for ever. All else
//! (the pages, the icon, what runs before the first paint) is asked for each time.

mod encoding;

use std::sync::LazyLock;

use axum::{
    extract::Path,
    http::{
        HeaderMap, StatusCode, Uri,
        header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY},
    },
    response::{IntoResponse as _, Response},
};
use sha2::{Digest as _, Sha256};

use self::encoding::{Accepted, Encoding};
use crate::problem::Problem;

/// A year, the longest that anybody keeps anything.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// Kept by the browser, but asked for each time: a new version shows at the next load.
const ASK: &str = "no-cache";

struct File {
    name: &'static str,
    content_type: &'static str,
    plain: &'static [u8],
    brotli: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
}

const FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// One tag a file, in their order: the start of its SHA-256.
static TAGS: LazyLock<Vec<String>> = LazyLock::new(|| {
    FILES.iter().map(|file| hex::encode(&Sha256::digest(file.plain)[..16])).collect()
});

/// One of the pages, or what they name at the top.
pub(crate) async fn page(uri: Uri, headers: HeaderMap) -> Response {
    let name = match uri.path() {
        "/" => "index.html",
        "/chat" => "chat.html",
        "/demo" => "demo.html",
        "/login" => "login.html",
        other => other.trim_start_matches('/'),
    };
    serve(name, ASK, &headers)
}

/// A style sheet or a script, by a name that changes with its content.
pub(crate) async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    serve(&format!("assets/{name}"), FOR_EVER, &headers)
}

fn serve(name: &str, cache: &'static str, headers: &HeaderMap) -> Response {
    let found = FILES.iter().zip(TAGS.iter()).find(|(file, _)| file.name == name);
    let Some((file, tag)) = found else {
        return Problem::not_found("there is no such asset").into_response();
    };
    let (encoding, bytes) = file.encoded(Accepted::of(headers));
    let tag = encoding
        .map_or_else(|| format!("\"{tag}\""), |encoding| format!("\"{tag}-{}\"", encoding.name()));
    let kept = [(ETAG, tag.as_str()), (CACHE_CONTROL, cache), (VARY, "accept-encoding")];
    if holds(headers, &tag) {
        return (StatusCode::NOT_MODIFIED, kept).into_response();
    }
    let kind = [(CONTENT_TYPE, file.content_type)];
    match encoding {
        Some(encoding) => {
            (kept, kind, [(CONTENT_ENCODING, encoding.name())], bytes).into_response()
        }
        None => (kept, kind, bytes).into_response(),
    }
}

impl File {
    /// The smallest variant that the other side accepts.
    fn encoded(&self, accepted: Accepted) -> (Option<Encoding>, &'static [u8]) {
        match self {
            Self { brotli: Some(bytes), .. } if accepted.brotli => (Some(Encoding::Brotli), *bytes),
            Self { gzip: Some(bytes), .. } if accepted.gzip => (Some(Encoding::Gzip), *bytes),
            Self { plain, .. } => (None, *plain),
        }
    }
}

fn holds(headers: &HeaderMap, tag: &str) -> bool {
    let tags = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut tags = tags.flat_map(|value| value.split(',')).map(str::trim);
    tags.any(|held| held == "*" || held.trim_start_matches("W/") == tag)
}

#[cfg(test)]
mod tests;
