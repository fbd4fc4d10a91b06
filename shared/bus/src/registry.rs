//! What the relay remembers, in JetStream: identities, tokens, bundles, one-time prekeys,
//! challenges and one-time codes. Nothing here is secret but the hashes of tokens and codes; every
//! bridge shares it.

mod buckets;
mod changes;
mod codes;
mod logins;
mod prekeys;

use std::sync::Arc;

use async_nats::{
    Message,
    jetstream::kv::{CreateErrorKind, Operation, Store, UpdateErrorKind},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sysmaint_protocol::{
    Base64Bytes, DeviceId, Handle, NatsLogin, ServiceId, Timestamp,
    rest::{SignedPrekey, Transport},
    subject::Mailbox,
};

pub use changes::Changes;
pub use codes::Code;

use crate::{
    Bus,
    stored_mailbox::header,
    streams::{CHALLENGES, CODES, IDENTITIES, LOGINS, STANDING, TOKENS},
};

/// Identities that are read at once.
const PAGE: usize = 64;

/// An identity and its devices: one value, changed by compare and set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// What the handle is bound to.
    pub service_id: ServiceId,
    /// At least one, unless the last one was revoked.
    pub devices: Vec<RegisteredDevice>,
    /// Devices that are out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revoked: Vec<RevokedDevice>,
    /// Further devices that were admitted and have not registered yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub awaited: Vec<AwaitedDevice>,
}

/// A further device that may register.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwaitedDevice {
    /// The number that it will have.
    pub device_id: DeviceId,
    /// 33 bytes.
    pub identity_key: Base64Bytes,
    /// The statement that admits it.
    pub admission: Base64Bytes,
    /// Until when.
    pub expires_at: Timestamp,
}

/// A device that was registered once and is not to come back by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokedDevice {
    /// Its number.
    pub device_id: DeviceId,
    /// 33 bytes: what may not be registered again.
    pub identity_key: Base64Bytes,
    /// The statement that had admitted it, if it was a further device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admission: Option<Base64Bytes>,
    /// The identity that it was of, if the handle was bound to another one since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_id: Option<ServiceId>,
    /// Since when.
    pub revoked_at: Timestamp,
    /// Whether somebody has decided since that it may.
    #[serde(default)]
    pub readmitted: bool,
}

impl Identity {
    /// Forgets admissions that are too old, and the one for a number that needs it no more.
    pub fn forget_awaited(&mut self, device_id: DeviceId, now: Timestamp) {
        self.awaited.retain(|awaited| awaited.expires_at > now && awaited.device_id != device_id);
    }

    /// Whether a device of this number is out; of this identity, and not of one that had the
    /// handle before.
    pub fn has_revoked(&self, device_id: DeviceId) -> bool {
        self.revoked.iter().any(|gone| gone.is_of_now(device_id))
    }
}

impl RevokedDevice {
    /// Whether it is the device of this number, and not one of an identity that had the handle
    /// before.
    pub fn is_of_now(&self, device_id: DeviceId) -> bool {
        self.service_id.is_none() && self.device_id == device_id
    }
}

/// One registered device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisteredDevice {
    /// Its number.
    pub device_id: DeviceId,
    /// libsignal's registration id.
    pub registration_id: u32,
    /// 33 bytes.
    pub identity_key: Base64Bytes,
    /// How it reads its mailbox.
    pub transport: Transport,
    /// SHA-256 of its bearer token, hexadecimal.
    pub token_hash: String,
    /// Its sender certificate, issued last.
    pub certificate: Base64Bytes,
    /// The statement that admits a further device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admission: Option<Base64Bytes>,
    /// How it logs in to NATS, where the server's configuration does not list it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nats: Option<NatsLogin>,
    /// When it was first registered.
    pub registered_at: Timestamp,
}

/// The prekeys of a device that are served more than once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandingPrekeys {
    /// Signed EC prekey.
    pub signed_prekey: SignedPrekey,
    /// Last-resort Kyber prekey.
    pub last_resort_kyber_prekey: SignedPrekey,
}

/// Reads and writes all that. Clones share one connection.
#[derive(Clone, Debug)]
pub struct Registry {
    bus: Bus,
    identities: Arc<Store>,
    standing: Arc<Store>,
    tokens: Arc<Store>,
    logins: Arc<Store>,
    challenges: Arc<Store>,
    codes: Arc<Store>,
}

/// The registry did not do it.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// Somebody else changed or created the same entry first. Read it again and decide anew.
    #[error("the entry was changed by somebody else in the meantime")]
    Conflict,
    /// A hash is not 64 hexadecimal digits.
    #[error("a token's hash must be 64 hexadecimal digits")]
    NotAHash,
    /// An entry cannot be understood; a newer relay may have written it.
    #[error("an entry in bucket {bucket} is malformed: {reason}")]
    Malformed {
        /// Where.
        bucket: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// Too many others take keys of the same device at this moment.
    #[error("too many requests take keys of this device at once; try again")]
    Contended,
    /// The broker did not answer as hoped; try again. A write may have been done.
    #[error("the registry does not answer: {0}")]
    Unavailable(String),
}

impl Registry {
    /// Opens it. The streams must be there: see [`Bus::ensure_streams`].
    pub async fn open(bus: &Bus) -> Result<Self, RegistryError> {
        let open = async |bucket: &'static str| {
            bus.jetstream.get_key_value(bucket).await.map(Arc::new).map_err(unavailable)
        };
        Ok(Self {
            identities: open(IDENTITIES).await?,
            standing: open(STANDING).await?,
            tokens: open(TOKENS).await?,
            logins: open(LOGINS).await?,
            challenges: open(CHALLENGES).await?,
            codes: open(CODES).await?,
            bus: bus.clone(),
        })
    }

    /// An identity and the revision that [`Self::update_identity`] wants back.
    pub async fn identity(
        &self,
        handle: &Handle,
    ) -> Result<Option<(Identity, u64)>, RegistryError> {
        read(&self.identities, IDENTITIES, handle.as_str()).await
    }

    /// Some identities with their handles, in the order of their last change, from `from` on; and
    /// where to go on, until there are no more. Those that cannot be read are left out.
    pub async fn identities(
        &self,
        from: u64,
    ) -> Result<(Vec<(Handle, Identity)>, Option<u64>), RegistryError> {
        let (stream, prefix) = (format!("KV_{IDENTITIES}"), format!("$KV.{IDENTITIES}."));
        let found = self.bus.read_batch(&stream, &format!("{prefix}>"), from, PAGE).await?;
        let next = found.iter().filter_map(sequence).max().map(|last| last + 1);
        let page = found.iter().filter_map(|message| {
            let subject = header::<String>(message, "Nats-Subject")?;
            let handle = subject.strip_prefix(&prefix)?.parse().ok()?;
            Some((handle, serde_json::from_slice(&message.payload).ok()?))
        });
        Ok((page.collect(), next))
    }

    /// Binds a handle that nobody has; [`RegistryError::Conflict`] if somebody does.
    pub async fn create_identity(
        &self,
        handle: &Handle,
        identity: &Identity,
    ) -> Result<u64, RegistryError> {
        let value = encode(IDENTITIES, identity)?;
        self.identities.create(handle.as_str(), value.into()).await.map_err(|error| {
            match error.kind() {
                CreateErrorKind::AlreadyExists => RegistryError::Conflict,
                _ => unavailable(error),
            }
        })
    }

    /// Changes an identity that is still as it was read; else [`RegistryError::Conflict`].
    pub async fn update_identity(
        &self,
        handle: &Handle,
        identity: &Identity,
        revision: u64,
    ) -> Result<u64, RegistryError> {
        let value = encode(IDENTITIES, identity)?;
        self.identities.update(handle.as_str(), value.into(), revision).await.map_err(|error| {
            match error.kind() {
                UpdateErrorKind::WrongLastRevision => RegistryError::Conflict,
                _ => unavailable(error),
            }
        })
    }

    /// The signed and the last-resort prekey of a device.
    pub async fn standing(
        &self,
        device: &Mailbox,
    ) -> Result<Option<StandingPrekeys>, RegistryError> {
        let found = read(&self.standing, STANDING, &device.to_string()).await?;
        Ok(found.map(|(standing, _revision)| standing))
    }

    /// Removes them: nobody can open a session with the device any more.
    pub async fn remove_standing(&self, device: &Mailbox) -> Result<(), RegistryError> {
        self.standing.purge(device.to_string()).await.map_err(unavailable)
    }

    /// Replaces them.
    pub async fn put_standing(
        &self,
        device: &Mailbox,
        standing: &StandingPrekeys,
    ) -> Result<(), RegistryError> {
        let value = encode(STANDING, standing)?;
        let put = self.standing.put(device.to_string(), value.into()).await;
        put.map(|_| ()).map_err(unavailable)
    }
}

fn sequence(message: &Message) -> Option<u64> {
    header(message, "Nats-Sequence")
}

/// An entry and its revision; `None` if it is absent or was removed.
async fn read<T: DeserializeOwned>(
    store: &Store,
    bucket: &'static str,
    key: &str,
) -> Result<Option<(T, u64)>, RegistryError> {
    let Some(entry) = store.entry(key).await.map_err(unavailable)? else { return Ok(None) };
    if entry.operation != Operation::Put {
        return Ok(None);
    }
    let value = serde_json::from_slice(&entry.value)
        .map_err(|error| RegistryError::Malformed { bucket, reason: error.to_string() })?;
    Ok(Some((value, entry.revision)))
}

fn encode<T: Serialize>(bucket: &'static str, value: &T) -> Result<Vec<u8>, RegistryError> {
    serde_json::to_vec(value)
        .map_err(|error| RegistryError::Malformed { bucket, reason: error.to_string() })
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in for a closure in map_err")]
fn unavailable(error: impl ToString) -> RegistryError {
    RegistryError::Unavailable(error.to_string())
}
