//! A client that sends exactly what it is told, wrong requests included.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use crate::described;

/// Nothing in these tests takes longer than this.
const DEADLINE: Duration = Duration::from_mins(1);

/// A whole response.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Response {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// The body of an answer that came in chunks.
    pub fn unchunked(&self) -> Vec<u8> {
        assert_eq!(self.header("transfer-encoding"), Some("chunked"), "{}", self.head);
        let (mut rest, mut whole) = (self.body.as_slice(), Vec::new());
        loop {
            let end = rest.windows(2).position(|two| two == b"\r\n").unwrap();
            let size = std::str::from_utf8(&rest[..end]).unwrap();
            let size = usize::from_str_radix(size, 16).unwrap();
            if size == 0 {
                return whole;
            }
            whole.extend_from_slice(&rest[end + 2..end + 2 + size]);
            rest = &rest[end + 2 + size + 2..];
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    /// The body, which must be a problem of this status.
    pub fn problem(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        let problem = self.json();
        assert_eq!(problem["status"], status);
        for member in ["type", "title", "detail"] {
            assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{problem}");
        }
        problem
    }
}

/// A request line, its headers and a body. `Host` is the server's own unless given.
pub struct Request {
    line: String,
    headers: Vec<String>,
    body: Vec<u8>,
    source: Ipv4Addr,
}

impl Request {
    pub fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    pub fn new(method: &str, path: &str) -> Self {
        let line = format!("{method} {path} HTTP/1.1");
        Self { line, headers: Vec::new(), body: Vec::new(), source: Ipv4Addr::LOCALHOST }
    }

    /// A POST of JSON.
    pub fn post(path: &str, body: &Value) -> Self {
        Self::post_raw(path, body.to_string()).header("Content-Type", "application/json")
    }

    pub fn post_raw(path: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..Self::new("POST", path) }
    }

    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push(format!("{name}: {value}"));
        self
    }

    /// Sends it from another of loopback's addresses.
    #[must_use]
    pub fn sent_from(mut self, source: Ipv4Addr) -> Self {
        self.source = source;
        self
    }

    /// Sends it and reads the response to its end; one that is not described fails.
    pub async fn send(self, server: SocketAddr) -> Response {
        let line = self.line.clone();
        let mut stream = self.header("Connection", "close").open(server).await;
        let mut bytes = Vec::new();
        timeout(DEADLINE, stream.read_to_end(&mut bytes)).await.unwrap().unwrap();
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head[9..12].parse().unwrap();
        let response = Response { status, head, body: bytes[end + 4..].to_vec() };
        described::check(&line, &response);
        response
    }

    /// Sends it and leaves the response to be read as it comes.
    pub async fn stream(self, server: SocketAddr) -> Live {
        Live { stream: self.open(server).await, text: String::new() }
    }

    async fn open(mut self, server: SocketAddr) -> TcpStream {
        if !self.headers.iter().any(|header| header.starts_with("Host:")) {
            self.headers.push(format!("Host: {server}"));
        }
        if !self.body.is_empty() {
            self.headers.push(format!("Content-Length: {}", self.body.len()));
        }
        let head = format!("{}\r\n{}\r\n\r\n", self.line, self.headers.join("\r\n"));
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(self.source.into(), 0)).unwrap();
        let mut stream = socket.connect(server).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        // A server that refuses early may close before it has read all.
        let _ = stream.write_all(&self.body).await;
        stream
    }
}

/// A response that goes on.
pub struct Live {
    stream: TcpStream,
    text: String,
}

impl Live {
    /// Reads until the text holds `wanted`; all text so far.
    pub async fn until(&mut self, wanted: &str) -> &str {
        while !self.text.contains(wanted) {
            assert!(self.read().await, "ended without {wanted:?}: {}", self.text);
        }
        described::check_events(&self.text);
        &self.text
    }

    /// Reads until the server ends it; all text.
    pub async fn rest(mut self) -> String {
        while self.read().await {}
        described::check_events(&self.text);
        self.text
    }

    async fn read(&mut self) -> bool {
        let mut buffer = [0; 4096];
        let count = timeout(DEADLINE, self.stream.read(&mut buffer)).await.unwrap().unwrap();
        self.text.push_str(&String::from_utf8_lossy(&buffer[..count]));
        count > 0
    }
}
