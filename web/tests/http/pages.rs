//! The pages and the source.

use crate::{SOURCE, Server, client::Request};

#[tokio::test]
async fn pages_are_served_once_and_then_confirmed() {
    let server = Server::quick().await;
    for (path, mark) in
        [("/", "<h1>Hosts"), ("/chat", "id=\"prompt\""), ("/demo", "the relay sees")]
    {
        let page = server.get(path).await;
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
        let text = String::from_utf8_lossy(&page.body);
        assert!(text.contains(mark), "{path}");
        assert!(text.contains("holds the keys of"), "{path} says who sees plaintext");
        let tag = page.header("etag").unwrap().to_owned();
        let again = Request::get(path).header("If-None-Match", &tag).send(server.address).await;
        assert_eq!((again.status, again.body.len()), (304, 0));
    }
    let script = server.get("/assets/messenger.js").await;
    assert_eq!(script.header("content-type"), Some("text/javascript; charset=utf-8"));
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
