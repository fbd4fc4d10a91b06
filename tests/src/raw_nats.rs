//! A client of NATS's own protocol over TCP: sees every byte that passes, and sends any.
//!
//! It rests on nothing of ours, so that no filter of ours stands between a test and the wire.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use nkeys::KeyPair;
use serde_json::{Value, json};
use sysmaint_bus::BusConfig;
use sysmaint_protocol::{Base64Bytes, subject::Mailbox};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinHandle,
};

use crate::eventually_within;

const ANSWER_WITHIN: Duration = Duration::from_mins(1);

/// One connection.
#[derive(Debug)]
pub struct RawNats {
    writer: Arc<tokio::sync::Mutex<OwnedWriteHalf>>,
    seen: Arc<Mutex<Vec<Captured>>>,
    inbox: String,
    next: AtomicUsize,
    pongs: watch::Receiver<usize>,
    reader: JoinHandle<()>,
}

/// One message as it passed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captured {
    /// Where it went.
    pub subject: String,
    /// Where its answer is to go.
    pub reply: Option<String>,
    /// The header block, its status line included.
    pub headers: Vec<u8>,
    /// What it carried.
    pub payload: Vec<u8>,
}

impl Captured {
    /// The headers by name, in order.
    pub fn header_lines(&self) -> Vec<(String, String)> {
        let text = String::from_utf8(self.headers.clone()).unwrap();
        let lines = text.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect()
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<String> {
        let mut lines = self.header_lines().into_iter();
        lines.find_map(|(known, value)| (known == name).then_some(value))
    }

    /// Everything of it in one piece.
    pub fn bytes(&self) -> Vec<u8> {
        let reply = self.reply.as_deref().unwrap_or_default().as_bytes();
        [self.subject.as_bytes(), reply, &self.headers, &self.payload].join(&b'\n')
    }

    /// Its payload as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.payload).unwrap()
    }
}

impl RawNats {
    /// Logs in; an outage at the start is waited out.
    pub async fn connect(port: u16, user: &KeyPair) -> Self {
        let stream = eventually_within(ANSWER_WITHIN, "nats-server listens", async || {
            TcpStream::connect(("127.0.0.1", port)).await.ok()
        })
        .await;
        let (reader, mut writer) = stream.into_split();
        let mut reader = BufReader::new(reader);
        let mut greeting = String::new();
        reader.read_line(&mut greeting).await.unwrap();
        let info: Value =
            serde_json::from_str(greeting.strip_prefix("INFO ").unwrap().trim()).unwrap();
        let connect = json!({
            "verbose": false, "pedantic": false, "headers": true, "no_responders": true,
            "protocol": 1, "lang": "rust", "version": "0", "name": "onlooker",
            "nkey": user.public_key(), "sig": signature(user, info["nonce"].as_str().unwrap()),
        });
        writer.write_all(format!("CONNECT {connect}\r\n").as_bytes()).await.unwrap();
        let writer = Arc::new(tokio::sync::Mutex::new(writer));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (pong, pongs) = watch::channel(0);
        let reader = tokio::spawn(read(reader, Arc::clone(&writer), Arc::clone(&seen), pong));
        let inbox = format!("_INBOX.onlooker{}", rand::random::<u64>());
        let nats = Self { writer, seen, inbox, next: AtomicUsize::new(0), pongs, reader };
        nats.subscribe(&format!("{}.>", nats.inbox)).await;
        nats
    }

    /// Subscribes; returns once the server has taken it.
    pub async fn subscribe(&self, subjects: &str) {
        let number = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        self.write(format!("SUB {subjects} {number}\r\n").as_bytes()).await;
        self.flush().await;
    }

    /// Publishes anything anywhere.
    pub async fn publish(
        &self,
        subject: &str,
        reply: Option<&str>,
        headers: &[(&str, &str)],
        payload: &[u8],
    ) {
        let reply = reply.map_or_else(String::new, |reply| format!(" {reply}"));
        let mut block = String::new();
        if !headers.is_empty() {
            block = headers.iter().fold("NATS/1.0\r\n".to_owned(), |block, (name, value)| {
                block + &format!("{name}: {value}\r\n")
            }) + "\r\n";
        }
        let total = block.len() + payload.len();
        let line = if block.is_empty() {
            format!("PUB {subject}{reply} {total}\r\n")
        } else {
            format!("HPUB {subject}{reply} {} {total}\r\n", block.len())
        };
        self.write(&[line.as_bytes(), block.as_bytes(), payload, b"\r\n"].concat()).await;
    }

    /// Publishes and waits for the answer.
    pub async fn request(
        &self,
        subject: &str,
        headers: &[(&str, &str)],
        payload: &[u8],
    ) -> Captured {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let reply = format!("{}.{number}", self.inbox);
        let from = self.seen.lock().unwrap().len();
        self.publish(subject, Some(&reply), headers, payload).await;
        eventually_within(ANSWER_WITHIN, &format!("an answer to {subject}"), async || {
            self.seen.lock().unwrap()[from..].iter().find(|seen| seen.subject == reply).cloned()
        })
        .await
    }

    /// How many messages wait in a mailbox.
    pub async fn depth(&self, mailbox: &Mailbox) -> u64 {
        let stream = mailbox.stream(BusConfig::SHARDS);
        let question = json!({ "subjects_filter": mailbox.sealed() }).to_string();
        let subject = format!("$JS.API.STREAM.INFO.{stream}");
        let info = self.request(&subject, &[], question.as_bytes()).await.json();
        info["state"]["subjects"][mailbox.sealed()].as_u64().unwrap_or(0)
    }

    /// Everything that has passed so far.
    pub fn seen(&self) -> Vec<Captured> {
        self.seen.lock().unwrap().clone()
    }

    /// Returns once the server has worked on everything that was written.
    pub async fn flush(&self) {
        let mut pongs = self.pongs.clone();
        let wanted = *pongs.borrow_and_update() + 1;
        self.write(b"PING\r\n").await;
        let answered = pongs.wait_for(|pongs| *pongs >= wanted);
        tokio::time::timeout(ANSWER_WITHIN, answered).await.unwrap().unwrap();
    }

    async fn write(&self, bytes: &[u8]) {
        self.writer.lock().await.write_all(bytes).await.unwrap();
    }
}

impl Drop for RawNats {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// The server's nonce, signed: base64url without padding.
fn signature(user: &KeyPair, nonce: &str) -> String {
    let signed = user.sign(nonce.as_bytes()).unwrap();
    String::from(Base64Bytes(signed)).replace('+', "-").replace('/', "_").replace('=', "")
}

async fn read(
    mut reader: BufReader<OwnedReadHalf>,
    writer: Arc<tokio::sync::Mutex<OwnedWriteHalf>>,
    seen: Arc<Mutex<Vec<Captured>>>,
    pong: watch::Sender<usize>,
) {
    let mut line = String::new();
    loop {
        line.clear();
        if reader.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        let words: Vec<_> = line.split_whitespace().collect();
        match words.as_slice() {
            ["MSG", subject, _, reply @ .., total] => {
                let message = message(&mut reader, subject, reply, "0", total).await;
                seen.lock().unwrap().push(message);
            }
            ["HMSG", subject, _, reply @ .., headers, total] => {
                let message = message(&mut reader, subject, reply, headers, total).await;
                seen.lock().unwrap().push(message);
            }
            ["PING"] => writer.lock().await.write_all(b"PONG\r\n").await.unwrap(),
            ["PONG"] => pong.send_modify(|pongs| *pongs += 1),
            ["-ERR", ..] => panic!("nats-server says {line}"),
            _ => {}
        }
    }
}

async fn message(
    reader: &mut BufReader<OwnedReadHalf>,
    subject: &str,
    reply: &[&str],
    headers: &str,
    total: &str,
) -> Captured {
    let mut bytes = vec![0; total.parse::<usize>().unwrap() + 2];
    reader.read_exact(&mut bytes).await.unwrap();
    let mut payload = bytes.split_off(headers.parse().unwrap());
    payload.truncate(payload.len() - 2);
    Captured {
        subject: subject.to_owned(),
        reply: reply.first().map(|&reply| reply.to_owned()),
        headers: bytes,
        payload,
    }
}
