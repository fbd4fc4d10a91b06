//! A client of the relay's WebSocket.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use sysmaint_protocol::{
    Base64Bytes, TransferId,
    websocket::{ClientFrame, CloseReason, Outgoing, SUBPROTOCOL, ServerFrame, TOKEN_SUBPROTOCOL},
};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{
        Error, Message,
        client::IntoClientRequest as _,
        handshake::client::{Request, Response},
        http::HeaderValue,
    },
};

use crate::stage::PATIENCE;

pub struct Client {
    pub stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

/// One delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    pub seq: u64,
    pub id: Option<TransferId>,
    pub envelope: Vec<u8>,
}

pub fn request(url: &str, client_id: &str) -> Request {
    let url = url.replacen("http", "ws", 1);
    format!("{url}/ws?client_id={client_id}").into_client_request().unwrap()
}

pub fn with_token(url: &str, client_id: &str, token: &str) -> Request {
    let mut request = request(url, client_id);
    let value = format!("Bearer {token}").parse().unwrap();
    request.headers_mut().insert("authorization", value);
    request
}

pub fn as_browser(url: &str, client_id: &str, token: &str) -> Request {
    let mut request = request(url, client_id);
    let offered = format!("{SUBPROTOCOL}, {TOKEN_SUBPROTOCOL}{token}");
    let value = HeaderValue::from_str(&offered).unwrap();
    request.headers_mut().insert("sec-websocket-protocol", value);
    request
}

/// The connection and the answer to its request.
pub async fn open(request: Request) -> (Client, Response) {
    let (stream, response) = connect_async(request).await.unwrap();
    (Client { stream }, response)
}

/// The status and the problem with which a request is turned away.
pub async fn refused(request: Request) -> (u16, String) {
    match connect_async(request).await {
        Err(Error::Http(response)) => {
            let body = response.body().clone().unwrap_or_default();
            let problem: Value = serde_json::from_slice(&body).unwrap_or_default();
            let kind = problem["type"].as_str().unwrap_or_default();
            (response.status().as_u16(), kind.replacen("urn:sysmaint:", "", 1))
        }
        other => panic!("not turned away: {other:?}"),
    }
}

impl Client {
    /// `None` if the relay cannot tell whose token it is, because its broker is away.
    pub async fn try_connect(url: &str, client_id: &str, token: &str) -> Option<Self> {
        match connect_async(with_token(url, client_id, token)).await {
            Ok((stream, _)) => Some(Self { stream }),
            Err(Error::Http(response)) if response.status() == 503 => None,
            Err(error) => panic!("{error}"),
        }
    }

    pub async fn connect(url: &str, client_id: &str, token: &str) -> Self {
        open(with_token(url, client_id, token)).await.0
    }

    /// The next frame; `None` once the connection has ended.
    pub async fn next(&mut self) -> Option<ServerFrame> {
        tokio::time::timeout(PATIENCE, self.next_patiently()).await.expect("waited for a frame")
    }

    async fn next_patiently(&mut self) -> Option<ServerFrame> {
        loop {
            match self.stream.next().await? {
                Ok(Message::Text(text)) => return Some(serde_json::from_str(&text).unwrap()),
                Ok(Message::Ping(_) | Message::Pong(_)) => {}
                Ok(_) | Err(_) => return None,
            }
        }
    }

    /// The next frame within a moment, if one comes.
    pub async fn next_within(&mut self, moment: Duration) -> Option<ServerFrame> {
        tokio::time::timeout(moment, self.next_patiently()).await.ok().flatten()
    }

    /// The next frame, which is a delivery.
    pub async fn delivery(&mut self) -> Delivered {
        match self.next().await {
            Some(ServerFrame::Deliver { seq, id, envelope, .. }) => {
                Delivered { seq, id, envelope: envelope.0 }
            }
            other => panic!("not a delivery: {other:?}"),
        }
    }

    pub async fn deliveries(&mut self, number: usize) -> Vec<Delivered> {
        let mut deliveries = Vec::with_capacity(number);
        for _ in 0..number {
            deliveries.push(self.delivery().await);
        }
        deliveries
    }

    /// Acknowledges, and waits until the relay has said of all that they are gone.
    pub async fn ack(&mut self, sequences: &[u64]) {
        self.say_ack(sequences).await;
        let mut left = sequences.to_vec();
        while !left.is_empty() {
            match self.next().await {
                Some(ServerFrame::Acked { seq }) => left.retain(|one| !seq.contains(one)),
                other => panic!("not acked: {other:?}"),
            }
        }
    }

    pub async fn say_ack(&mut self, sequences: &[u64]) {
        self.say(&ClientFrame::Ack { seq: sequences.to_vec() }).await;
    }

    pub async fn say(&mut self, frame: &ClientFrame) {
        self.text(serde_json::to_string(frame).unwrap()).await;
    }

    pub async fn text(&mut self, text: String) {
        self.stream.send(Message::text(text)).await.unwrap();
    }

    /// The problem of the error frame that comes next, without what all of them begin with.
    pub async fn problem(&mut self) -> (Option<TransferId>, String) {
        match self.next().await {
            Some(ServerFrame::Error { id, problem, .. }) => {
                (id, problem.kind.replacen("urn:sysmaint:", "", 1))
            }
            other => panic!("not an error: {other:?}"),
        }
    }

    /// Why the relay ends the connection, whatever comes before.
    pub async fn closed(&mut self) -> CloseReason {
        loop {
            match self.next().await {
                Some(ServerFrame::Closed { reason }) => {
                    assert_eq!(self.next().await, None, "closed is the last frame");
                    return reason;
                }
                Some(_) => {}
                None => panic!("ended without a word"),
            }
        }
    }
}

pub fn outgoing(to: &str, registration_id: u32, envelope: Vec<u8>) -> Outgoing {
    Outgoing {
        id: TransferId::from_bytes(rand::random()),
        to: to.parse().unwrap(),
        device_id: sysmaint_protocol::DeviceId::FIRST,
        registration_id,
        envelope: Base64Bytes(envelope),
    }
}

/// As a client in another language would write it.
pub fn as_json(outgoing: &Outgoing) -> Value {
    let mut json = json!({ "type": "send" });
    let fields = serde_json::to_value(outgoing).unwrap();
    json.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    json
}
