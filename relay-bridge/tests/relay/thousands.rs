//! What many quiet connections cost. Run by hand:
//! `cargo test --release -p sysmaint-relay-bridge --test relay thousands -- --ignored --nocapture`

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

use futures_util::{StreamExt as _, stream};
use sha2::{Digest as _, Sha256};
use sysmaint_bus::{
    Registry,
    registry::{Identity, RegisteredDevice},
};
use sysmaint_protocol::{
    Base64Bytes, DeviceId, ServiceId, Timestamp, rest::Transport, subject::Mailbox,
};
use sysmaint_relay_bridge::{Config, SocketSettings};

use crate::{
    messages::shaped,
    stage::{Stage, eventually, mailbox},
};

/// Two descriptors each, and twenty thousand are usually allowed.
const CONNECTIONS: usize = 9_500;
const KIB_EACH: f64 = 25.0;

fn token(number: usize) -> String {
    hex::encode(Sha256::digest(format!("token {number}")))
}

fn device(number: usize) -> Mailbox {
    mailbox(&format!("device-{number}"))
}

/// As a registration leaves it.
async fn enroll(registry: &Registry, number: usize) {
    let own = device(number);
    let token_hash = hex::encode(Sha256::digest(token(number)));
    registry.put_token(&token_hash, &own).await.unwrap();
    let device = RegisteredDevice {
        device_id: DeviceId::FIRST,
        registration_id: 1,
        identity_key: Base64Bytes(Vec::new()),
        transport: Transport::Relay,
        token_hash,
        certificate: Base64Bytes(Vec::new()),
        admission: None,
        nats: None,
        registered_at: Timestamp::default(),
    };
    let service_id = ServiceId::from_bytes(rand::random());
    let identity =
        Identity { service_id, devices: vec![device], revoked: Vec::new(), awaited: Vec::new() };
    registry.create_identity(&own.handle, &identity).await.unwrap();
}

/// A client without buffers of its own: what memory grows by is the bridge's.
fn open(address: &str, number: usize) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    let (own, token) = (device(number), token(number));
    let request = format!(
        "GET /ws?client_id={own} HTTP/1.1\r\nHost: {address}\r\nConnection: upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let (mut answer, mut byte) = (Vec::new(), [0]);
    while !answer.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
    }
    assert!(answer.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&answer));
    stream
}

fn resident_kib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "opens thousands of connections; run by hand"]
async fn ten_thousand_quiet_connections_take_little_memory() {
    let hour = Duration::from_hours(1);
    let sockets = SocketSettings { ping_every: hour, ..SocketSettings::default() };
    let stage = Stage::with(Config { port: 0, sockets, ..Config::default() }).await;
    let bare = resident_kib();
    let registry = Registry::open(&stage.bus).await.unwrap();
    let enrolled = stream::iter(0..CONNECTIONS).map(|number| enroll(&registry, number));
    enrolled.buffer_unordered(64).collect::<Vec<()>>().await;

    let address = stage.url.replacen("http://", "", 1);
    let before = resident_kib();
    let began = Instant::now();
    let opening = tokio::task::spawn_blocking(move || {
        (0..CONNECTIONS).map(|number| open(&address, number)).collect::<Vec<_>>()
    });
    let mut clients = opening.await.unwrap();
    let opened = began.elapsed();
    eventually("all to be open", async || {
        stage.get("/diagnostics", None).await.json()["sockets"]["open"] == CONNECTIONS
    })
    .await;
    // So long that each has read its mailbox again without a reason.
    tokio::time::sleep(Duration::from_secs(35)).await;
    let number = f64::from(u32::try_from(CONNECTIONS).unwrap());
    let each = (resident_kib() - before) / number;
    // Counts what enrolling has left behind, too.
    let at_most = (resident_kib() - bare) / number;

    let asked = Instant::now();
    for (number, client) in clients.iter_mut().enumerate() {
        stage.put(&device(number), shaped(500)).await;
        let mut head = [0; 2];
        client.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        client.read_exact(&mut head).unwrap();
        assert_eq!(head[0], 0x81, "a text frame");
    }
    let delivery = asked.elapsed() / u32::try_from(CONNECTIONS).unwrap();
    eprintln!(
        "{CONNECTIONS} connections in {opened:?}, {each:.1} to {at_most:.1} KiB each; a delivery \
         to each in {delivery:?}, {:.1} KiB after it",
        (resident_kib() - bare) / number
    );
    let stopping = Instant::now();
    stage.end().await;
    eprintln!("all ended in {:?}", stopping.elapsed());
    assert!(at_most <= KIB_EACH, "{at_most} KiB");
}
