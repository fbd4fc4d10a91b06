//! The pages, embedded.

use std::sync::LazyLock;

use axum::{
    extract::Path,
    http::{
        HeaderMap, StatusCode, Uri,
        header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH},
    },
    response::{IntoResponse as _, Response},
};
use sha2::{Digest as _, Sha256};

use crate::problem::Problem;

const CSS: &str = "text/css; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

struct File {
    name: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
}

macro_rules! files {
    ($($content_type:ident $name:literal),* $(,)?) => {
        &[$(File {
            name: $name,
            content_type: $content_type,
            bytes: include_bytes!(concat!("../pages/", $name)),
        }),*]
    };
}

const FILES: &[File] = files![
    CSS "base.css",
    CSS "chat.css",
    CSS "dashboard.css",
    CSS "demo.css",
    HTML "chat.html",
    HTML "dashboard.html",
    HTML "demo.html",
    SCRIPT "chart.js",
    SCRIPT "chat-view.js",
    SCRIPT "chat.js",
    SCRIPT "dashboard.js",
    SCRIPT "demo.js",
    SCRIPT "dom.js",
    SCRIPT "envelope.js",
    SCRIPT "first-paint.js",
    SCRIPT "format.js",
    SCRIPT "host-card.js",
    SCRIPT "host-charts.js",
    SCRIPT "host-tables.js",
    SCRIPT "markdown.js",
    SCRIPT "messenger.js",
    SCRIPT "nav.js",
    SCRIPT "theme.js",
    SVG "favicon.svg",
];

/// One tag a file, in their order: the start of its SHA-256.
static TAGS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let tag = |file: &File| format!("\"{}\"", hex::encode(&Sha256::digest(file.bytes)[..16]));
    FILES.iter().map(tag).collect()
});

/// One of the three pages.
pub(crate) async fn page(uri: Uri, headers: HeaderMap) -> Response {
    let name = match uri.path() {
        "/chat" => "chat.html",
        "/demo" => "demo.html",
        _ => "dashboard.html",
    };
    serve(name, &headers)
}

/// A style sheet, a script or an image.
pub(crate) async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    serve(&name, &headers)
}

fn serve(name: &str, headers: &HeaderMap) -> Response {
    let found = FILES.iter().zip(TAGS.iter()).find(|(file, _)| file.name == name);
    let Some((file, tag)) = found else {
        return Problem::not_found("there is no such asset").into_response();
    };
    // Kept by the browser, but asked for each time: a new version shows at the next load.
    let fresh = [(ETAG, tag.as_str()), (CACHE_CONTROL, "no-cache")];
    if holds(headers, tag) {
        return (StatusCode::NOT_MODIFIED, fresh).into_response();
    }
    (fresh, [(CONTENT_TYPE, file.content_type)], file.bytes).into_response()
}

fn holds(headers: &HeaderMap, tag: &str) -> bool {
    let tags = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut tags = tags.flat_map(|value| value.split(',')).map(str::trim);
    tags.any(|held| held == "*" || held.trim_start_matches("W/") == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts_of(content_type: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
        let names = FILES.iter().filter(move |file| file.content_type == content_type);
        names.map(|file| (file.name, std::str::from_utf8(file.bytes).unwrap()))
    }

    fn texts() -> impl Iterator<Item = (&'static str, &'static str)> {
        FILES.iter().map(|file| (file.name, std::str::from_utf8(file.bytes).unwrap()))
    }

    #[test]
    fn every_file_in_the_folder_is_served() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/pages");
        let mut there: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        there.sort();
        let mut served: Vec<_> = FILES.iter().map(|file| file.name.to_owned()).collect();
        served.sort();
        assert_eq!(there, served);
    }

    #[test]
    fn nothing_comes_from_elsewhere() {
        for (name, text) in texts() {
            // The one address is the name of SVG's namespace, which nothing fetches.
            let rest = text.replace("http://www.w3.org/2000/svg", "");
            for foreign in ["http://", "https://", "src=\"//", "href=\"//", "url(//", "@import"] {
                assert!(!rest.contains(foreign), "{name} holds {foreign}");
            }
        }
    }

    #[test]
    fn no_page_holds_a_script_a_style_or_a_handler() {
        for (name, text) in texts_of(HTML) {
            let text = text.to_lowercase();
            assert!(!text.contains("<style") && !text.contains(" style="), "{name}: style");
            assert!(!text.contains("javascript:"), "{name}: script address");
            for script in text.split("<script").skip(1) {
                let (tag, rest) = script.split_once('>').unwrap();
                assert!(tag.contains(" src=\"/assets/"), "{name}: <script{tag}>");
                assert!(rest.starts_with("</script>"), "{name}: script with content");
            }
            let handler = text.split_whitespace().find(|word| {
                let attribute = word.split_once("=\"").map(|(attribute, _)| attribute);
                attribute.is_some_and(|attribute| attribute.starts_with("on"))
            });
            assert_eq!(handler, None, "{name}");
        }
    }

    #[test]
    fn no_script_writes_markup_or_evaluates_text() {
        for (name, text) in texts_of(SCRIPT) {
            for way in [
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
                "new Function",
                "createContextualFragment",
                "DOMParser",
                "srcdoc",
                "setAttribute('style'",
            ] {
                assert!(!text.contains(way), "{name} uses {way}");
            }
        }
    }

    #[test]
    fn whatever_a_page_or_a_module_names_exists() {
        for (name, text) in texts() {
            for part in text.split("/assets/").skip(1) {
                let end = part.find(['"', '\'', ')']).unwrap();
                assert!(
                    FILES.iter().any(|file| file.name == &part[..end]),
                    "{name}: {}",
                    &part[..end]
                );
            }
            for part in text.split("from './").skip(1) {
                let end = part.find('\'').unwrap();
                assert!(
                    FILES.iter().any(|file| file.name == &part[..end]),
                    "{name}: {}",
                    &part[..end]
                );
            }
        }
    }
}
