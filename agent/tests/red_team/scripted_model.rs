//! A server of Chat Completions that calls every tool once, then says what it is told to, and
//! remembers what it was asked.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use secrecy::SecretString;
use serde_json::{Value, json};
use sysmaint_agent::{
    model::{Model, ModelConfig},
    tools,
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// It listens until it is dropped.
pub(crate) struct ScriptedModel {
    url: String,
    requests: Arc<Mutex<Vec<Value>>>,
    task: JoinHandle<()>,
}

impl ScriptedModel {
    pub(crate) async fn start(says: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let requests = Arc::<Mutex<Vec<Value>>>::default();
        let (asked, says) = (Arc::clone(&requests), says.to_owned());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&asked), says.clone()));
            }
        });
        Self { url, requests, task }
    }

    /// The client of it.
    pub(crate) fn model(&self) -> Model {
        // The first test that gets here installs it for all.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let key = SecretString::from("sk-of-the-test".to_owned());
        Model::new(ModelConfig {
            base_url: Some(self.url.clone()),
            model: "scripted".to_owned(),
            deadline: Duration::from_mins(1),
            ..ModelConfig::new(key)
        })
        .unwrap()
    }

    /// The bodies that came in, oldest first.
    pub(crate) fn requests(&self) -> Vec<Value> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for ScriptedModel {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(stream: TcpStream, requests: Arc<Mutex<Vec<Value>>>, says: String) {
    let mut stream = BufReader::new(stream);
    let Some(request) = read(&mut stream).await else { return };
    let streamed = request["stream"] == true;
    let messages = request["messages"].as_array().unwrap().clone();
    requests.lock().unwrap().push(request);
    let answered = messages.iter().any(|message| message["role"] == "tool");
    let message = if answered { json!({ "role": "assistant", "content": says }) } else { calls() };
    let reason = if answered { "stop" } else { "tool_calls" };
    let (kind, body) = if streamed {
        ("text/event-stream", events(&message, reason))
    } else {
        ("application/json", completion("message", &message, &json!(reason)).to_string())
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    // Who asked may be gone.
    let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return None;
        }
        let line = line.trim().to_lowercase();
        if let Some(bytes) = line.strip_prefix("content-length:") {
            length = bytes.trim().parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(serde_json::from_slice(&body).unwrap())
}

/// A call of each tool, about all hosts.
fn calls() -> Value {
    let call = |(index, tool): (usize, &tools::Tool)| {
        json!({ "index": index, "id": format!("call_{index}"), "type": "function",
                "function": { "name": tool.name, "arguments": "{}" } })
    };
    let calls: Vec<_> = tools::ALL.iter().enumerate().map(call).collect();
    json!({ "role": "assistant", "content": null, "tool_calls": calls })
}

fn completion(part: &str, message: &Value, reason: &Value) -> Value {
    json!({
        "id": "scripted", "created": 1, "model": "scripted",
        "object": if part == "delta" { "chat.completion.chunk" } else { "chat.completion" },
        "choices": [{ "index": 0, "finish_reason": reason, part: message }],
        "usage": { "prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2 },
    })
}

/// The same as a stream, in two parts.
fn events(message: &Value, reason: &str) -> String {
    let whole = completion("delta", message, &Value::Null);
    let end = completion("delta", &json!({}), &json!(reason));
    format!("data: {whole}\n\ndata: {end}\n\ndata: [DONE]\n\n")
}
