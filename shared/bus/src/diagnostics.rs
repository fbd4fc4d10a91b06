//! How the broker is doing, in numbers.

use std::time::Instant;

use async_nats::HeaderMap;
use serde::{Deserialize, Serialize};

use crate::{
    Bus,
    request::{ApiFailed, RequestFailed},
    streams::StreamTable,
};

/// The state of the broker as this connection sees it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Diagnostics {
    /// The server's name.
    pub server: String,
    /// Its version.
    pub version: String,
    /// Whether the connection stands.
    pub connected: bool,
    /// One question and its answer, in milliseconds.
    pub round_trip_ms: f64,
    /// Every stream that sysmaint keeps.
    pub streams: Vec<StreamDiagnostics>,
}

/// One stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StreamDiagnostics {
    /// Its name.
    pub name: String,
    /// What it holds,
    pub messages: u64,
    /// in bytes,
    pub bytes: u64,
    /// of at most; absent if unlimited.
    pub max_bytes: Option<u64>,
    /// Who reads it.
    pub consumers: u64,
    /// Its copies.
    pub replicas: u64,
}

/// What a confirmed message survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EffectiveDurability {
    /// A power cut: every write reaches the disk before it is confirmed.
    Power,
    /// The end of the server's process; a power cut may take what was confirmed last.
    Process,
    /// The server does not say.
    Unknown,
}

/// The broker cannot be asked.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the broker's state: {0}")]
pub struct DiagnosticsError(pub String);

impl Bus {
    /// Asks for the state of all streams. Needs the relay's permissions.
    pub async fn diagnostics(&self) -> Result<Diagnostics, DiagnosticsError> {
        let asked = Instant::now();
        let _account: serde_json::Value = self.api("INFO", &serde_json::json!({})).await?;
        let round_trip_ms = asked.elapsed().as_secs_f64() * 1000.0;
        let mut streams = Vec::new();
        for name in StreamTable::names(self.shards) {
            let what = format!("STREAM.INFO.{name}");
            let info: StreamInfo = self.api(&what, &serde_json::json!({})).await?;
            streams.push(info.into_diagnostics(name));
        }
        let server = self.client.server_info();
        Ok(Diagnostics {
            server: server.server_name,
            version: server.version,
            connected: self.is_connected(),
            round_trip_ms,
            streams,
        })
    }

    /// Reads back what the servers do with their disks: the weakest of a cluster's. This
    /// connection must be one to the system account ([`Role::System`](crate::Role::System)).
    pub async fn durability(&self) -> Result<EffectiveDurability, DiagnosticsError> {
        let servers = self.durability_by_server().await?;
        let weakest = servers.into_iter().map(|(_, durability)| durability).max();
        Ok(weakest.unwrap_or(EffectiveDurability::Unknown))
    }

    /// The same for each server that answers, by its name.
    pub async fn durability_by_server(
        &self,
    ) -> Result<Vec<(String, EffectiveDurability)>, DiagnosticsError> {
        let answers = self.ask_servers("JSZ", b"{}".to_vec()).await?;
        answers
            .iter()
            .map(|answer| {
                let state: JetStreamState = serde_json::from_slice(&answer.payload)
                    .map_err(|error| DiagnosticsError(error.to_string()))?;
                Ok((state.server.name, state.data.durability()))
            })
            .collect()
    }

    /// What the server itself finds wrong with its streams; empty if nothing. A stream whose disk
    /// was full stays closed to writing, also once there is room, until the server is restarted.
    /// This connection must be one to the system account.
    pub async fn failed_streams(&self) -> Result<Vec<FailedStream>, DiagnosticsError> {
        let subject = "$SYS.REQ.SERVER.PING.HEALTHZ";
        let question = br#"{"details":true}"#.to_vec();
        let answer = self.request(subject, HeaderMap::new(), question).await?;
        let answer: HealthState = serde_json::from_slice(&answer.payload)
            .map_err(|error| DiagnosticsError(error.to_string()))?;
        let streams = answer.data.errors.into_iter();
        Ok(streams.filter(|error| !error.name.is_empty()).collect())
    }
}

/// A stream that does not work, in the server's words.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct FailedStream {
    /// Its name.
    #[serde(default, rename = "stream")]
    pub name: String,
    /// What is wrong with it.
    #[serde(default, rename = "error")]
    pub reason: String,
}

impl FailedStream {
    /// Whether a write failed.
    pub fn is_closed_to_writing(&self) -> bool {
        self.reason.contains("write error")
    }
}

#[derive(Deserialize)]
struct HealthState {
    data: HealthData,
}

/// `errors` is left out where there are none.
#[derive(Deserialize)]
struct HealthData {
    #[serde(default)]
    errors: Vec<FailedStream>,
}

#[derive(Deserialize)]
struct StreamInfo {
    config: StreamConfig,
    state: StreamState,
}

#[derive(Deserialize)]
struct StreamConfig {
    max_bytes: i64,
    num_replicas: u64,
}

#[derive(Deserialize)]
struct StreamState {
    messages: u64,
    bytes: u64,
    consumer_count: u64,
}

impl StreamInfo {
    fn into_diagnostics(self, name: String) -> StreamDiagnostics {
        StreamDiagnostics {
            name,
            messages: self.state.messages,
            bytes: self.state.bytes,
            max_bytes: u64::try_from(self.config.max_bytes).ok().filter(|bytes| *bytes > 0),
            consumers: self.state.consumer_count,
            replicas: self.config.num_replicas,
        }
    }
}

#[derive(Deserialize)]
struct JetStreamState {
    server: ServerName,
    data: JetStreamData,
}

#[derive(Deserialize)]
struct ServerName {
    name: String,
}

#[derive(Deserialize)]
struct JetStreamData {
    config: Option<Disk>,
}

impl JetStreamData {
    fn durability(&self) -> EffectiveDurability {
        match self.config {
            Some(Disk { sync_always: true, .. }) => EffectiveDurability::Power,
            Some(Disk { sync_interval: Some(_), .. }) => EffectiveDurability::Process,
            Some(Disk { sync_interval: None, .. }) | None => EffectiveDurability::Unknown,
        }
    }
}

/// `sync_always` is left out where it is false.
#[derive(Deserialize)]
struct Disk {
    #[serde(default)]
    sync_always: bool,
    sync_interval: Option<u64>,
}

impl From<RequestFailed> for DiagnosticsError {
    fn from(error: RequestFailed) -> Self {
        Self(error.to_string())
    }
}

impl From<ApiFailed> for DiagnosticsError {
    fn from(error: ApiFailed) -> Self {
        Self(error.to_string())
    }
}
