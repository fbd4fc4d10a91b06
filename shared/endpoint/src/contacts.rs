//! Who is behind a handle, and which handle is behind a message.

use std::time::Duration;

use sysmaint_bus::DirectoryError;
use sysmaint_device::{
    BundleError, Readiness,
    store::{PeerStore, StoreError},
};
use sysmaint_protocol::{Address, Handle, rest::Bundle};
use sysmaint_store::WriteError;

use crate::{Endpoint, StepError, rosters};

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
        let roster = self.inner.directory.devices(self.handle(), handle).await?;
        let handle = handle.clone();
        let refused = self
            .step(move |step| -> Result<_, ContactError> {
                let now = step.now();
                let (device, store, _) = step.parts();
                Ok(device.accept_roster(store, now, &handle, &roster)?)
            })
            .await
            .map_err(ContactError::from)?;
        rosters::tell_refused(&refused);
        Ok(())
    }

    /// The handle that a sender belongs to; `None` of a device that is not known to be theirs.
    pub async fn handle_of(&self, sender: Address) -> Result<Option<Handle>, ContactError> {
        let look = self.look(move |_, store| -> Result<_, ContactError> {
            Ok(handle_of(store, sender).map_err(StepError::from)?)
        });
        look.await.map_err(ContactError::from)
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

    /// Makes sure that a message to a handle can be sealed to every device that it has by now, or
    /// at least to those that can be reached.
    pub async fn prepare(&self, handle: &Handle) -> Result<(), ContactError> {
        if !self.inner.status.borrow().registered {
            // Whoever received it could not look us up, and would have to turn it away.
            let reason = "this device is not registered, or has not uploaded its prekeys yet";
            return Err(DirectoryError::Unreachable(reason.to_owned()).into());
        }
        self.freshen(handle).await;
        let ready = self.readiness(handle).await?;
        let known = &self.inner.rosters;
        if ready == Readiness::All || (ready == Readiness::Some && known.is_incomplete(handle)) {
            return Ok(());
        }
        let opened = async {
            let bundle = self.bundle(handle).await?;
            match self.open_sessions(handle, &bundle).await {
                Ok(()) => Ok(()),
                Err(refused) => Err(self.note_refusal(handle, bundle, refused).await),
            }
        };
        match opened.await {
            Err(error) if ready == Readiness::None => return Err(error),
            Err(error) => tracing::debug!(%error, "not all devices of a recipient are reached"),
            Ok(()) => {}
        }
        known.note_incomplete(handle, self.readiness(handle).await? == Readiness::Some);
        Ok(())
    }

    pub(crate) async fn knows(&self, handle: &Handle) -> Result<bool, ContactError> {
        let handle = handle.clone();
        let look = self.look(move |_, store| -> Result<_, ContactError> {
            Ok(store.contact(&handle).map_err(StepError::from)?.is_some())
        });
        look.await.map_err(ContactError::from)
    }

    async fn bundle(&self, handle: &Handle) -> Result<Bundle, ContactError> {
        Ok(self.inner.directory.bundle(self.handle(), handle).await?)
    }
}

/// By the devices that the handle is known to have.
fn handle_of(store: &dyn PeerStore, sender: Address) -> Result<Option<Handle>, StoreError> {
    let Some(handle) = store.handle_of(sender.service_id)? else { return Ok(None) };
    let contact = store.contact(&handle)?;
    let is_theirs = contact.is_some_and(|contact| contact.devices.contains(&sender.device_id));
    Ok(is_theirs.then_some(handle))
}
