//! The pages and the source.

use crate::{
    SOURCE, Server,
    client::{Request, Response},
};

/// The first file in `assets/` that a page names and that ends like this.
fn named(page: &Response, ending: &str) -> String {
    let text = String::from_utf8_lossy(&page.body);
    let paths = text.split('"').filter(|path| path.starts_with("/assets/"));
    paths.filter(|path| path.ends_with(ending)).map(str::to_owned).next().unwrap()
}

#[tokio::test]
async fn pages_are_served_once_and_then_confirmed() {
    let server = Server::quick().await;
    for (path, mark) in [
        ("/", "<title>Dashboard"),
        ("/chat", "<title>Chat"),
        ("/demo", "<title>Demo"),
        ("/first-paint.js", "localStorage"),
        ("/favicon.svg", "<svg"),
        ("/licenses.txt", "MIT"),
    ] {
        let page = server.get(path).await;
        let text = String::from_utf8_lossy(&page.body);
        assert!(text.contains(mark), "{path}");
        assert_eq!(page.header("cache-control"), Some("no-cache"), "{path}");
        let tag = page.header("etag").unwrap().to_owned();
        let again = Request::get(path).header("If-None-Match", &tag).send(server.address).await;
        assert_eq!((again.status, again.body.len()), (304, 0), "{path}");
        assert_eq!(again.header("etag"), Some(tag.as_str()), "{path}");
    }
}

#[tokio::test]
async fn every_page_says_who_sees_plaintext() {
    let server = Server::quick().await;
    for path in ["/", "/chat", "/demo"] {
        let page = server.get(path).await;
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
        let text = String::from_utf8_lossy(&page.body);
        assert!(text.contains("This web server sees plaintext"), "{path}");
    }
}

#[tokio::test]
async fn what_has_a_hash_in_its_name_is_kept_for_ever() {
    let server = Server::quick().await;
    for path in ["/", "/chat", "/demo"] {
        let page = server.get(path).await;
        for (ending, kind) in
            [(".js", "text/javascript; charset=utf-8"), (".css", "text/css; charset=utf-8")]
        {
            let asset = server.get(&named(&page, ending)).await;
            assert_eq!(asset.status, 200);
            assert_eq!(asset.header("content-type"), Some(kind));
            let cache = asset.header("cache-control").unwrap();
            assert!(cache.contains("immutable"), "{cache}");
        }
    }
}

#[tokio::test]
async fn a_compressed_variant_is_sent_only_to_whom_accepts_it() {
    let server = Server::quick().await;
    let script = named(&server.get("/").await, ".js");
    let ask = |accepted: &'static str| {
        Request::get(&script).header("Accept-Encoding", accepted).send(server.address)
    };
    let plain = server.get(&script).await;
    assert_eq!(plain.header("content-encoding"), None);
    let (brotli, gzip) = (ask("gzip, deflate, br").await, ask("gzip").await);
    assert_eq!(brotli.header("content-encoding"), Some("br"));
    assert_eq!(gzip.header("content-encoding"), Some("gzip"));
    assert!(brotli.body.len() < gzip.body.len() && gzip.body.len() < plain.body.len() / 2);
    assert_eq!(gzip.body[..2], [0x1f, 0x8b]);
    let refused = ask("br;q=0, identity").await;
    assert_eq!(refused.header("content-encoding"), None);
    let mut tags = Vec::new();
    for response in [&plain, &brotli, &gzip] {
        assert_eq!(response.header("vary"), Some("accept-encoding"));
        tags.push(response.header("etag").unwrap());
    }
    tags.dedup();
    assert_eq!(tags.len(), 3, "each variant has a tag of its own");
}

#[tokio::test]
async fn the_document_is_the_one_of_the_repository() {
    let response = Server::quick().await.get("/openapi.json").await;
    assert_eq!(response.header("content-type"), Some("application/json"));
    assert!(response.body == include_bytes!("../../../docs/web-openapi.json"));
}

#[tokio::test]
async fn the_complete_source_is_offered_as_a_file() {
    let server = Server::quick().await;
    let response = server.get("/source").await;
    assert_eq!(response.header("content-type"), Some("application/gzip"));
    let disposition = response.header("content-disposition").unwrap();
    assert!(disposition.starts_with("attachment; filename=\"sysmaint-"), "{disposition}");
    assert_eq!(response.body, SOURCE);
}
