//! Decisions on identity keys: who has changed, and what people say to it.

use sysmaint_device::{BundleError, Standing, TrustError, store::Trust};
use sysmaint_protocol::Handle;
use sysmaint_store::WriteError;

use crate::{ContactError, Endpoint, Step, StepError, receive};

/// A decision was not taken.
#[derive(Debug, thiserror::Error)]
pub enum DecisionError {
    /// It cannot be.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The store failed.
    #[error("the store failed: {0}")]
    Store(String),
}

impl From<StepError> for DecisionError {
    fn from(error: StepError) -> Self {
        Self::Store(error.to_string())
    }
}

impl From<WriteError<Self>> for DecisionError {
    fn from(error: WriteError<Self>) -> Self {
        match error {
            WriteError::Step(error) => error,
            other => Self::Store(other.to_string()),
        }
    }
}

impl Endpoint {
    /// Handles whose identity key waits for a decision. Nothing is sent to them, and what they
    /// send is held.
    pub async fn changed_handles(&self) -> Result<Vec<Handle>, DecisionError> {
        let look = self.look(|device, store| -> Result<_, DecisionError> {
            Ok(device.changed_handles(store).map_err(TrustError::from)?)
        });
        look.await.map_err(DecisionError::from)
    }

    /// Everybody who was met, and the least trusted of their devices.
    pub async fn known_handles(&self) -> Result<Vec<(Handle, Trust)>, DecisionError> {
        let look = self.look(|device, store| -> Result<_, DecisionError> {
            Ok(device.known_handles(store).map_err(TrustError::from)?)
        });
        look.await.map_err(DecisionError::from)
    }

    /// How each device of a handle stands, with the safety numbers that people compare.
    pub async fn standing(&self, handle: &Handle) -> Result<Vec<Standing>, DecisionError> {
        let handle = handle.clone();
        let look = self.look(move |device, store| -> Result<_, DecisionError> {
            Ok(device.standing(store, &handle)?)
        });
        look.await.map_err(DecisionError::from)
    }

    /// Pins the changed key of a handle and opens what was held for it, in order. Returns how
    /// many envelopes that were.
    pub async fn accept_key(&self, handle: &Handle) -> Result<usize, DecisionError> {
        let handle = handle.clone();
        let opened = self
            .decide(move |step| {
                let now = step.now();
                let (device, store, rng) = step.parts();
                Ok(device.accept_key(store, rng, now, &handle)?)
            })
            .await?;
        tracing::info!(opened = opened.len(), "a changed identity key was accepted");
        for opened in &opened {
            receive::note(self, opened);
        }
        self.inner.broken.notify_one();
        Ok(opened.len())
    }

    /// Keeps the pinned key of a handle. What was held becomes dead letters, and what the other
    /// key sends from now on too. Returns how many envelopes were held.
    pub async fn reject_key(&self, handle: &Handle) -> Result<usize, DecisionError> {
        let handle = handle.clone();
        let buried = self
            .decide(move |step| {
                let (device, store, _) = step.parts();
                Ok(device.reject_key(store, &handle)?)
            })
            .await?;
        tracing::info!(buried, "a changed identity key was rejected");
        self.inner.broken.notify_one();
        Ok(buried)
    }

    /// Notes that people have compared the safety numbers of a handle.
    pub async fn mark_verified(&self, handle: &Handle) -> Result<(), DecisionError> {
        let handle = handle.clone();
        self.decide(move |step| {
            let (device, store, _) = step.parts();
            Ok(device.mark_verified(store, &handle)?)
        })
        .await
    }

    async fn decide<T: Send + 'static>(
        &self,
        decision: impl FnOnce(&mut Step<'_, '_>) -> Result<T, DecisionError> + Send + 'static,
    ) -> Result<T, DecisionError> {
        self.step(decision).await.map_err(DecisionError::from)
    }

    /// Asks the directory about identities that claim a handle which is bound to another one.
    pub(crate) async fn look_into_claims(&self) -> Result<(), ContactError> {
        let claimed = self
            .step(|step| -> Result<_, StepError> {
                let (device, store, _) = step.parts();
                Ok(device.claimed_handles(store)?)
            })
            .await
            .map_err(|error| ContactError::Store(error.to_string()))?;
        for handle in claimed {
            self.refresh(&handle).await?;
        }
        Ok(())
    }

    /// Remembers a change that a bundle shows.
    async fn note_bundle(
        &self,
        handle: &Handle,
        bundle: sysmaint_protocol::rest::Bundle,
    ) -> Result<(), ContactError> {
        let handle = handle.clone();
        self.step(move |step| -> Result<(), ContactError> {
            let now = step.now();
            let (device, store, _) = step.parts();
            Ok(device.note_bundle(store, now, &handle, &bundle)?)
        })
        .await
        .map_err(ContactError::from)
    }

    /// The same, where the bundle was refused for it.
    pub(crate) async fn note_refusal(
        &self,
        handle: &Handle,
        bundle: sysmaint_protocol::rest::Bundle,
        refused: ContactError,
    ) -> ContactError {
        let changed = matches!(&refused, ContactError::Bundle(error) if is_change(error));
        if changed && let Err(error) = self.note_bundle(handle, bundle).await {
            return error;
        }
        refused
    }
}

fn is_change(error: &BundleError) -> bool {
    matches!(error, BundleError::HandleMoved(_) | BundleError::IdentityChanged(_))
}
