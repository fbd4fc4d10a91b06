//! WebSockets behind the listener.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use sysmaint_service::http_server::Limits;
use tokio::net::TcpStream;
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

use crate::stage::{Stage, eventually};

async fn open(stage: &Stage) -> WebSocketStream<TcpStream> {
    let stream = TcpStream::connect(stage.address).await.unwrap();
    client_async("ws://localhost/ws", stream).await.unwrap().0
}

#[tokio::test]
async fn a_socket_works_counts_as_a_connection_and_may_be_quiet() {
    let soon = Duration::from_millis(200);
    let limits = Limits { connections: 1, idle_time: soon, header_time: soon, ..Limits::default() };
    let stage = Stage::new(limits).await;
    let mut socket = open(&stage).await;
    // Longer than a connection may wait for its next request.
    tokio::time::sleep(soon * 3).await;
    socket.send(Message::text("hello")).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("hello"));
    assert_eq!((stage.connections.open(), stage.connections.sockets()), (1, 1));
    assert!(stage.connect().await.get("/").await.starts_with("HTTP/1.1 503"));
    drop(socket);
    eventually("its place to be free", || stage.connections.open() == 0).await;
    assert_eq!(stage.connections.sockets(), 0);
    stage.end().await;
}

#[tokio::test]
async fn a_socket_that_outlives_the_grace_is_cut() {
    let grace = Duration::from_millis(200);
    let stage = Stage::new(Limits { grace, ..Limits::default() }).await;
    let mut socket = open(&stage).await;
    socket.send(Message::text("hello")).await.unwrap();
    socket.next().await.unwrap().unwrap();
    let connections = stage.connections.clone();
    stage.end().await;
    assert_eq!(connections.events()["cut"], 1);
    assert_eq!((connections.open(), connections.sockets()), (0, 0));
    assert!(!matches!(socket.next().await, Some(Ok(_))));
}
