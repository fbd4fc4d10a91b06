//! One-time codes, by their hash: who may register from elsewhere.

use async_nats::jetstream::kv::{CreateErrorKind, UpdateErrorKind};
use serde::{Deserialize, Serialize};
use sysmaint_protocol::{Handle, Timestamp};

use super::{Registry, RegistryError, buckets::checked, encode, read, unavailable};
use crate::streams::CODES;

/// What a code is good for, and what it was used for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Code {
    /// The only handle that it registers, if it is bound to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle: Option<Handle>,
    /// How many devices it registers.
    pub uses: u32,
    /// After this it is worthless.
    pub expires_at: Timestamp,
    /// Whom it has registered, or is just registering: one hash a device. A device that is here
    /// may come again.
    #[serde(default)]
    pub claims: Vec<String>,
}

impl Registry {
    /// Keeps a new code under its SHA-256, 64 hexadecimal digits.
    pub async fn create_code(&self, hash: &str, code: &Code) -> Result<(), RegistryError> {
        let value = encode(CODES, code)?;
        let created = self.codes.create(checked(hash)?, value.into()).await;
        created.map(|_| ()).map_err(|error| match error.kind() {
            CreateErrorKind::AlreadyExists => RegistryError::Conflict,
            _ => unavailable(error),
        })
    }

    /// A code and the revision that [`Self::update_code`] wants back.
    pub async fn code(&self, hash: &str) -> Result<Option<(Code, u64)>, RegistryError> {
        read(&self.codes, CODES, checked(hash)?).await
    }

    /// Changes a code that is still as it was read; else [`RegistryError::Conflict`].
    pub async fn update_code(
        &self,
        hash: &str,
        code: &Code,
        revision: u64,
    ) -> Result<(), RegistryError> {
        let value = encode(CODES, code)?;
        let updated = self.codes.update(checked(hash)?, value.into(), revision).await;
        updated.map(|_| ()).map_err(|error| match error.kind() {
            UpdateErrorKind::WrongLastRevision => RegistryError::Conflict,
            _ => unavailable(error),
        })
    }
}
