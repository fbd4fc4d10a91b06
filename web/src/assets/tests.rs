//! What holds of every file that is embedded.

use std::collections::BTreeSet;

use super::*;

fn texts(ending: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let named = FILES.iter().filter(move |file| file.name.ends_with(ending));
    named.map(|file| (file.name, std::str::from_utf8(file.plain).unwrap()))
}

fn served(path: &str) -> bool {
    let name = path.trim_start_matches('/');
    FILES.iter().any(|file| file.name == name)
}

#[test]
fn each_page_and_what_it_needs_first_is_there() {
    for name in
        ["index.html", "chat.html", "demo.html", "login.html", "first-paint.js", "favicon.svg"]
    {
        assert!(served(name), "{name}");
    }
}

#[test]
fn what_is_kept_for_ever_has_a_hash_in_its_name() {
    let mut any = false;
    for name in FILES.iter().filter_map(|file| file.name.strip_prefix("assets/")) {
        let (stem, _) = name.rsplit_once('.').unwrap();
        let hash = stem.get(stem.len().saturating_sub(9)..).unwrap();
        assert!(hash.starts_with('-'), "{name} has no hash of eight characters");
        any = true;
    }
    assert!(any);
}

#[test]
fn whatever_a_page_names_is_embedded() {
    for (name, text) in texts(".html") {
        let mut named = BTreeSet::new();
        for attribute in ["src=\"", "href=\""] {
            for part in text.split(attribute).skip(1) {
                named.insert(part.split_once('"').unwrap().0);
            }
        }
        assert!(named.len() >= 3, "{name} names a style sheet, a script and an icon");
        for path in named {
            assert!(served(path), "{name} names {path}");
        }
    }
}

#[test]
fn no_page_holds_a_script_a_style_or_a_handler() {
    for (name, text) in texts(".html") {
        let text = text.to_lowercase();
        assert!(!text.contains("<style") && !text.contains(" style="), "{name}: style");
        assert!(!text.contains("javascript:"), "{name}: script address");
        for script in text.split("<script").skip(1) {
            let (tag, rest) = script.split_once('>').unwrap();
            assert!(tag.contains(" src=\"/"), "{name}: <script{tag}>");
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
fn every_page_says_who_sees_plaintext_also_without_scripts() {
    for (name, text) in texts(".html") {
        assert!(text.contains("This web server sees plaintext"), "{name}");
    }
}

#[test]
fn nothing_is_fetched_from_elsewhere() {
    for ending in [".html", ".css", ".svg"] {
        for (name, text) in texts(ending) {
            // The one address is the name of SVG's namespace, which nothing fetches.
            let rest = text.replace("http://www.w3.org/2000/svg", "");
            for foreign in ["http://", "https://", "src=\"//", "href=\"//", "url(//", "@import"] {
                assert!(!rest.contains(foreign), "{name} holds {foreign}");
            }
        }
    }
    for (name, text) in texts(".js") {
        for way in ["eval(", "new Function(", "document.write(", "importScripts("] {
            assert!(!text.contains(way), "{name} uses {way}");
        }
    }
}

/// What a browser loads before a page is whole, as it travels.
#[test]
fn a_page_is_small() {
    const MOST: usize = 150_000;
    let packed = |name: &str| {
        let file = FILES.iter().find(|file| file.name == name).unwrap();
        file.encoded(Accepted { brotli: false, gzip: true }).1.len()
    };
    for (name, text) in texts(".html") {
        let mut seen = BTreeSet::from([name]);
        for part in text.split("=\"/").skip(1) {
            seen.insert(part.split_once('"').unwrap().0);
        }
        let size: usize = seen.iter().copied().map(packed).sum();
        assert!(size < MOST, "{name} and what it loads take {size} bytes");
    }
}
