//! How requests reach the model's server, and how much of its answers is taken.
//!
//! The library reads a stream as fast as it comes and into memory, so that the bound on what a
//! server may send stands in front of it.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use async_openai::{
    error::{ApiError, ApiErrorResponse, OpenAIError},
    middleware::{HttpRequestFactory, ReqwestService, retry::OpenAIRetryLayer},
};
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use reqwest::{
    Body, Response, StatusCode,
    header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER},
};
use tower::{Layer as _, Service};

/// Bytes of one answer, as they come: a stream repeats some 200 of them around each token.
const RESPONSE_MAX: usize = 2 * 1_024 * 1_024;

/// The longest pause that a server may ask for; after that its answer would be too late anyway.
const PAUSE_MAX: Duration = Duration::from_secs(8);

/// Requests after the first, where trying again may help.
const RETRIES: usize = 3;

/// Requests that are tried again where that helps.
pub(super) type Retrying = async_openai::middleware::retry::OpenAIRetry<Transport>;

/// Sends one request.
#[derive(Clone, Debug)]
pub(super) struct Transport {
    service: ReqwestService,
}

impl Transport {
    /// With retries around it.
    pub(super) fn retrying(client: reqwest::Client) -> Retrying {
        let transport = Self { service: ReqwestService::new(client) };
        OpenAIRetryLayer::new(RETRIES).layer(transport)
    }
}

impl Service<HttpRequestFactory> for Transport {
    type Response = Response;
    type Error = OpenAIError;
    type Future = Pin<Box<dyn Future<Output = Result<Response, OpenAIError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), OpenAIError>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: HttpRequestFactory) -> Self::Future {
        let response = self.service.call(request);
        Box::pin(async move { judged(response.await?).map(bounded) })
    }
}

/// A pause that is too long is a refusal, and waited for by nobody.
fn judged(response: Response) -> Result<Response, OpenAIError> {
    let status = response.status();
    let busy = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
    if busy && pause(response.headers()).is_some_and(|pause| pause > PAUSE_MAX) {
        let refused = ApiErrorResponse { status_code: status, api_error: ApiError::default() };
        return Err(OpenAIError::ApiError(refused));
    }
    Ok(response)
}

/// What `Retry-After` asks for, where it is a number of seconds; a date is not honoured.
fn pause(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// The same answer, cut with an error at [`RESPONSE_MAX`].
fn bounded(response: Response) -> Response {
    let whole = response.status().is_success() && is_json(response.headers());
    let (status, headers) = (response.status(), response.headers().clone());
    let body = limited(response.bytes_stream().map_err(std::io::Error::other));
    let body = if whole { Body::wrap_stream(as_event(body)) } else { Body::wrap_stream(body) };
    let mut bounded = http::Response::new(body);
    *bounded.status_mut() = status;
    *bounded.headers_mut() = headers;
    bounded.into()
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    value.is_some_and(|value| value.trim_start().starts_with("application/json"))
}

fn limited<B: AsRef<[u8]>>(
    body: impl Stream<Item = Result<B, std::io::Error>>,
) -> impl Stream<Item = Result<Vec<u8>, std::io::Error>> {
    body.scan(0_usize, |taken, bytes| {
        let checked = bytes.and_then(|bytes| {
            let bytes = bytes.as_ref();
            *taken = taken.saturating_add(bytes.len());
            if *taken > RESPONSE_MAX {
                return Err(std::io::Error::other("the answer is too long"));
            }
            Ok(bytes.to_vec())
        });
        std::future::ready(Some(checked))
    })
}

/// Some servers answer whole although a stream was asked for. That becomes a stream of one event:
/// a line break in JSON is white space.
fn as_event(
    body: impl Stream<Item = Result<Vec<u8>, std::io::Error>> + Send + 'static,
) -> impl Stream<Item = Result<Vec<u8>, std::io::Error>> + Send + 'static {
    let one = |text: &'static [u8]| stream::once(std::future::ready(Ok(text.to_vec())));
    let in_a_line = body.map_ok(|mut bytes| {
        for byte in bytes.iter_mut().filter(|byte| matches!(**byte, b'\n' | b'\r')) {
            *byte = b' ';
        }
        bytes
    });
    one(b"data: ").chain(in_a_line).chain(one(b"\n\n"))
}
