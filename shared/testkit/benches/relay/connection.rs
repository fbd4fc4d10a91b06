//! One kept HTTP connection, with as little between the bytes and the clock as can be.

use std::{io, net::SocketAddr};

use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

pub(crate) struct Connection {
    stream: TcpStream,
    address: SocketAddr,
    received: Vec<u8>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        Self::try_open(address).await.unwrap()
    }

    pub(crate) async fn try_open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, address, received: Vec::with_capacity(4096) })
    }

    pub(crate) async fn get(&mut self, path: &str, token: &str) -> Answer {
        self.exchange(&request("GET", path, token, "", &[])).await.unwrap()
    }

    pub(crate) async fn post<A: DeserializeOwned>(
        &mut self,
        path: &str,
        token: &str,
        body: &impl Serialize,
    ) -> A {
        let body = serde_json::to_vec(body).unwrap();
        let answer = self.exchange(&request("POST", path, token, "", &body)).await.unwrap();
        assert!(answer.status < 300, "{}", String::from_utf8_lossy(&answer.body));
        serde_json::from_slice(&answer.body).unwrap()
    }

    /// Sends a request and reads its answer. A connection that the relay has closed is opened
    /// again once.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> io::Result<Answer> {
        match self.try_exchange(request).await {
            Ok(answer) => Ok(answer),
            Err(_closed) => {
                *self = Self::try_open(self.address).await?;
                self.try_exchange(request).await
            }
        }
    }

    async fn try_exchange(&mut self, request: &[u8]) -> io::Result<Answer> {
        self.stream.write_all(request).await?;
        self.received.clear();
        let head = loop {
            if let Some(end) = self.received.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            self.read().await?;
        };
        let (status, length) = parse(&self.received[..head]);
        while self.received.len() < head + length {
            self.read().await?;
        }
        Ok(Answer { status, body: self.received[head..head + length].to_vec() })
    }

    async fn read(&mut self) -> io::Result<()> {
        if self.stream.read_buf(&mut self.received).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}

/// The bytes of a request, made before the clock runs.
pub(crate) fn request(
    method: &str,
    path: &str,
    token: &str,
    more_headers: &str,
    body: &[u8],
) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\
         {more_headers}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// Status and length of the body.
fn parse(head: &[u8]) -> (u16, usize) {
    let head = std::str::from_utf8(head).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().unwrap())
    });
    (status, length.unwrap_or(0))
}
