//! One question and its answer: the only way in which this crate asks NATS for anything.

use std::time::Duration;

use async_nats::{HeaderMap, Message, RequestErrorKind, client::Request};
use futures_util::StreamExt as _;
use serde::{Serialize, de::DeserializeOwned};

use crate::{Bus, connect::ANSWER_WITHIN};

/// When one server of a cluster has answered, the others have this long.
const OTHERS_WITHIN: Duration = Duration::from_millis(400);
/// Servers whose answers are taken.
const SERVERS_MAX: usize = 64;

/// No useful answer came.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestFailed {
    #[error("nobody answers there")]
    NoResponders,
    #[error("no answer within {} s", ANSWER_WITHIN.as_secs())]
    TimedOut,
    /// What the server said.
    #[error("{0}")]
    Denied(String),
    #[error("a message of {0} bytes is more than the server takes")]
    TooLarge(usize),
    #[error("{0}")]
    Other(String),
}

/// An error of JetStream's own.
#[derive(Clone, Debug, thiserror::Error, serde::Deserialize)]
#[error("{description} (error {err_code})")]
pub(crate) struct ApiError {
    #[serde(default)]
    pub(crate) code: u16,
    #[serde(default)]
    pub(crate) err_code: u32,
    #[serde(default)]
    pub(crate) description: String,
}

/// An answer of JetStream's that is not what was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiFailed {
    #[error(transparent)]
    Request(#[from] RequestFailed),
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error("the answer is malformed: {0}")]
    Malformed(#[from] serde_json::Error),
}

#[derive(serde::Deserialize)]
#[serde(untagged)]
enum ApiAnswer<T> {
    Error { error: ApiError },
    Value(T),
}

impl Bus {
    /// Asks and waits. A denial is returned as soon as the server reports it.
    pub(crate) async fn request(
        &self,
        subject: &str,
        headers: HeaderMap,
        payload: Vec<u8>,
    ) -> Result<Message, RequestFailed> {
        let size = payload.len();
        let mut request = Request::new().payload(payload.into()).timeout(Some(ANSWER_WITHIN));
        if !headers.is_empty() {
            request = request.headers(headers);
        }
        let denial = self.denial_of(subject);
        // The client bounds the wait for the answer; the outer bound covers its own queue too.
        let answer = tokio::time::timeout(
            ANSWER_WITHIN + Duration::from_secs(1),
            self.client.send_request(subject.to_owned(), request),
        );
        let answer = tokio::select! {
            biased;
            answer = answer => answer.map_err(|_| RequestFailed::TimedOut)?,
            reason = denial.wait() => return Err(RequestFailed::Denied(reason)),
        };
        answer.map_err(|error| match error.kind() {
            RequestErrorKind::NoResponders => RequestFailed::NoResponders,
            RequestErrorKind::TimedOut => RequestFailed::TimedOut,
            RequestErrorKind::MaxPayloadExceeded => RequestFailed::TooLarge(size),
            RequestErrorKind::InvalidSubject | RequestErrorKind::Other => {
                RequestFailed::Other(error.to_string())
            }
        })
    }

    /// Asks every server of a cluster for a report, in the system account. At least one answer.
    pub(crate) async fn ask_servers(
        &self,
        report: &str,
        payload: Vec<u8>,
    ) -> Result<Vec<Message>, RequestFailed> {
        let subject = format!("$SYS.REQ.SERVER.PING.{report}");
        let other = |error: &dyn ToString| RequestFailed::Other(error.to_string());
        let denial = self.denial_of(&subject);
        let inbox = self.client.new_inbox();
        let mut subscription =
            self.client.subscribe(inbox.clone()).await.map_err(|error| other(&error))?;
        self.client
            .publish_with_reply(subject, inbox, payload.into())
            .await
            .map_err(|error| other(&error))?;
        let first = tokio::select! {
            biased;
            first = tokio::time::timeout(ANSWER_WITHIN, subscription.next()) => first,
            reason = denial.wait() => return Err(RequestFailed::Denied(reason)),
        };
        let first = first.map_err(|_| RequestFailed::TimedOut)?;
        let mut answers: Vec<_> = first.into_iter().collect();
        while answers.len() < SERVERS_MAX
            && let Ok(Some(next)) = tokio::time::timeout(OTHERS_WITHIN, subscription.next()).await
        {
            answers.push(next);
        }
        let unserved = answers.iter().any(|answer| answer.payload.is_empty());
        if answers.is_empty() || unserved { Err(RequestFailed::NoResponders) } else { Ok(answers) }
    }

    /// Asks JetStream's API; `what` follows `$JS.API.`.
    pub(crate) async fn api<Q: Serialize, A: DeserializeOwned>(
        &self,
        what: &str,
        question: &Q,
    ) -> Result<A, ApiFailed> {
        let payload = serde_json::to_vec(question)?;
        let message = self.request(&format!("$JS.API.{what}"), HeaderMap::new(), payload).await?;
        parse(&message.payload)
    }
}

/// Tells an answer of JetStream's from its error.
pub(crate) fn parse<A: DeserializeOwned>(payload: &[u8]) -> Result<A, ApiFailed> {
    match serde_json::from_slice(payload)? {
        ApiAnswer::Error { error } => Err(error.into()),
        ApiAnswer::Value(value) => Ok(value),
    }
}
