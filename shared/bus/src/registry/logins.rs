//! Logins of devices on NATS: by public nkey for the server's questions, and by inbox so that no
//! two devices get their answers in one place.

use async_nats::jetstream::kv::CreateErrorKind;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use sysmaint_protocol::{DeviceId, Handle, InboxPrefix, NatsLogin, NatsUserKey, subject::Mailbox};

use super::{Registry, RegistryError, buckets::MARK_LIVES, encode, read, unavailable};
use crate::{KnownLogin, Logins, streams::LOGINS};

#[derive(PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    handle: Handle,
    device_id: DeviceId,
    inbox: InboxPrefix,
}

/// Whose an inbox is.
#[derive(PartialEq, Eq, Serialize, Deserialize)]
struct Claim {
    user: NatsUserKey,
}

impl Registry {
    /// Claims key and inbox for a device; [`RegistryError::Conflict`] if somebody else has one of
    /// them. What the device claimed before in the same words is no conflict.
    pub async fn claim_login(
        &self,
        login: &NatsLogin,
        device: &Mailbox,
    ) -> Result<(), RegistryError> {
        let entry = Entry {
            handle: device.handle.clone(),
            device_id: device.device_id,
            inbox: login.inbox.clone(),
        };
        // The inbox first: a key that is there lets its device in.
        let inbox = inbox_key(login);
        let new = self.claim(&inbox, &Claim { user: login.user.clone() }).await?;
        let claimed = self.claim(&user_key(&login.user), &entry).await;
        if new && claimed.is_err() {
            self.logins.purge_with_ttl(inbox, MARK_LIVES).await.map_err(unavailable)?;
        }
        claimed.map(|_| ())
    }

    /// Ends a login: the server's next question about it is answered with no.
    pub async fn remove_login(&self, login: &NatsLogin) -> Result<(), RegistryError> {
        for key in [user_key(&login.user), inbox_key(login)] {
            self.logins.purge_with_ttl(key, MARK_LIVES).await.map_err(unavailable)?;
        }
        Ok(())
    }

    /// True if it was nobody's before.
    async fn claim<T>(&self, key: &str, value: &T) -> Result<bool, RegistryError>
    where
        T: Serialize + serde::de::DeserializeOwned + PartialEq,
    {
        let Err(error) = self.logins.create(key, encode(LOGINS, value)?.into()).await else {
            return Ok(true);
        };
        if error.kind() != CreateErrorKind::AlreadyExists {
            return Err(unavailable(error));
        }
        match read::<T>(&self.logins, LOGINS, key).await? {
            Some((found, _)) if found == *value => Ok(false),
            _ => Err(RegistryError::Conflict),
        }
    }
}

/// A login is good for as long as its identity says so: that one entry decides, so that nothing is
/// left open between two writes.
#[async_trait]
impl Logins for Registry {
    async fn login(&self, user: &NatsUserKey) -> Result<Option<KnownLogin>, RegistryError> {
        let found = read::<Entry>(&self.logins, LOGINS, &user_key(user)).await?;
        let Some((Entry { handle, device_id, inbox }, _)) = found else { return Ok(None) };
        let Some((identity, _)) = self.identity(&handle).await? else { return Ok(None) };
        let stands = identity.devices.iter().any(|device| {
            let login = device.nats.as_ref();
            device.device_id == device_id
                && login.is_some_and(|login| login.user == *user && login.inbox == inbox)
        });
        Ok(stands.then(|| KnownLogin { device: Mailbox::new(handle, device_id), inbox }))
    }
}

fn user_key(user: &NatsUserKey) -> String {
    format!("user.{user}")
}

fn inbox_key(login: &NatsLogin) -> String {
    format!("inbox.{}", login.inbox.digits())
}
