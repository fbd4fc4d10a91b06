//! What the relay says of itself.

use reqwest::Method;

use crate::{
    described,
    stage::{Stage, answer},
};

#[tokio::test]
async fn every_path_of_the_document_is_served() {
    let stage = Stage::new().await;
    for (path, item) in described::paths() {
        let path = path.replace("{id}", "nobody");
        for method in item.as_object().unwrap().keys() {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let answer = answer(stage.request(method.clone(), &path, None)).await;
            let unserved = answer.text().starts_with("{\"type\":\"urn:sysmaint:not-found\"");
            assert!(!unserved && answer.status != 405, "{method} {path}");
        }
    }
    stage.end().await;
}

#[tokio::test]
async fn the_document_is_the_one_in_the_repository_and_is_sent_once() {
    let stage = Stage::new().await;
    let first = stage.get("/openapi.json", None).await;
    assert!(first.text() == include_str!("../../../docs/openapi.json"), "not the committed one");
    assert_eq!(first.header("content-type"), "application/json");
    assert_eq!(first.header("cache-control"), "no-cache");
    let etag = first.header("etag").to_owned();
    assert!(etag.len() > 10 && etag.starts_with('"'), "{etag}");
    let again = stage.request(Method::GET, "/openapi.json", None).header("if-none-match", &etag);
    let again = answer(again).await;
    assert_eq!((again.status.as_u16(), again.bytes.len()), (304, 0));
    assert_eq!(again.header("etag"), etag);
    stage.end().await;
}

#[tokio::test]
async fn the_page_may_load_nothing_but_its_style() {
    let stage = Stage::new().await;
    let page = stage.get("/docs", None).await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'self'; "), "{policy}");
    assert!(page.text().contains("href=\"/docs/style.css\""));
    let style = stage.get("/docs/style.css", None).await;
    assert_eq!(style.header("content-type"), "text/css; charset=utf-8");
    assert!(style.header("content-security-policy").starts_with("default-src 'none'; frame"));
    stage.end().await;
}
