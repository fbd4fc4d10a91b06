//! A device that only has a mailbox: registered, with a token, and a socket when it wants one.

use futures_util::{SinkExt as _, StreamExt as _};
use sysmaint_device::{Device, store::Memory};
use sysmaint_protocol::{
    DeviceId,
    rest::{Challenge, ChallengeRequest, Registered, Transport, TrustRoot},
    websocket::{ClientFrame, SUBPROTOCOL, ServerFrame},
};
use sysmaint_tests::Web;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{Message, client::IntoClientRequest as _, protocol::WebSocketConfig},
};

/// A registered device.
pub(crate) struct Client {
    pub(crate) handle: String,
    pub(crate) registration_id: u32,
    token: String,
    port: u16,
}

/// Its open connection.
pub(crate) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    pub(crate) async fn register(relay: &Web, root: &TrustRoot, handle: &str) -> Self {
        let (mut store, rng) = (Memory::default(), &mut rand::rng());
        let name = handle.parse().unwrap();
        let first = DeviceId::FIRST;
        let device = Device::open(&mut store, rng, &name, first, &root.trust_root.0).unwrap();
        let request = ChallengeRequest { identity: name, device_id: first };
        let request = serde_json::to_value(request).unwrap();
        let (status, answer) = relay.post("/v1/register/challenge", &request).await.unwrap();
        assert_eq!(status, 200, "{answer}");
        let challenge: Challenge = serde_json::from_value(answer).unwrap();
        let request =
            device.registration(&mut rand::rng(), &challenge, Transport::Relay, None).unwrap();
        let registration_id = request.registration_id;
        let request = serde_json::to_value(request).unwrap();
        let (status, answer) = relay.post("/v1/register", &request).await.unwrap();
        assert_eq!(status, 201, "{answer}");
        let answer: Registered = serde_json::from_value(answer).unwrap();
        let token = answer.token.unwrap();
        Self { handle: handle.to_owned(), registration_id, token, port: relay.port() }
    }

    pub(crate) async fn open(&self) -> Socket {
        let url = format!("ws://127.0.0.1:{}/ws?client_id={}", self.port, self.handle);
        let mut request = url.into_client_request().unwrap();
        let headers = request.headers_mut();
        headers.insert("authorization", format!("Bearer {}", self.token).parse().unwrap());
        headers.insert("sec-websocket-protocol", SUBPROTOCOL.parse().unwrap());
        // Ten thousand of the usual 128 KiB would fill this process, not the bridge.
        let small = WebSocketConfig::default().read_buffer_size(4096).write_buffer_size(0);
        let (socket, _) = connect_async_with_config(request, Some(small), true).await.unwrap();
        Socket(socket)
    }
}

impl Socket {
    pub(crate) async fn send(&mut self, frame: &ClientFrame) {
        let text = serde_json::to_string(frame).unwrap();
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// The next frame; pings are answered on the way.
    pub(crate) async fn next(&mut self) -> ServerFrame {
        loop {
            match self.0.next().await.unwrap().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Takes so many deliveries out of the mailbox; returns their numbers once the broker has
    /// forgotten them.
    pub(crate) async fn take(&mut self, count: usize) -> Vec<u64> {
        let mut taken = Vec::new();
        let mut acked = 0;
        while acked < count {
            match self.next().await {
                ServerFrame::Deliver { seq, .. } => {
                    taken.push(seq);
                    if taken.len() == count {
                        self.send(&ClientFrame::Ack { seq: taken.clone() }).await;
                    }
                }
                ServerFrame::Acked { seq } => acked += seq.len(),
                other => panic!("{other:?}"),
            }
        }
        taken
    }
}
