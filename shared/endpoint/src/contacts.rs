//! Who is behind a handle, and which handle is behind a message.

use std::time::Duration;

use sysmaint_bus::DirectoryError;
use sysmaint_device::{BundleError, store::PeerStore};
use sysmaint_protocol::{Address, Handle, rest::Bundle};
use sysmaint_store::WriteError;

use crate::{Endpoint, StepError};

/// How long a sender may take between its registration and its first prekeys,
const UPLOADS_WITHIN: Duration = Duration::from_secs(10);
/// and how often it is asked for.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A handle could not be looked up, or must not be believed.
#[derive(Debug, thiserror::Error)]
pub enum ContactError {
    /// Its bundle must not be used.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The directory did not answer, or said no.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The store failed.
    #[error("the store failed: {0}")]
    Store(String),
}

impl From<StepError> for ContactError {
    fn from(error: StepError) -> Self {
        Self::Store(error.to_string())
    }
}

impl From<WriteError<Self>> for ContactError {
    fn from(error: WriteError<Self>) -> Self {
        match error {
            WriteError::Step(error) => error,
            other => Self::Store(other.to_string()),
        }
    }
}

impl Endpoint {
    /// Pins who a handle is, unless that is known.
    pub async fn meet(&self, handle: &Handle) -> Result<(), ContactError> {
        if self.knows(handle).await? {
            return Ok(());
        }
        let (bundle, handle) = (self.bundle(handle).await?, handle.clone());
        self.step(move |step| {
            let now = step.now();
            let (device, store, _) = step.parts();
            Ok(device.accept_contact(store, now, &handle, &bundle)?)
        })
        .await
        .map_err(ContactError::from)
    }

    /// The handle that a sender was pinned under.
    pub async fn handle_of(&self, sender: Address) -> Result<Option<Handle>, ContactError> {
        let own = self.handle().clone();
        self.store()
            .read(move |view| match view.known_device(&own).map_err(StepError::from)? {
                Some(store) => Ok(store.handle_of(sender.service_id).map_err(StepError::from)?),
                None => Ok(None),
            })
            .await
            .map_err(ContactError::from)
    }

    /// The handle of a sender, asking the directory about the one that it claims if it is not
    /// known yet. `None` if the directory does not confirm it.
    pub async fn resolve(
        &self,
        sender: Address,
        claimed: &Handle,
    ) -> Result<Option<Handle>, ContactError> {
        if let Some(handle) = self.handle_of(sender).await? {
            return Ok(Some(handle));
        }
        match self.meet_patiently(claimed).await {
            Ok(()) => self.handle_of(sender).await,
            Err(ContactError::Directory(error)) if error.is_unknown() => Ok(None),
            Err(ContactError::Bundle(error)) => {
                tracing::warn!(%error, "a sender's claim is not believed");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// A sender that was killed at the wrong moment of its first start is registered and has no
    /// prekeys; it uploads them when it is started again.
    async fn meet_patiently(&self, handle: &Handle) -> Result<(), ContactError> {
        let deadline = tokio::time::Instant::now() + UPLOADS_WITHIN;
        loop {
            let met = self.meet(handle).await;
            let passes = matches!(
                &met, Err(ContactError::Directory(error)) if error.is_without_prekeys()
            );
            if !passes || tokio::time::Instant::now() > deadline {
                return met;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Makes sure that a message to a handle can be sealed.
    pub async fn prepare(&self, handle: &Handle) -> Result<(), ContactError> {
        if !self.inner.status.borrow().registered {
            // Whoever received it could not look us up, and would have to turn it away.
            let reason = "this device is not registered, or has not uploaded its prekeys yet";
            return Err(DirectoryError::Unreachable(reason.to_owned()).into());
        }
        let (own, to, now) = (self.inner.clone(), handle.clone(), self.inner.clock.now());
        let ready = self
            .store()
            .read(move |view| -> Result<bool, ContactError> {
                let store = view.known_device(own.device.handle()).map_err(StepError::from)?;
                let Some(store) = store else { return Ok(false) };
                Ok(own.device.is_ready_for(&store, &to, now).map_err(StepError::from)?)
            })
            .await?;
        if ready {
            return Ok(());
        }
        let bundle = self.bundle(handle).await?;
        let (to, fetched) = (handle.clone(), bundle.clone());
        let accepted = self
            .step(move |step| {
                let now = step.now();
                let (device, store, rng) = step.parts();
                Ok(device.accept_bundle(store, rng, now, &to, &fetched)?)
            })
            .await
            .map_err(ContactError::from);
        match accepted {
            Ok(()) => Ok(()),
            Err(refused) => Err(self.note_refusal(handle, bundle, refused).await),
        }
    }

    async fn knows(&self, handle: &Handle) -> Result<bool, ContactError> {
        let (own, handle) = (self.handle().clone(), handle.clone());
        self.store()
            .read(move |view| -> Result<bool, ContactError> {
                let Some(store) = view.known_device(&own).map_err(StepError::from)? else {
                    return Ok(false);
                };
                Ok(store.contact(&handle).map_err(StepError::from)?.is_some())
            })
            .await
            .map_err(ContactError::from)
    }

    async fn bundle(&self, handle: &Handle) -> Result<Bundle, ContactError> {
        Ok(self.inner.directory.bundle(self.handle(), handle).await?)
    }
}
