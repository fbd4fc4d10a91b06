//! The relay's clients against a scripted relay that does what no good relay does.

use std::{sync::Arc, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use sysmaint_bus::{
    Deliveries, Directory as _, DirectoryError, Mailbox as _, PublishError, RelayClient,
    RelayClientConfig, RelayDirectory, RelayMailbox,
};
use sysmaint_protocol::{
    Timestamp, TransferId,
    rest::Problem,
    websocket::{ClientFrame, CloseReason, SUBPROTOCOL, ServerFrame},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async,
    tungstenite::{
        Message,
        handshake::server::{ErrorResponse, Request, Response},
    },
};

use crate::site::{PATIENCE, envelope, mailbox, sealed};

struct Relay {
    listener: TcpListener,
}

/// The relay's end of one connection.
struct Line(WebSocketStream<TcpStream>);

impl Relay {
    async fn new() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    fn url(&self) -> String {
        format!("http://{}", self.listener.local_addr().unwrap())
    }

    fn client(&self) -> RelayClient {
        client(&[&self.url()])
    }

    /// The next connection, which must show this token.
    async fn accept(&self, token: &str) -> Line {
        let (stream, _) = timeout(PATIENCE, self.listener.accept()).await.unwrap().unwrap();
        let wanted = format!("Bearer {token}");
        #[expect(clippy::result_large_err, reason = "the library's own type")]
        let check =
            |request: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
                assert_eq!(request.uri().query(), Some("client_id=alice.1"));
                assert_eq!(request.headers()["authorization"], wanted);
                let protocol = SUBPROTOCOL.parse().unwrap();
                response.headers_mut().insert("sec-websocket-protocol", protocol);
                Ok(response)
            };
        Line(accept_hdr_async(stream, check).await.unwrap())
    }

    /// Answers the next request with a few bytes of HTTP, and returns what was asked.
    async fn answer(&self, status: &str, body: &str) -> String {
        let (mut stream, _) = timeout(PATIENCE, self.listener.accept()).await.unwrap().unwrap();
        let mut asked = vec![0; 64 * 1024];
        let count = stream.read(&mut asked).await.unwrap();
        asked.truncate(count);
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-length: {}\r\nlocation: http://127.0.0.1:1/\r\n\
             connection: close\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8(asked).unwrap()
    }
}

impl Line {
    async fn say(&mut self, frame: &ServerFrame) {
        let text = serde_json::to_string(frame).unwrap();
        self.0.send(Message::text(text)).await.unwrap();
    }

    async fn deliver(&mut self, seq: u64) {
        let number = u32::try_from(seq).unwrap();
        let (id, envelope) = (Some(TransferId::from_bytes([9; 16])), envelope(number).into());
        let stored_at = Timestamp::from_millis(seq);
        self.say(&ServerFrame::Deliver { seq, id, stored_at, envelope }).await;
    }

    async fn heard(&mut self) -> ClientFrame {
        loop {
            let message = timeout(PATIENCE, self.0.next()).await.unwrap().unwrap().unwrap();
            if let Message::Text(text) = message {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    /// The id of the next envelope.
    async fn sent(&mut self) -> TransferId {
        match self.heard().await {
            ClientFrame::Send(outgoing) => outgoing.id,
            ClientFrame::Ack { seq } => panic!("an acknowledgement of {seq:?}"),
        }
    }
}

fn client(urls: &[&str]) -> RelayClient {
    let urls = urls.iter().map(|url| url.parse().unwrap()).collect();
    RelayClient::new(RelayClientConfig { urls, ca_file: None, code: None }).unwrap()
}

async fn connected(relay: &Relay) -> (RelayMailbox, Line) {
    let client = relay.client();
    RelayDirectory::new(client.clone()).authorize(Some("token"));
    let alice = RelayMailbox::start(client, mailbox("alice"));
    (alice, relay.accept("token").await)
}

async fn next(deliveries: &mut Box<dyn Deliveries>) -> sysmaint_bus::Delivery {
    timeout(PATIENCE, deliveries.next(1)).await.unwrap().unwrap().remove(0)
}

fn problem(status: u16) -> Problem {
    let text = |text: &str| text.to_owned();
    Problem { kind: text("urn:x"), title: text("no"), status, detail: text("because") }
}

#[tokio::test]
async fn an_envelope_is_published_when_the_relay_says_so_and_not_before() {
    let relay = Relay::new().await;
    let (alice, mut line) = connected(&relay).await;
    let envelope = sealed("bob", 1);
    let mut publish = Box::pin(alice.publish(&envelope));
    let id = tokio::select! {
        id = line.sent() => id,
        outcome = &mut publish => panic!("{outcome:?} before an answer"),
    };
    assert_eq!(id, envelope.transfer_id());
    line.say(&ServerFrame::Sent { id }).await;
    publish.await.unwrap();
}

#[tokio::test]
async fn each_refusal_says_what_to_do_next() {
    let relay = Relay::new().await;
    let (alice, mut line) = connected(&relay).await;
    let envelope = sealed("bob", 1);
    let mut refused = async |status, retry_after_s| {
        let answer = async {
            let id = Some(line.sent().await);
            line.say(&ServerFrame::Error { id, retry_after_s, problem: problem(status) }).await;
        };
        tokio::join!(alice.publish(&envelope), answer).0.unwrap_err()
    };
    assert!(matches!(refused(507, None).await, PublishError::MailboxFull));
    let throttled = refused(429, Some(7)).await;
    assert!(matches!(throttled, PublishError::Throttled(pause) if pause.as_secs() == 7));
    assert!(matches!(refused(503, None).await, PublishError::Unconfirmed(_)));
    assert!(matches!(refused(422, None).await, PublishError::Refused(_)));
}

#[tokio::test]
async fn a_connection_that_breaks_amid_a_send_leaves_it_unconfirmed_and_the_next_one_takes_it() {
    let relay = Relay::new().await;
    let (alice, mut line) = connected(&relay).await;
    let envelope = sealed("bob", 1);
    let cut = async {
        let id = line.sent().await;
        drop(line);
        id
    };
    let (outcome, first) = tokio::join!(alice.publish(&envelope), cut);
    assert!(matches!(outcome, Err(PublishError::Unconfirmed(_))), "{outcome:?}");

    let again = async {
        let mut line = relay.accept("token").await;
        let id = line.sent().await;
        line.say(&ServerFrame::Sent { id }).await;
        // Open until the answer was read.
        (id, line)
    };
    let (outcome, (second, _line)) = tokio::join!(alice.publish(&envelope), again);
    outcome.unwrap();
    assert_eq!(first, second);
}

#[tokio::test]
async fn an_acknowledgement_is_done_when_the_relay_confirms_it() {
    let relay = Relay::new().await;
    let (alice, mut line) = connected(&relay).await;
    let mut deliveries = alice.open(&mailbox("alice")).await.unwrap();
    line.deliver(4).await;
    let delivery = next(&mut deliveries).await;
    assert_eq!(delivery.bytes, envelope(4));
    assert_eq!(delivery.stored_at, Timestamp::from_millis(4));
    let mut acknowledge = Box::pin(delivery.acknowledgement.acknowledge());
    let frame = tokio::select! {
        frame = line.heard() => frame,
        outcome = &mut acknowledge => panic!("{outcome:?} before an answer"),
    };
    assert_eq!(frame, ClientFrame::Ack { seq: vec![4] });
    line.say(&ServerFrame::Acked { seq: vec![4] }).await;
    acknowledge.await.unwrap();
    assert!(alice.open(&mailbox("bob")).await.is_err(), "another's mailbox");
}

#[tokio::test]
async fn what_was_not_acknowledged_comes_again_over_the_next_connection() {
    let relay = Relay::new().await;
    let (alice, mut line) = connected(&relay).await;
    let mut deliveries = alice.open(&mailbox("alice")).await.unwrap();
    line.deliver(1).await;
    line.deliver(2).await;
    let stale = next(&mut deliveries).await;
    drop(line);
    let mut line = relay.accept("token").await;
    stale.acknowledgement.acknowledge().await.unwrap_err();
    for seq in [1, 1, 2] {
        line.deliver(seq).await;
    }
    // The second of the old connection is not handed out beside the new ones.
    let mut came = Vec::new();
    while came.len() < 3 {
        came.push(next(&mut deliveries).await.stored_at.as_millis());
    }
    assert_eq!(came, [1, 1, 2]);
}

#[tokio::test]
async fn garbage_ends_the_connection_and_not_the_client() {
    let relay = Relay::new().await;
    let (alice, mut line) = connected(&relay).await;
    let mut deliveries = alice.open(&mailbox("alice")).await.unwrap();
    let too_long = "x".repeat(1024 * 1024);
    for garbage in ["{", r#"{"type":"deliver","seq":-1}"#, "null", &too_long] {
        // The client may hang up while it is still being written.
        let _ = line.0.send(Message::text(garbage)).await;
        line = relay.accept("token").await;
    }
    line.deliver(7).await;
    assert_eq!(next(&mut deliveries).await.bytes, envelope(7));
}

#[tokio::test]
async fn more_than_the_window_ends_the_connection() {
    let relay = Relay::new().await;
    let (_alice, mut line) = connected(&relay).await;
    for seq in 0..300 {
        let number = u32::try_from(seq).unwrap();
        let stored_at = Timestamp::default();
        let envelope = envelope(number).into();
        let frame = ServerFrame::Deliver { seq, id: None, stored_at, envelope };
        let text = serde_json::to_string(&frame).unwrap();
        if line.0.send(Message::text(text)).await.is_err() {
            break;
        }
    }
    relay.accept("token").await;
}

#[tokio::test]
async fn whoever_was_replaced_stands_by() {
    let relay = Relay::new().await;
    let (alice, mut line) = connected(&relay).await;
    let mut stands_by = alice.open(&mailbox("alice")).await.unwrap().stands_by();
    line.say(&ServerFrame::Closed { reason: CloseReason::Replaced }).await;
    timeout(PATIENCE, stands_by.wait_for(|stands_by| *stands_by)).await.unwrap().unwrap();
    let soon = timeout(Duration::from_secs(3), relay.listener.accept()).await;
    assert!(soon.is_err(), "it came back at once");
    relay.accept("token").await;
    timeout(PATIENCE, stands_by.wait_for(|stands_by| !*stands_by)).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_revoked_token_is_not_shown_again_and_a_new_one_is() {
    let relay = Relay::new().await;
    let client = relay.client();
    let directory = RelayDirectory::new(client.clone());
    directory.authorize(Some("old"));
    let _alice = RelayMailbox::start(client, mailbox("alice"));
    let mut line = relay.accept("old").await;
    line.say(&ServerFrame::Closed { reason: CloseReason::Revoked }).await;
    timeout(PATIENCE, directory.unauthorized()).await.unwrap();
    // Without a token nobody is asked.
    let refused = directory.prekey_stock(&mailbox("alice")).await.unwrap_err();
    assert!(refused.is_unauthenticated(), "{refused}");
    directory.authorize(Some("new"));
    relay.accept("new").await;
}

#[tokio::test]
async fn a_bridge_that_is_away_is_passed_over() {
    let relay = Relay::new().await;
    let away = Relay::new().await.url();
    let client = client(&[&away, &relay.url()]);
    let directory = RelayDirectory::new(client.clone());
    directory.authorize(Some("token"));
    let count = r#"{"one_time_prekeys":3,"one_time_kyber_prekeys":4}"#;
    let own = mailbox("alice");
    let (held, asked) = tokio::join!(directory.prekey_stock(&own), relay.answer("200 OK", count));
    assert_eq!(held.unwrap().count.one_time_prekeys, 3);
    assert!(asked.to_lowercase().contains("authorization: bearer token"), "{asked}");
    let _alice = RelayMailbox::start(client, mailbox("alice"));
    relay.accept("token").await;
}

#[tokio::test]
async fn answers_that_make_no_sense_are_errors_that_say_so() {
    let relay = Relay::new().await;
    let directory = Arc::new(RelayDirectory::new(relay.client()));
    directory.authorize(Some("token"));
    let own = mailbox("alice");
    let ask = async |status, body| {
        tokio::join!(directory.prekey_stock(&own), relay.answer(status, body)).0.unwrap_err()
    };
    assert!(matches!(ask("200 OK", "hello").await, DirectoryError::Malformed(_)));
    let redirected = ask("302 Found", "").await.to_string();
    assert!(redirected.contains("redirects are not followed"), "{redirected}");
    assert!(matches!(ask("502 Bad Gateway", "<p>").await, DirectoryError::Unreachable(_)));
    let long = "x".repeat(600 * 1024);
    assert!(matches!(ask("200 OK", &long).await, DirectoryError::Unreachable(_)));
    let known = r#"{"type":"urn:sysmaint:unauthenticated","title":"t","status":401,"detail":"d"}"#;
    assert!(ask("401 Unauthorized", known).await.is_unauthenticated());
    timeout(PATIENCE, directory.unauthorized()).await.unwrap();
}
