//! Ids of requests, and what is counted of them.

use sysmaint_service::http_server::Limits;

use crate::stage::Stage;

fn id(answer: &str) -> &str {
    let line = answer.lines().find_map(|line| line.strip_prefix("x-request-id: "));
    line.unwrap_or_else(|| panic!("no id: {answer}"))
}

#[tokio::test]
async fn every_answer_carries_an_id_and_a_sane_one_is_kept() {
    let stage = Stage::new(Limits::default()).await;
    let mut client = stage.connect().await;
    let given = async |client: &mut crate::stage::Client, id: &str| {
        client.say(&format!("GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: {id}\r\n\r\n")).await;
        client.answer().await
    };
    assert_eq!(id(&given(&mut client, "from-a-proxy.7").await), "from-a-proxy.7");
    assert_eq!(id(&given(&mut client, "two words").await).len(), 32);
    assert_eq!(id(&given(&mut client, &"x".repeat(65)).await).len(), 32);
    let (one, other) = (client.get("/").await, client.get("/nothing").await);
    assert_ne!(id(&one), id(&other));
    stage.end().await;
}

#[tokio::test]
async fn requests_are_counted_by_route_and_never_by_path() {
    let stage = Stage::new(Limits::default()).await;
    let mut client = stage.connect().await;
    for path in ["/of/alice", "/of/bob", "/nothing/alice"] {
        client.get(path).await;
    }
    client.say("BREW / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    client.answer().await;
    let text = stage.metrics.text();
    let count = |labels: &str| {
        let line = format!("sysmaint_http_request_duration_seconds_count{{{labels}}} ");
        text.lines().find_map(|found| found.strip_prefix(&line)?.parse::<u64>().ok())
    };
    let labels = |method, route, status| {
        format!("method=\"{method}\",route=\"{route}\",service=\"stage\",status=\"{status}\"")
    };
    assert_eq!(count(&labels("GET", "/of/{handle}", "2xx")), Some(2), "{text}");
    assert_eq!(count(&labels("GET", "none", "4xx")), Some(1), "{text}");
    assert_eq!(count(&labels("_OTHER", "/", "4xx")), Some(1), "{text}");
    for handle in ["alice", "bob"] {
        assert!(!text.contains(handle), "{text}");
    }
    let accepted = "sysmaint_http_connection_events_total{event=\"accepted\",service=\"stage\"} 1";
    assert!(text.contains(accepted), "{text}");
    stage.end().await;
}
