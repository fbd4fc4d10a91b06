//! A server that answers every request with the same bytes, whatever they are worth.

use std::sync::Arc;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::AbortHandle,
};

/// It ends with the test.
pub(crate) struct Scripted {
    pub(crate) base_url: String,
    serving: AbortHandle,
}

/// What is answered.
enum Answer {
    /// These bytes, and then the connection ends.
    Once(Vec<u8>),
    /// The first bytes once, and the second for ever.
    Endless(Vec<u8>, Vec<u8>),
}

const EVENTS: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";

impl Scripted {
    /// Each text as an event, and `[DONE]`.
    pub(crate) async fn stream(events: &[&str]) -> Self {
        let events: String = events.iter().flat_map(|event| ["data: ", event, "\n\n"]).collect();
        Self::start(Answer::Once(format!("{EVENTS}{events}data: [DONE]\n\n").into_bytes())).await
    }

    /// An answer that is not streamed.
    pub(crate) async fn whole(json: &str) -> Self {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
        let answer = format!("{head}Content-Length: {}\r\n\r\n{json}", json.len());
        Self::start(Answer::Once(answer.into_bytes())).await
    }

    /// The same event for ever.
    pub(crate) async fn endless(event: &str) -> Self {
        let events = format!("data: {event}\n\n").repeat(100).into_bytes();
        Self::start(Answer::Endless(EVENTS.into(), events)).await
    }

    /// One event that never ends.
    pub(crate) async fn endless_line() -> Self {
        let first = format!("{EVENTS}data: ").into_bytes();
        Self::start(Answer::Endless(first, vec![b'x'; 8_192])).await
    }

    async fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
        let answer = Arc::new(answer);
        let serving = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, Arc::clone(&answer)));
            }
        });
        Self { base_url, serving: serving.abort_handle() }
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(mut stream: TcpStream, answer: Arc<Answer>) {
    read_request(&mut stream).await;
    match &*answer {
        Answer::Once(bytes) => {
            let _ = stream.write_all(bytes).await;
        }
        Answer::Endless(first, rest) => {
            let mut written = stream.write_all(first).await;
            while written.is_ok() {
                written = stream.write_all(rest).await;
            }
        }
    }
}

/// Head and body, so that closing the connection loses nothing.
async fn read_request(stream: &mut TcpStream) {
    let mut bytes = Vec::new();
    while !is_whole(&bytes) {
        let mut buffer = [0; 4_096];
        let count = stream.read(&mut buffer).await.unwrap_or(0);
        if count == 0 {
            return;
        }
        bytes.extend_from_slice(&buffer[..count]);
    }
}

fn is_whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    body.len() >= length.unwrap_or(0)
}
