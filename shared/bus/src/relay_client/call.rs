//! One HTTP call and its answer.

use std::error::Error as _;

use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::{Serialize, de::DeserializeOwned};
use sysmaint_protocol::{limits, rest::Problem};

use super::RelayClient;
use crate::DirectoryError;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asker {
    /// Anybody.
    Anybody,
    /// The device whose token the client has.
    Device,
}

impl RelayClient {
    /// The one-time code, for a registration.
    pub(crate) fn code(&self) -> Option<String> {
        use secrecy::ExposeSecret as _;
        self.inner.code.as_ref().map(|code| code.expose_secret().to_owned())
    }

    /// Asks the first bridge that can be reached. A question that may have been heard is not
    /// repeated: it may have spent a nonce or taken a prekey.
    pub(crate) async fn call<A: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        asker: Asker,
        body: Option<&(impl Serialize + Sync)>,
    ) -> Result<A, DirectoryError> {
        let token = match asker {
            Asker::Anybody => None,
            Asker::Device => match self.inner.token.borrow().clone() {
                Some(token) => Some(token),
                None => return Err(DirectoryError::Refused(no_token())),
            },
        };
        let mut failure = String::new();
        for _ in 0..self.inner.urls.len() {
            let (url, mark) = self.bridge();
            let mut request = self.inner.http.request(method.clone(), url.call(path));
            if let Some(token) = &token {
                request = request.bearer_auth(token.as_str());
            }
            if let Some(body) = body {
                request = request.json(body);
            }
            match self.ask(request, mark).await {
                Ok((status, bytes)) if status.is_success() => {
                    return serde_json::from_slice(&bytes)
                        .map_err(|error| DirectoryError::Malformed(error.to_string()));
                }
                Ok((status, bytes)) => {
                    if let Some(token) = token.filter(|_| status == StatusCode::UNAUTHORIZED) {
                        self.token_refused(&token);
                    }
                    return Err(self.said_no(status, &bytes, mark));
                }
                Err(NoAnswer::NotReached(reason)) => failure = reason,
                Err(NoAnswer::Lost(reason)) => return Err(DirectoryError::Unreachable(reason)),
            }
        }
        Err(DirectoryError::Unreachable(failure))
    }

    async fn ask(
        &self,
        request: RequestBuilder,
        mark: usize,
    ) -> Result<(StatusCode, Vec<u8>), NoAnswer> {
        let failed = |error: reqwest::Error| {
            self.pass_over(mark);
            let reason = innermost(&error);
            if error.is_connect() { NoAnswer::NotReached(reason) } else { NoAnswer::Lost(reason) }
        };
        let response = request.send().await.map_err(failed)?;
        let status = response.status();
        Ok((status, read(response).await.map_err(NoAnswer::Lost)?))
    }

    fn said_no(&self, status: StatusCode, bytes: &[u8], mark: usize) -> DirectoryError {
        if status.is_server_error() {
            // Another bridge may have a better connection to the broker.
            self.pass_over(mark);
        }
        let problem = serde_json::from_slice(bytes).unwrap_or_else(|_| unexplained(status));
        let full = status == StatusCode::INSUFFICIENT_STORAGE;
        if status.is_server_error() && !full {
            return DirectoryError::Unreachable(format!("{}: {}", problem.title, problem.detail));
        }
        DirectoryError::Refused(problem)
    }
}

enum NoAnswer {
    /// It was not even asked.
    NotReached(String),
    /// It may have been.
    Lost(String),
}

/// The body, as far as a body may go.
async fn read(mut response: Response) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| innermost(&error))? {
        if bytes.len() + chunk.len() > limits::PREKEY_UPLOAD_MAX {
            return Err(format!("an answer of more than {} bytes", limits::PREKEY_UPLOAD_MAX));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// What is at the bottom of it; the layers above only repeat the address.
fn innermost(error: &reqwest::Error) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        said = error.to_string();
        cause = error.source();
    }
    said
}

fn no_token() -> Problem {
    Problem {
        kind: "urn:sysmaint:unauthenticated".to_owned(),
        title: "A valid token is required".to_owned(),
        status: 401,
        detail: "this device has no token yet: it registers first".to_owned(),
    }
}

/// Something between us and the relay answered, or another program.
fn unexplained(status: StatusCode) -> Problem {
    let detail = if status.is_redirection() {
        "redirects are not followed: set RELAY_URL to the address that the relay itself has"
    } else {
        "the answer is not a relay's: check RELAY_URL, and what lies between here and there"
    };
    Problem {
        kind: "about:blank".to_owned(),
        title: format!("the relay's address answers with status {}", status.as_u16()),
        status: status.as_u16(),
        detail: detail.to_owned(),
    }
}
