//! The end of a listener.

use std::time::{Duration, Instant};

use sysmaint_service::http_server::Limits;
use tokio::net::TcpStream;

use crate::stage::{Stage, eventually};

#[tokio::test]
async fn a_running_request_is_finished_and_waiting_connections_are_closed() {
    let stage = Stage::new(Limits::default()).await;
    let (mut idle, mut busy) = (stage.connect().await, stage.connect().await);
    idle.get("/").await;
    busy.say("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let in_flight = "sysmaint_http_requests_in_flight{service=\"stage\"} 1";
    eventually("the request to be running", || stage.metrics.text().contains(in_flight)).await;
    stage.shutdown.cancel();
    assert_eq!(idle.rest().await, "");
    let answer = busy.answer().await;
    assert!(answer.ends_with("at last"), "{answer}");
    assert_eq!(busy.rest().await, "");
    let (address, connections) = (stage.address, stage.connections.clone());
    stage.end().await;
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
    assert_eq!((connections.open(), connections.events()["cut"]), (0, 0));
}

#[tokio::test]
async fn what_does_not_end_is_cut() {
    let grace = Duration::from_millis(300);
    let stage = Stage::new(Limits { grace, ..Limits::default() }).await;
    let mut stuck = stage.connect().await;
    stuck.say("GET /never HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let in_flight = "sysmaint_http_requests_in_flight{service=\"stage\"} 1";
    eventually("the request to be running", || stage.metrics.text().contains(in_flight)).await;
    let (began, connections) = (Instant::now(), stage.connections.clone());
    stage.end().await;
    assert!(began.elapsed() >= grace);
    assert_eq!((connections.open(), connections.events()["cut"]), (0, 1));
    assert_eq!(stuck.rest().await, "");
}
