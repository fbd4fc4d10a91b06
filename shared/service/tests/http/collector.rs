//! A collector that remembers what it was sent, and enough of protobuf to read it.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, routing::post};
use sysmaint_service::{
    http_server::{HttpServer, Limits, Listener},
    metrics::Metrics,
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

/// What came, with its headers.
pub(crate) type Received = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

pub(crate) struct Collector {
    pub(crate) address: SocketAddr,
    pub(crate) received: Received,
    _running: AbortOnDropHandle<()>,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        let listener = Listener::bind((Ipv4Addr::LOCALHOST, 0).into(), None).await.unwrap();
        let (address, received) = (listener.local_addr().unwrap(), Received::default());
        let own = Metrics::start("collector", None).unwrap();
        let server = HttpServer::new("collector", listener, Limits::default(), &own);
        let router =
            Router::new().route("/base/v1/metrics", post(take)).with_state(Arc::clone(&received));
        let running = tokio::spawn(server.serve(router, CancellationToken::new()));
        Self { address, received, _running: AbortOnDropHandle::new(running) }
    }
}

async fn take(State(received): State<Received>, headers: HeaderMap, body: Bytes) {
    received.lock().unwrap().push((headers, body));
}

/// The length-delimited fields of this number in a protobuf message.
pub(crate) fn fields(mut message: &[u8], wanted: u64) -> Vec<&[u8]> {
    let mut found = Vec::new();
    while !message.is_empty() {
        let tag = varint(&mut message);
        match tag & 7 {
            0 => _ = varint(&mut message),
            1 => message = &message[8..],
            2 => {
                let length = usize::try_from(varint(&mut message)).unwrap();
                let (field, rest) = message.split_at(length);
                message = rest;
                if tag >> 3 == wanted {
                    found.push(field);
                }
            }
            5 => message = &message[4..],
            other => panic!("no wire type {other}"),
        }
    }
    found
}

fn varint(message: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = message.split_first().unwrap();
        *message = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    value
}
