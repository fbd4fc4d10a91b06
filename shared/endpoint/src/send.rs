//! Sending: sealed and queued in one transaction with what else belongs to it.

use sysmaint_device::{Reach, SealError};
use sysmaint_protocol::{ContentId, Handle, body::Body};
use sysmaint_store::{SqlError, WriteError};

use crate::{ContactError, Endpoint, Step, StepError};

/// Bundles that are fetched for one message before it is given up.
const ATTEMPTS: usize = 3;

/// A message was not sealed. Nothing of it is anywhere.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The recipient cannot be looked up, or must not be believed.
    #[error(transparent)]
    Contact(#[from] ContactError),
    /// Sealing failed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The store failed.
    #[error("the store failed: {0}")]
    Store(String),
}

impl From<StepError> for SendError {
    fn from(error: StepError) -> Self {
        match error {
            StepError::Seal(error) => Self::Seal(error),
            other => Self::Store(other.to_string()),
        }
    }
}

impl From<WriteError<StepError>> for SendError {
    fn from(error: WriteError<StepError>) -> Self {
        match error {
            WriteError::Step(error) => error.into(),
            other => Self::Store(other.to_string()),
        }
    }
}

impl From<WriteError<SqlError>> for SendError {
    fn from(error: WriteError<SqlError>) -> Self {
        Self::Store(error.to_string())
    }
}

impl Endpoint {
    /// Seals a body to every device of a handle and queues it; it will be published until the
    /// broker confirms it.
    pub async fn send<B: Body + Clone + Send + Sync + 'static>(
        &self,
        to: &Handle,
        body: &B,
    ) -> Result<ContentId, SendError> {
        self.seal(to, None, body, |_, _| Ok(())).await
    }

    /// The same as an answer to something.
    pub async fn send_in_reply<B: Body + Clone + Send + Sync + 'static>(
        &self,
        to: &Handle,
        in_reply_to: ContentId,
        body: &B,
    ) -> Result<ContentId, SendError> {
        self.seal(to, Some(in_reply_to), body, |_, _| Ok(())).await
    }

    /// The same, with something else that belongs to it in the same transaction.
    pub async fn send_with<B: Body + Clone + Send + Sync + 'static>(
        &self,
        to: &Handle,
        body: &B,
        also: impl Fn(&Step<'_, '_>, ContentId) -> Result<(), SqlError> + Clone + Send + 'static,
    ) -> Result<ContentId, SendError> {
        self.seal(to, None, body, also).await
    }

    async fn seal<B: Body + Clone + Send + Sync + 'static>(
        &self,
        to: &Handle,
        in_reply_to: Option<ContentId>,
        body: &B,
        also: impl Fn(&Step<'_, '_>, ContentId) -> Result<(), SqlError> + Clone + Send + 'static,
    ) -> Result<ContentId, SendError> {
        self.freshen(to).await;
        let mut attempt = 0;
        loop {
            let (handle, body, also) = (to.clone(), body.clone(), also.clone());
            let outcome = self
                .step(move |step| -> Result<ContentId, SendError> {
                    let reach = if attempt == 0 { Reach::All } else { Reach::Some };
                    let id = step.send_to(&handle, in_reply_to, &body, reach)?;
                    also(step, id).map_err(StepError::from)?;
                    Ok(id)
                })
                .await;
            attempt += 1;
            match outcome {
                Ok(id) => return Ok(id),
                // Never met, or too long ago; seldom enough to find out by trying.
                Err(WriteError::Step(SendError::Seal(SealError::NoSession(_))))
                    if attempt < ATTEMPTS =>
                {
                    self.prepare(to).await?;
                }
                Err(WriteError::Step(error)) => return Err(error),
                Err(other) => return Err(SendError::Store(other.to_string())),
            }
        }
    }
}
