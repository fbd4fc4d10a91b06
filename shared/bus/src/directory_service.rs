//! The relay's answering side on NATS: the micro service `relay-directory`.
//!
//! The broker lets a user publish on `relay.v1.<own handle>.>` only, so a request's subject says
//! who asks; the payload must say the same. A reply goes to an inbox and nowhere else, or a
//! requester could make the relay publish where it may not publish itself.

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_nats::{
    HeaderMap,
    service::{Request, Service, ServiceExt as _, endpoint::Endpoint},
};
use futures_util::{StreamExt as _, stream::SelectAll};
use serde::{Serialize, de::DeserializeOwned};
use sysmaint_protocol::{
    Handle, limits,
    rest::{
        AdmitRequest, ChallengeRequest, FromDevice, Nothing, PrekeyUpload, Problem, RegisterRequest,
    },
    subject::{DIRECTORY, DirectorySubject, Mailbox, Operation},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Bus, DirectoryHandler,
    nats_directory::{ERROR, ERROR_CODE},
};

const NAME: &str = "relay-directory";
const QUEUE_GROUP: &str = "relay-bridge";
/// Requests that are worked on at once; the rest waits in order.
const AT_ONCE: usize = 64;
/// A request that took longer has no requester any more.
const WORK_WITHIN: Duration = Duration::from_secs(10);
const FINISH_WITHIN: Duration = Duration::from_secs(5);

/// The directory cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The service could not be announced.
    #[error("cannot serve the directory on nats: {0}")]
    Announce(String),
    /// The connection was closed for good.
    #[error("the connection to nats was closed while the directory was being served")]
    Closed,
}

impl Bus {
    /// Serves the directory until `shutdown`, then finishes what was begun. `version` is semver.
    pub async fn serve_directory(
        &self,
        handler: Arc<dyn DirectoryHandler>,
        version: &str,
        shutdown: CancellationToken,
    ) -> Result<(), ServeError> {
        let (service, mut requests) = self.announce(version).await?;
        let permits = Arc::new(Semaphore::new(AT_ONCE));
        let tasks = TaskTracker::new();
        let outcome = loop {
            let next = async {
                let permit = Arc::clone(&permits).acquire_owned().await.ok()?;
                Some((requests.next().await?, permit))
            };
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break Ok(()),
                next = next => match next {
                    Some((request, permit)) => {
                        tasks.spawn(serve(Arc::clone(&handler), request, permit));
                    }
                    None => break Err(ServeError::Closed),
                },
            }
        };
        if service.stop().await.is_err() {
            tracing::debug!("the directory service was stopped already");
        }
        tasks.close();
        if tokio::time::timeout(FINISH_WITHIN, tasks.wait()).await.is_err() {
            tracing::warn!(
                requests = tasks.len(),
                "directory requests were cut off by the shutdown"
            );
        }
        outcome
    }

    async fn announce(&self, version: &str) -> Result<(Service, SelectAll<Endpoint>), ServeError> {
        let failed = |error: async_nats::Error| ServeError::Announce(error.to_string());
        let service = self
            .client
            .service_builder()
            .description("public keys and certificates of sysmaint devices")
            .queue_group(QUEUE_GROUP)
            .metadata(HashMap::from([("app".to_owned(), "sysmaint".to_owned())]))
            .start(NAME, version)
            .await
            .map_err(failed)?;
        let group = service.group(DIRECTORY);
        let mut requests = SelectAll::new();
        for operation in Operation::ALL {
            let endpoint = group
                .endpoint_builder()
                .name(operation.token())
                .metadata(HashMap::from([("schema".to_owned(), "rest".to_owned())]))
                .add(pattern(operation))
                .await
                .map_err(failed)?;
            requests.push(endpoint);
        }
        Ok((service, requests))
    }
}

fn pattern(operation: Operation) -> String {
    let token = operation.token();
    match operation {
        operation if operation.has_target() => format!("*.{token}.*"),
        _ => format!("*.{token}"),
    }
}

async fn serve(
    handler: Arc<dyn DirectoryHandler>,
    request: Request,
    _permit: OwnedSemaphorePermit,
) {
    let replies_to_inbox =
        request.message.reply.as_ref().is_some_and(|reply| reply.starts_with("_INBOX."));
    if !replies_to_inbox {
        tracing::warn!("dropped a directory request that wants its answer outside an inbox");
        return;
    }
    let work = answer(&*handler, request.message.subject.as_str(), &request.message.payload);
    let outcome = tokio::time::timeout(WORK_WITHIN, work).await.unwrap_or_else(|_| {
        Err(problem(503, "busy", "the directory is busy", "try again in a moment"))
    });
    respond(&request, outcome).await;
}

async fn answer(
    handler: &dyn DirectoryHandler,
    subject: &str,
    payload: &[u8],
) -> Result<Vec<u8>, Problem> {
    let DirectorySubject { requester, operation, target } = DirectorySubject::parse(subject)
        .ok_or_else(|| {
            problem(400, "malformed", "not a directory request", "the subject is malformed")
        })?;
    if payload.len() > limits::PREKEY_UPLOAD_MAX {
        return Err(problem(413, "too-large", "the request is too large", "send less at a time"));
    }
    match (operation, target) {
        (Operation::Challenge, _) => {
            let asked: ChallengeRequest = parse(payload)?;
            same(&requester, &asked.identity)?;
            encode(&handler.challenge(&Mailbox::new(requester, asked.device_id)).await?)
        }
        (Operation::Register, _) => {
            let asked: RegisterRequest = parse(payload)?;
            same(&requester, &asked.identity)?;
            let (_new, mut registered) = handler.register(&asked).await?;
            // A bearer token has no business on the bus: here the broker says who asks.
            registered.token = None;
            encode(&registered)
        }
        (Operation::Prekeys, _) => {
            let asked: FromDevice<PrekeyUpload> = parse(payload)?;
            let own = Mailbox::new(requester, asked.device_id);
            encode(&handler.upload_prekeys(&own, &asked.request).await?)
        }
        (Operation::PrekeyCount, _) => {
            let asked: FromDevice<Nothing> = parse(payload)?;
            encode(&handler.prekey_stock(&Mailbox::new(requester, asked.device_id)).await?)
        }
        (Operation::Certificate, _) => {
            let asked: FromDevice<Nothing> = parse(payload)?;
            encode(&handler.certificate(&Mailbox::new(requester, asked.device_id)).await?)
        }
        (Operation::Bundle, Some(target)) => encode(&handler.bundle(&requester, &target).await?),
        (Operation::Devices, Some(target)) => encode(&handler.devices(&target).await?),
        (Operation::Admit, _) => {
            let asked: FromDevice<AdmitRequest> = parse(payload)?;
            let own = Mailbox::new(requester, asked.device_id);
            encode(&handler.admit(&own, &asked.request).await?)
        }
        (Operation::Bundle | Operation::Devices, None) => {
            Err(problem(400, "malformed", "not a directory request", "name whose devices"))
        }
    }
}

/// The payload may name nobody but the subject's requester.
fn same(requester: &Handle, named: &Handle) -> Result<(), Problem> {
    if requester == named {
        return Ok(());
    }
    Err(problem(
        403,
        "identity-mismatch",
        "the request names another identity",
        "the identity in the request must be the one that asks",
    ))
}

fn parse<T: DeserializeOwned>(payload: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(payload).map_err(|error| {
        // The error's own text would repeat what was sent.
        let detail = format!("at line {}, column {}", error.line(), error.column());
        problem(400, "malformed", "the request is malformed", &detail)
    })
}

fn encode<T: Serialize>(answer: &T) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(answer).map_err(|_| {
        problem(500, "internal", "the directory failed", "its answer could not be written")
    })
}

async fn respond(request: &Request, outcome: Result<Vec<u8>, Problem>) {
    let (body, headers) = match outcome {
        Ok(body) => (body, HeaderMap::new()),
        Err(problem) => refusal(&problem),
    };
    if let Err(error) = request.respond_with_headers(Ok(body.into()), headers).await {
        tracing::warn!(%error, "a directory answer could not be sent");
        let (body, headers) = refusal(&problem(
            500,
            "internal",
            "the directory failed",
            "its answer could not be sent",
        ));
        if let Err(error) = request.respond_with_headers(Ok(body.into()), headers).await {
            tracing::debug!(%error, "nor could the refusal");
        }
    }
}

fn refusal(problem: &Problem) -> (Vec<u8>, HeaderMap) {
    // A header has one line of ASCII; the body has the whole.
    let title: String = problem.title.chars().filter(|c| matches!(c, ' '..='~')).collect();
    let mut headers = HeaderMap::new();
    headers.insert(ERROR, title.as_str());
    headers.insert(ERROR_CODE, problem.status.to_string());
    (serde_json::to_vec(problem).unwrap_or_default(), headers)
}

fn problem(status: u16, kind: &str, title: &str, detail: &str) -> Problem {
    Problem {
        kind: format!("urn:sysmaint:{kind}"),
        title: title.to_owned(),
        status,
        detail: detail.to_owned(),
    }
}
