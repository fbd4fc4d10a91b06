//! Pushing numbers to an OpenTelemetry collector, by protobuf over HTTP.

use std::{
    collections::HashMap,
    fmt,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{
    ExporterBuildError, MetricExporter, Protocol, RetryPolicy, WithExportConfig as _,
    WithHttpConfig as _,
};
use opentelemetry_sdk::metrics::{PeriodicReader, Temporality};
use reqwest::{Client, Url, redirect};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::runtime::Handle;

use crate::config::Reader;

/// How long a collector may take.
const TIME: Duration = Duration::from_secs(10);
/// Bytes of a collector's answer.
const ANSWER_MAX: usize = 64 * 1024;

/// Where numbers are pushed, and how often.
#[derive(Clone, Debug)]
pub struct OtlpConfig {
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`: `/v1/metrics` is added to it.
    pub endpoint: Url,
    /// `OTEL_EXPORTER_OTLP_HEADERS`: `name=value`, separated by commas; they may hold a token.
    pub headers: Option<SecretString>,
    /// `OTEL_METRIC_EXPORT_INTERVAL`.
    pub interval: Duration,
}

/// Numbers cannot be pushed.
#[derive(Debug, thiserror::Error)]
pub enum OtlpError {
    /// No HTTP client.
    #[error("there is no http client for OTEL_EXPORTER_OTLP_ENDPOINT")]
    Client(#[source] reqwest::Error),
    /// The library refuses.
    #[error("metrics cannot be pushed to OTEL_EXPORTER_OTLP_ENDPOINT")]
    Exporter(#[source] ExporterBuildError),
    /// The headers are not headers.
    #[error(
        "OTEL_EXPORTER_OTLP_HEADERS is not a list of headers: write name=value, with commas between"
    )]
    Headers,
}

impl OtlpConfig {
    /// Reads the settings; without an endpoint nothing is pushed.
    pub fn from_reader(reader: &mut Reader) -> Option<Self> {
        let endpoint: Option<Url> = reader.optional("OTEL_EXPORTER_OTLP_ENDPOINT");
        let headers = reader.secret("OTEL_EXPORTER_OTLP_HEADERS");
        let bounds = Duration::from_millis(100)..=Duration::from_hours(24);
        let default = Duration::from_mins(1);
        let interval = reader.duration_ms("OTEL_METRIC_EXPORT_INTERVAL", default, bounds);
        let endpoint = endpoint?;
        if !matches!(endpoint.scheme(), "http" | "https") {
            reader.reject("OTEL_EXPORTER_OTLP_ENDPOINT", "it begins with http:// or https://");
        }
        if !endpoint.username().is_empty() || endpoint.password().is_some() {
            let reason = "give credentials in OTEL_EXPORTER_OTLP_HEADERS, which is kept secret";
            reader.reject("OTEL_EXPORTER_OTLP_ENDPOINT", reason);
        }
        let headers_hold = headers.as_ref().is_none_or(|headers| parse(headers).is_ok());
        if !headers_hold {
            reader.reject("OTEL_EXPORTER_OTLP_HEADERS", "write name=value, with commas between");
        }
        Some(Self { endpoint, headers, interval })
    }
}

/// Collects and pushes on a thread of its own; what it sends goes through the runtime around this
/// call.
pub(super) fn reader(config: &OtlpConfig) -> Result<PeriodicReader<MetricExporter>, OtlpError> {
    let headers = match &config.headers {
        Some(headers) => parse(headers)?,
        None => HashMap::new(),
    };
    let client = Client::builder()
        .timeout(TIME)
        .redirect(redirect::Policy::none())
        .build()
        .map_err(OtlpError::Client)?;
    let base = config.endpoint.as_str().trim_end_matches('/');
    let exporter = MetricExporter::builder()
        .with_temporality(Temporality::Cumulative)
        .with_http()
        .with_http_client(Pusher::new(client))
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{base}/v1/metrics"))
        .with_timeout(TIME)
        .with_headers(headers)
        // The next push holds everything again.
        .with_retry_policy(RetryPolicy::disabled())
        .build()
        .map_err(OtlpError::Exporter)?;
    Ok(PeriodicReader::builder(exporter).with_interval(config.interval).build())
}

fn parse(headers: &SecretString) -> Result<HashMap<String, String>, OtlpError> {
    let one = |header: &str| {
        let (name, value) = header.split_once('=')?;
        let (name, value) = (name.trim(), value.trim());
        let name_holds = axum::http::HeaderName::from_bytes(name.as_bytes()).is_ok();
        let value_holds = axum::http::HeaderValue::from_str(value).is_ok();
        (name_holds && value_holds).then(|| (name.to_owned(), value.to_owned()))
    };
    let headers = headers.expose_secret().split(',').filter(|header| !header.trim().is_empty());
    headers.map(|header| one(header).ok_or(OtlpError::Headers)).collect()
}

/// The process's kind of HTTP client. Its futures need the runtime, on which the pushing thread
/// is not.
struct Pusher {
    client: Client,
    runtime: Handle,
    failing: AtomicBool,
}

impl Pusher {
    fn new(client: Client) -> Self {
        Self { client, runtime: Handle::current(), failing: AtomicBool::new(false) }
    }

    /// Says when pushing begins to fail and when it works again, and nothing in between.
    fn note(&self, outcome: &Result<Response<Bytes>, HttpError>) {
        let reason = match outcome {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("it answers {}", answer.status())),
            Err(error) => Some(error.to_string()),
        };
        let failed_before = self.failing.swap(reason.is_some(), Ordering::Relaxed);
        match reason {
            Some(reason) if !failed_before => {
                tracing::warn!(reason, "the collector takes no metrics; trying again");
            }
            None if failed_before => tracing::info!("the collector takes metrics again"),
            Some(_) | None => {}
        }
    }
}

impl fmt::Debug for Pusher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Pusher").finish_non_exhaustive()
    }
}

#[async_trait]
impl HttpClient for Pusher {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let sending = self.runtime.spawn(async move { send(&client, request).await });
        let outcome = sending.await.map_err(HttpError::from).flatten();
        self.note(&outcome);
        outcome
    }
}

async fn send(client: &Client, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let mut answer =
        client.execute(request.try_into()?).await.map_err(reqwest::Error::without_url)?;
    let (status, headers) = (answer.status(), std::mem::take(answer.headers_mut()));
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > ANSWER_MAX {
            return Err("the collector's answer is too long".into());
        }
        body.extend_from_slice(&chunk);
    }
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}
