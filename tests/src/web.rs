//! The operator's side: the web server's API.

use std::time::Duration;

use serde_json::{Value, json};

/// A client of one web server.
#[derive(Clone, Debug)]
pub struct Web {
    client: reqwest::Client,
    base: String,
}

impl Web {
    /// At a port on loopback.
    pub fn new(port: u16) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().timeout(Duration::from_mins(1)).build().unwrap();
        Self { client, base: format!("http://127.0.0.1:{port}") }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.base.rsplit(':').next().unwrap().parse().unwrap()
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// GET; `None` while the server cannot be reached or says no.
    pub async fn get(&self, path: &str) -> Option<Value> {
        let response = self.client.get(self.url(path)).send().await.ok()?;
        if response.status().is_success() { response.json().await.ok() } else { None }
    }

    /// GET of what is not JSON.
    pub async fn text(&self, path: &str) -> Option<String> {
        let response = self.client.get(self.url(path)).send().await.ok()?;
        if response.status().is_success() { response.text().await.ok() } else { None }
    }

    /// POST; status and body, or `None` while the server cannot be reached.
    pub async fn post(&self, path: &str, body: &Value) -> Option<(u16, Value)> {
        let response = self.client.post(self.url(path)).json(body).send().await.ok()?;
        let status = response.status().as_u16();
        Some((status, response.json().await.unwrap_or(Value::Null)))
    }

    /// POST that does not wait for the outcome (`Prefer: respond-async`).
    pub async fn post_and_leave(&self, path: &str, body: &Value) -> Option<(u16, Value)> {
        let request = self.client.post(self.url(path)).header("prefer", "respond-async");
        let response = request.json(body).send().await.ok()?;
        let status = response.status().as_u16();
        Some((status, response.json().await.unwrap_or(Value::Null)))
    }

    /// Asks the agent and returns the whole answer; `None` if there is none in time.
    pub async fn ask(&self, prompt: &str) -> Option<Value> {
        let (status, body) = self.post("/api/chat", &json!({ "prompt": prompt })).await?;
        (status == 200).then_some(body)
    }

    /// Asks the agent without waiting for the answer; the prompt's id once it is kept.
    pub async fn ask_later(&self, prompt: &str) -> Option<String> {
        let request = self.client.post(self.url("/api/chat")).header("prefer", "respond-async");
        let response = request.json(&json!({ "prompt": prompt })).send().await.ok()?;
        let accepted = response.status().as_u16() == 202;
        let answer: Value = response.json().await.ok()?;
        if accepted { Some(answer["id"].as_str()?.to_owned()) } else { None }
    }

    /// Asks the agent and follows the answer to its end: each event's name and data.
    pub async fn follow(&self, prompt: &str) -> Option<Vec<(String, Value)>> {
        let request = self.client.post(self.url("/api/chat")).header("accept", "text/event-stream");
        let response = request.json(&json!({ "prompt": prompt })).send().await.ok()?;
        let text = response.text().await.ok()?;
        let lines: Vec<&str> = text.lines().collect();
        let event = |pair: &[&str]| {
            let name = pair[0].strip_prefix("event: ")?;
            let data = pair[1].strip_prefix("data: ")?;
            Some((name.to_owned(), serde_json::from_str(data).ok()?))
        };
        Some(lines.windows(2).filter_map(event).collect())
    }

    /// What the relay sees of the demo's mailboxes, from now on until `enough` of it was seen.
    pub async fn watch_wire(&self, enough: impl Fn(&str) -> bool) -> Option<String> {
        let mut response = self.client.get(self.url("/api/demo/wire")).send().await.ok()?;
        let mut seen = String::new();
        while !enough(&seen) {
            seen.push_str(&String::from_utf8_lossy(&response.chunk().await.ok()??));
        }
        Some(seen)
    }

    /// The documented current status.
    pub async fn status(&self) -> Option<Value> {
        self.get("/api/status/current").await
    }

    /// When the first host's newest sample was taken.
    pub async fn newest_sample(&self) -> Option<String> {
        let status = self.status().await?;
        Some(status["hosts"][0]["sample"]["taken_at"].as_str()?.to_owned())
    }

    /// Messages that alice and bob could not open.
    pub async fn dead_letters(&self) -> Option<u64> {
        self.get("/api/status/link").await?["dead_letters"].as_u64()
    }

    /// Envelopes of alice and bob that the broker has not taken yet.
    pub async fn outbox_waiting(&self) -> Option<u64> {
        self.get("/api/status/link").await?["outbox_waiting"].as_u64()
    }

    /// Sends a direct message; its id once it was accepted.
    pub async fn send(&self, from: &str, to: &str, text: &str) -> Option<String> {
        let body = json!({ "from": from, "to": to, "text": text });
        let (status, answer) = self.post("/api/e2ee/send", &body).await?;
        if status == 202 { Some(answer["id"].as_str()?.to_owned()) } else { None }
    }

    /// Everything that somebody has received, oldest first, as (id, text).
    pub async fn received(&self, who: &str) -> Option<Vec<(String, String)>> {
        let mut all = Vec::new();
        let mut cursor = "0".to_owned();
        loop {
            let page = self.get(&format!("/api/e2ee/pull?as={who}&after={cursor}")).await?;
            let messages = page["messages"].as_array()?;
            if messages.is_empty() {
                return Some(all);
            }
            for message in messages {
                let text = |key: &str| message[key].as_str().map(str::to_owned);
                all.push((text("id")?, text("text")?));
            }
            cursor = match &page["cursor"] {
                Value::String(text) => text.clone(),
                number => number.to_string(),
            };
        }
    }
}
