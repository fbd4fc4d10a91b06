//! The operator's decisions about devices, over NATS: asked with the relay's own key, which alone
//! may use these subjects, and answered by whichever bridge is free.

use std::{sync::Arc, time::Duration};

use async_nats::{HeaderMap, Message};
use async_trait::async_trait;
use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sysmaint_protocol::{
    administration::{About, Decided, Decision, DeviceList, ListRequest},
    rest::Problem,
    subject::ADMINISTRATION,
};
use tokio_util::sync::CancellationToken;

use crate::{Bus, ServeError, request::RequestFailed};

const QUEUE_GROUP: &str = "relay-bridge";
/// A person waits; the client gives up after five seconds.
const WORK_WITHIN: Duration = Duration::from_secs(5);
const REQUEST_MAX: usize = 1024;

/// The relay's side.
#[async_trait]
pub trait AdministrationHandler: Send + Sync + 'static {
    /// One page of all devices.
    async fn list(&self, request: ListRequest) -> Result<DeviceList, Problem>;

    /// See [`Decision::Revoke`].
    async fn revoke(&self, about: &About) -> Result<Decided, Problem>;

    /// See [`Decision::Rotate`].
    async fn rotate(&self, about: &About) -> Result<Decided, Problem>;

    /// See [`Decision::Readmit`].
    async fn readmit(&self, about: &About) -> Result<Decided, Problem>;
}

/// The relay did not do it.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// It said no, and why.
    #[error("{}: {}", .0.title, .0.detail)]
    Refused(Problem),
    /// No bridge is connected.
    #[error("no relay answers on nats: start it, then ask again")]
    NoRelay,
    /// It could not be asked. The decision may have been carried out.
    #[error("the relay does not answer: {0}")]
    Unreachable(String),
    /// Its answer made no sense.
    #[error("the relay's answer is malformed: {0}")]
    Malformed(String),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer<T> {
    Done(T),
    Refused(Problem),
}

impl Bus {
    /// Asks a relay for a page of its devices.
    pub async fn list_devices(&self, from: u64) -> Result<DeviceList, AskError> {
        self.ask_relay(Decision::List, &ListRequest { from }).await
    }

    /// Asks a relay to carry out a decision.
    pub async fn decide(&self, decision: Decision, about: &About) -> Result<Decided, AskError> {
        self.ask_relay(decision, about).await
    }

    async fn ask_relay<Q: Serialize, A: DeserializeOwned>(
        &self,
        decision: Decision,
        question: &Q,
    ) -> Result<A, AskError> {
        let malformed = |error: serde_json::Error| AskError::Malformed(error.to_string());
        let payload = serde_json::to_vec(question).map_err(malformed)?;
        let answer = self.request(&decision.subject(), HeaderMap::new(), payload).await;
        let answer = answer.map_err(|failed| match failed {
            RequestFailed::NoResponders => AskError::NoRelay,
            other => AskError::Unreachable(other.to_string()),
        })?;
        match serde_json::from_slice(&answer.payload).map_err(malformed)? {
            Answer::Done(done) => Ok(done),
            Answer::Refused(problem) => Err(AskError::Refused(problem)),
        }
    }

    /// Answers the operator until `shutdown`, one after the other: decisions are rare.
    pub async fn serve_administration(
        &self,
        handler: Arc<dyn AdministrationHandler>,
        shutdown: CancellationToken,
    ) -> Result<(), ServeError> {
        let subjects = format!("{ADMINISTRATION}.*");
        let mut questions = self
            .client
            .queue_subscribe(subjects, QUEUE_GROUP.to_owned())
            .await
            .map_err(|error| ServeError::Announce(error.to_string()))?;
        loop {
            let next = tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(()),
                next = questions.next() => next,
            };
            let Some(message) = next else { return Err(ServeError::Closed) };
            self.answer_operator(&*handler, message).await;
        }
    }

    async fn answer_operator(&self, handler: &dyn AdministrationHandler, message: Message) {
        let Some(reply) = message.reply.filter(|reply| reply.starts_with("_INBOX.")) else {
            tracing::warn!("dropped an operator's request that wants its answer outside an inbox");
            return;
        };
        let worked = tokio::time::timeout(
            WORK_WITHIN,
            answer(handler, message.subject.as_str(), &message.payload),
        );
        let bytes = worked
            .await
            .unwrap_or_else(|_| refusal(503, "busy", "the relay is busy", "ask again in a moment"));
        if let Err(error) = self.client.publish(reply, bytes.into()).await {
            tracing::warn!(%error, "an answer to the operator could not be sent");
        }
    }
}

async fn answer(handler: &dyn AdministrationHandler, subject: &str, payload: &[u8]) -> Vec<u8> {
    let Some(decision) = Decision::parse(subject) else {
        return refusal(400, "malformed", "not a decision", "this relay knows no such decision");
    };
    let about = parse::<About>(payload);
    match (decision, about) {
        (Decision::List, _) => match parse(payload) {
            Ok(request) => encode(handler.list(request).await),
            Err(unread) => unread,
        },
        (_, Err(unread)) => unread,
        (Decision::Revoke, Ok(about)) => encode(handler.revoke(&about).await),
        (Decision::Rotate, Ok(about)) => encode(handler.rotate(&about).await),
        (Decision::Readmit, Ok(about)) => encode(handler.readmit(&about).await),
    }
}

fn parse<T: DeserializeOwned>(payload: &[u8]) -> Result<T, Vec<u8>> {
    let unread = || refusal(400, "malformed", "the request is malformed", "name whom it is about");
    if payload.len() > REQUEST_MAX {
        return Err(unread());
    }
    serde_json::from_slice(payload).map_err(|_| unread())
}

fn encode<T: Serialize>(outcome: Result<T, Problem>) -> Vec<u8> {
    let answer = match outcome {
        Ok(done) => Answer::Done(done),
        Err(problem) => Answer::Refused(problem),
    };
    serde_json::to_vec(&answer).unwrap_or_default()
}

fn refusal(status: u16, kind: &str, title: &str, detail: &str) -> Vec<u8> {
    encode::<()>(Err(Problem {
        kind: format!("urn:sysmaint:{kind}"),
        title: title.to_owned(),
        status,
        detail: detail.to_owned(),
    }))
}
