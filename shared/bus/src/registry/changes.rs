//! Hearing of what changes in the registry.
//!
//! What is heard of was stored before. A listener that lost the connection, or was too slow, must
//! assume that it missed something.

use std::fmt;

use async_nats::jetstream::kv::{Store, Watch};
use futures_util::StreamExt as _;

use super::{Registry, RegistryError, unavailable};

/// Keys of one kind of entries, each once it was written or removed.
pub struct Changes {
    watch: Watch,
}

impl Registry {
    /// Listens for tokens from now on; each change is a token's hash.
    pub async fn token_changes(&self) -> Result<Changes, RegistryError> {
        Changes::of(&self.tokens).await
    }

    /// Listens for identities from now on; each change is a handle.
    pub async fn identity_changes(&self) -> Result<Changes, RegistryError> {
        Changes::of(&self.identities).await
    }
}

impl Changes {
    async fn of(store: &Store) -> Result<Self, RegistryError> {
        let watch = store.watch_all().await.map_err(unavailable)?;
        Ok(Self { watch })
    }

    /// Waits for the next change. `None` when there is a doubt whether all were heard: listen
    /// anew, and trust nothing that was heard of before.
    pub async fn next(&mut self) -> Option<String> {
        match self.watch.next().await? {
            Ok(entry) => Some(entry.key),
            Err(error) => {
                tracing::debug!(%error, "a watch of the registry was interrupted");
                None
            }
        }
    }
}

impl fmt::Debug for Changes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Changes").finish_non_exhaustive()
    }
}
