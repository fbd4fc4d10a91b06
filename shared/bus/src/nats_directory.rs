//! Asking the directory over NATS.

use async_nats::{HeaderMap, Message};
use async_trait::async_trait;
use serde::{Serialize, de::DeserializeOwned};
use sysmaint_protocol::{
    Handle, limits,
    rest::{
        AdmitRequest, Admitted, Bundle, Challenge, ChallengeRequest, DeliveryCertificate,
        FromDevice, Nothing, PrekeyCount, PrekeyStock, PrekeyUpload, Problem, RegisterRequest,
        Registered, Roster,
    },
    subject::{Mailbox, Operation},
};

use crate::{Bus, Directory, DirectoryError, request::RequestFailed};

/// Headers by which any NATS service says that it did not do it.
pub(crate) const ERROR: &str = "Nats-Service-Error";
pub(crate) const ERROR_CODE: &str = "Nats-Service-Error-Code";

/// [`Directory`] over NATS.
#[derive(Clone, Debug)]
pub struct NatsDirectory {
    bus: Bus,
}

impl NatsDirectory {
    /// Over this connection.
    pub const fn new(bus: Bus) -> Self {
        Self { bus }
    }

    async fn ask<Q: Serialize, A: DeserializeOwned>(
        &self,
        operation: Operation,
        requester: &Handle,
        target: Option<&Handle>,
        question: &Q,
    ) -> Result<A, DirectoryError> {
        let payload = serde_json::to_vec(question)
            .map_err(|error| DirectoryError::Malformed(error.to_string()))?;
        let subject = operation.subject(requester, target);
        let answer = self
            .bus
            .request(&subject, HeaderMap::new(), payload)
            .await
            .map_err(|failed| unreachable(&failed))?;
        read(&answer)
    }
}

#[async_trait]
impl Directory for NatsDirectory {
    async fn challenge(&self, own: &Mailbox) -> Result<Challenge, DirectoryError> {
        let request = ChallengeRequest { identity: own.handle.clone(), device_id: own.device_id };
        self.ask(Operation::Challenge, &own.handle, None, &request).await
    }

    async fn register(&self, request: &RegisterRequest) -> Result<Registered, DirectoryError> {
        self.ask(Operation::Register, &request.identity, None, request).await
    }

    async fn upload_prekeys(
        &self,
        own: &Mailbox,
        upload: &PrekeyUpload,
    ) -> Result<PrekeyCount, DirectoryError> {
        let request = FromDevice { device_id: own.device_id, request: upload };
        self.ask(Operation::Prekeys, &own.handle, None, &request).await
    }

    async fn prekey_stock(&self, own: &Mailbox) -> Result<PrekeyStock, DirectoryError> {
        self.ask(Operation::PrekeyCount, &own.handle, None, &nothing_from(own)).await
    }

    async fn certificate(&self, own: &Mailbox) -> Result<DeliveryCertificate, DirectoryError> {
        self.ask(Operation::Certificate, &own.handle, None, &nothing_from(own)).await
    }

    async fn bundle(&self, requester: &Handle, target: &Handle) -> Result<Bundle, DirectoryError> {
        self.ask(Operation::Bundle, requester, Some(target), &Nothing {}).await
    }

    async fn devices(&self, requester: &Handle, target: &Handle) -> Result<Roster, DirectoryError> {
        self.ask(Operation::Devices, requester, Some(target), &Nothing {}).await
    }

    async fn admit(
        &self,
        own: &Mailbox,
        request: &AdmitRequest,
    ) -> Result<Admitted, DirectoryError> {
        let request = FromDevice { device_id: own.device_id, request };
        self.ask(Operation::Admit, &own.handle, None, &request).await
    }
}

const fn nothing_from(own: &Mailbox) -> FromDevice<Nothing> {
    FromDevice { device_id: own.device_id, request: Nothing {} }
}

fn unreachable(failed: &RequestFailed) -> DirectoryError {
    match failed {
        RequestFailed::NoResponders => {
            DirectoryError::Unreachable("no relay is connected to nats".to_owned())
        }
        RequestFailed::TooLarge(bytes) => DirectoryError::Refused(Problem {
            kind: "urn:sysmaint:too-large".to_owned(),
            title: "the request is too large".to_owned(),
            status: 413,
            detail: format!("{bytes} bytes are more than one nats message may have"),
        }),
        other => DirectoryError::Unreachable(other.to_string()),
    }
}

fn read<A: DeserializeOwned>(answer: &Message) -> Result<A, DirectoryError> {
    if answer.payload.len() > limits::PREKEY_UPLOAD_MAX {
        return Err(DirectoryError::Malformed(format!("{} bytes", answer.payload.len())));
    }
    let code = answer.headers.as_ref().and_then(|headers| headers.get(ERROR_CODE));
    match code {
        Some(code) => Err(DirectoryError::Refused(problem(answer, code.as_str()))),
        None => serde_json::from_slice(&answer.payload)
            .map_err(|error| DirectoryError::Malformed(error.to_string())),
    }
}

/// The problem in the body, or what the headers say where there is none.
fn problem(answer: &Message, code: &str) -> Problem {
    serde_json::from_slice(&answer.payload).unwrap_or_else(|_| Problem {
        kind: "about:blank".to_owned(),
        title: answer
            .headers
            .as_ref()
            .and_then(|headers| headers.get(ERROR))
            .map_or_else(|| "the directory refused".to_owned(), ToString::to_string),
        status: code.parse().unwrap_or(500),
        detail: "the directory gave no details".to_owned(),
    })
}
