//! A language model that always says the same, behind OpenAI's Chat Completions.

use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// It listens until it is dropped.
#[derive(Debug)]
pub struct FixedModel {
    url: String,
    task: JoinHandle<()>,
}

impl FixedModel {
    /// Starts one that says `reply`.
    pub async fn start(reply: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let completion = json!({
            "id": "fixed", "object": "chat.completion", "created": 1, "model": "fixed",
            "choices": [{
                "index": 0, "finish_reason": "stop",
                "message": { "role": "assistant", "content": reply },
            }],
            "usage": { "prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2 },
        });
        let body = completion.to_string();
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, answer.clone()));
            }
        });
        Self { url, task }
    }

    /// For `OPENAI_BASE_URL`.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for FixedModel {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(stream: TcpStream, answer: String) {
    let mut stream = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        let line = line.trim().to_lowercase();
        if let Some(bytes) = line.strip_prefix("content-length:") {
            length = bytes.trim().parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    let mut question = vec![0; length];
    stream.read_exact(&mut question).await.unwrap();
    // Who asked may be gone.
    let _ = stream.write_all(answer.as_bytes()).await;
}
