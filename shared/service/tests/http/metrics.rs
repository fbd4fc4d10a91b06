//! Numbers on their way out: the page, and a collector.

use std::{net::Ipv4Addr, time::Duration};

use secrecy::SecretString;
use sysmaint_service::{
    http_server::{HttpServer, Limits, Listener},
    metrics::{Metrics, OtlpConfig, router},
};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::{
    collector::{Collector, fields},
    stage::{Client, eventually, install_provider},
};

#[tokio::test]
async fn a_collector_is_sent_the_numbers_and_the_last_ones_at_the_end() {
    install_provider();
    let collector = Collector::start().await;
    let config = OtlpConfig {
        endpoint: format!("http://{}/base", collector.address).parse().unwrap(),
        headers: Some(SecretString::from("authorization=Bearer abc,x-tenant=7".to_owned())),
        interval: Duration::from_millis(200),
    };
    assert!(!format!("{config:?}").contains("abc"));
    let metrics = Metrics::start("1.2.3", Some(&config)).unwrap();
    metrics.counter("sysmaint_test_events", "what happened", |observe| {
        observe(3, &[("event", "one")]);
    });
    let received = || collector.received.lock().unwrap().len();
    eventually("numbers at the collector", || received() >= 2).await;
    let before = received();
    metrics.stop().await;
    assert!(received() > before, "the last numbers were not sent");

    let all = collector.received.lock().unwrap();
    let (headers, body) = all.last().unwrap();
    assert_eq!(headers["content-type"], "application/x-protobuf");
    assert_eq!(headers["authorization"], "Bearer abc");
    assert_eq!(headers["x-tenant"], "7");
    // ExportMetricsServiceRequest → ResourceMetrics → ScopeMetrics → Metric → name.
    let resources = fields(body, 1);
    let scopes: Vec<_> = resources.iter().flat_map(|resource| fields(resource, 2)).collect();
    let metrics: Vec<_> = scopes.iter().flat_map(|scope| fields(scope, 2)).collect();
    let names: Vec<_> = metrics.iter().flat_map(|metric| fields(metric, 1)).collect();
    for name in ["sysmaint_test_events", "sysmaint_process_open_fds", "sysmaint_build_info"] {
        assert!(names.contains(&name.as_bytes()), "{name}");
    }
    // … → Sum → NumberDataPoint → KeyValue → key.
    let events = metrics.iter().find(|metric| fields(metric, 1) == [b"sysmaint_test_events"]);
    let points = fields(fields(events.unwrap(), 7)[0], 1);
    let label = fields(points[0], 7);
    assert_eq!(fields(label[0], 1), [b"event"]);
}

#[tokio::test]
async fn the_page_is_for_loopback_names_only() {
    let listener = Listener::bind((Ipv4Addr::LOCALHOST, 0).into(), None).await.unwrap();
    let address = listener.local_addr().unwrap();
    let metrics = Metrics::start("1.2.3", None).unwrap();
    let server = HttpServer::new("metrics", listener, Limits::default(), &metrics);
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(server.serve(router(metrics, address.ip()), shutdown.clone()));
    let mut client = Client(TcpStream::connect(address).await.unwrap());
    let page = client.get("/metrics").await;
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("text/plain; version=0.0.4"));
    assert!(page.contains("sysmaint_build_info{version=\"1.2.3\"} 1"), "{page}");
    client.say("GET /metrics HTTP/1.1\r\nHost: rebound.example\r\n\r\n").await;
    assert!(client.answer().await.starts_with("HTTP/1.1 403"));
    shutdown.cancel();
    running.await.unwrap();
}
