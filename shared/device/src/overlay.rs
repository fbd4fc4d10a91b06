//! libsignal's view of the store: it reads through and writes into a diff.
//!
//! libsignal changes its stores before our own checks on header and addresses are done. The diff
//! is applied only when everything held, so that a message that is refused leaves no trace. All
//! futures finish on their first poll, since the store is synchronous.

use std::cell::RefCell;

use async_trait::async_trait;
use futures_util::FutureExt;
use libsignal_protocol::{
    Direction, GenericSignedPreKey, IdentityChange, IdentityKey, IdentityKeyPair, IdentityKeyStore,
    KyberPreKeyId, KyberPreKeyRecord, KyberPreKeyStore, PreKeyId, PreKeyRecord, PreKeyStore,
    ProtocolAddress, PublicKey, SessionRecord, SessionStore, SignalProtocolError, SignedPreKeyId,
    SignedPreKeyRecord, SignedPreKeyStore,
};
use sysmaint_protocol::Address;

use crate::{
    guard::Candidates,
    store::{PrekeyClass, Store, StoreError},
};
use prost::Message as _;

type Result<T> = std::result::Result<T, SignalProtocolError>;

/// One operation of libsignal with one peer.
pub(crate) struct Overlay<'a> {
    store: &'a dyn Store,
    identity: &'a IdentityKeyPair,
    registration_id: u32,
    peer: Address,
    /// The only key that the peer may have in this operation.
    peer_key: Option<IdentityKey>,
    /// What may be seen of the session, where the guard has said so.
    candidates: RefCell<Option<Candidates>>,
    diff: RefCell<Diff>,
    failure: RefCell<Option<StoreError>>,
}

/// What libsignal changed.
#[derive(Default)]
pub(crate) struct Diff {
    session: Option<Vec<u8>>,
    used_ec: Option<u32>,
    used_kyber: Option<UsedKyber>,
}

struct UsedKyber {
    kyber_id: u32,
    signed_id: u32,
    base_key: Vec<u8>,
}

/// A cheap handle, one for each of libsignal's store arguments.
#[derive(Clone, Copy)]
pub(crate) struct View<'a>(&'a Overlay<'a>);

/// The operation failed, in the store or in libsignal.
#[derive(Debug)]
pub(crate) enum OverlayError {
    Signal(SignalProtocolError),
    Store(StoreError),
}

impl<'a> Overlay<'a> {
    pub(crate) fn new(
        store: &'a dyn Store,
        identity: &'a IdentityKeyPair,
        registration_id: u32,
        peer: Address,
        peer_key: Option<IdentityKey>,
    ) -> Self {
        Self {
            store,
            identity,
            registration_id,
            peer,
            peer_key,
            candidates: RefCell::default(),
            diff: RefCell::default(),
            failure: RefCell::default(),
        }
    }

    /// Shows libsignal these states of the session only.
    pub(crate) fn showing(self, candidates: Candidates) -> Self {
        self.candidates.replace(Some(candidates));
        self
    }

    pub(crate) const fn view(&'a self) -> View<'a> {
        View(self)
    }

    /// Runs one of libsignal's futures, which never wait over this store.
    pub(crate) fn run<T>(
        &self,
        operation: impl Future<Output = Result<T>>,
    ) -> std::result::Result<T, OverlayError> {
        let pending = SignalProtocolError::InvalidState("overlay", "a store waited".into());
        let outcome = operation.now_or_never().unwrap_or(Err(pending));
        match (self.failure.borrow_mut().take(), outcome) {
            (Some(failure), _) => Err(OverlayError::Store(failure)),
            (None, outcome) => outcome.map_err(OverlayError::Signal),
        }
    }

    /// What was changed.
    pub(crate) fn into_diff(self) -> Diff {
        self.diff.into_inner()
    }

    /// Keeps a store's failure for [`Self::run`] and tells libsignal to stop.
    fn read<T>(&self, outcome: std::result::Result<T, StoreError>) -> Result<T> {
        outcome.map_err(|error| {
            self.failure.borrow_mut().replace(error);
            SignalProtocolError::InvalidState("overlay", "the store failed".into())
        })
    }

    fn prekey(&self, class: PrekeyClass, id: u32) -> Result<Option<Vec<u8>>> {
        let found = self.read(self.store.prekey(class, id))?;
        Ok(found.map(|prekey| prekey.record.to_vec()))
    }
}

impl Diff {
    /// Writes the changes. False if a last-resort prekey was used with the same base key before:
    /// a replay, of which nothing may stay.
    pub(crate) fn apply(
        self,
        store: &mut dyn Store,
        peer: Address,
    ) -> std::result::Result<bool, StoreError> {
        if let Some(used) = self.used_kyber {
            if store.prekey(PrekeyClass::Kyber, used.kyber_id)?.is_some() {
                store.remove_prekey(PrekeyClass::Kyber, used.kyber_id)?;
            } else if !store.note_last_resort(used.kyber_id, used.signed_id, &used.base_key)? {
                return Ok(false);
            }
        }
        if let Some(id) = self.used_ec {
            store.remove_prekey(PrekeyClass::Ec, id)?;
        }
        if let Some(record) = self.session {
            store.put_session(peer, &record)?;
        }
        Ok(true)
    }
}

#[async_trait(?Send)]
impl IdentityKeyStore for View<'_> {
    async fn get_identity_key_pair(&self) -> Result<IdentityKeyPair> {
        Ok(*self.0.identity)
    }

    async fn get_local_registration_id(&self) -> Result<u32> {
        Ok(self.0.registration_id)
    }

    /// The pin is ours to set, before libsignal is called.
    async fn save_identity(
        &mut self,
        _address: &ProtocolAddress,
        _identity: &IdentityKey,
    ) -> Result<IdentityChange> {
        Ok(IdentityChange::NewOrUnchanged)
    }

    async fn is_trusted_identity(
        &self,
        _address: &ProtocolAddress,
        identity: &IdentityKey,
        _direction: Direction,
    ) -> Result<bool> {
        Ok(self.0.peer_key.as_ref() == Some(identity))
    }

    async fn get_identity(&self, _address: &ProtocolAddress) -> Result<Option<IdentityKey>> {
        Ok(self.0.peer_key)
    }
}

#[async_trait(?Send)]
impl SessionStore for View<'_> {
    async fn load_session(&self, _address: &ProtocolAddress) -> Result<Option<SessionRecord>> {
        let mut candidates = self.0.candidates.borrow_mut();
        if candidates.is_none() {
            *candidates =
                Some(self.0.read(Candidates::current(self.0.store.peers(), self.0.peer))?);
        }
        let shown = candidates.as_ref().and_then(|candidates| candidates.shown.as_ref());
        shown.map(|record| SessionRecord::deserialize(&record.encode_to_vec())).transpose()
    }

    async fn store_session(
        &mut self,
        _address: &ProtocolAddress,
        record: &SessionRecord,
    ) -> Result<()> {
        let aside = self.0.candidates.borrow().as_ref().map(|candidates| candidates.aside.clone());
        let whole = aside.unwrap_or_default().rejoin(&record.serialize()?)?;
        self.0.diff.borrow_mut().session = Some(whole);
        Ok(())
    }
}

#[async_trait(?Send)]
impl PreKeyStore for View<'_> {
    async fn get_pre_key(&self, id: PreKeyId) -> Result<PreKeyRecord> {
        let record = self.0.prekey(PrekeyClass::Ec, id.into())?;
        PreKeyRecord::deserialize(&record.ok_or(SignalProtocolError::InvalidPreKeyId)?)
    }

    async fn save_pre_key(&mut self, _id: PreKeyId, _record: &PreKeyRecord) -> Result<()> {
        Err(unexpected("save_pre_key"))
    }

    async fn remove_pre_key(&mut self, id: PreKeyId) -> Result<()> {
        self.0.diff.borrow_mut().used_ec = Some(id.into());
        Ok(())
    }
}

#[async_trait(?Send)]
impl SignedPreKeyStore for View<'_> {
    async fn get_signed_pre_key(&self, id: SignedPreKeyId) -> Result<SignedPreKeyRecord> {
        let record = self.0.prekey(PrekeyClass::Signed, id.into())?;
        SignedPreKeyRecord::deserialize(&record.ok_or(SignalProtocolError::InvalidSignedPreKeyId)?)
    }

    async fn save_signed_pre_key(
        &mut self,
        _id: SignedPreKeyId,
        _record: &SignedPreKeyRecord,
    ) -> Result<()> {
        Err(unexpected("save_signed_pre_key"))
    }
}

#[async_trait(?Send)]
impl KyberPreKeyStore for View<'_> {
    async fn get_kyber_pre_key(&self, id: KyberPreKeyId) -> Result<KyberPreKeyRecord> {
        let record = match self.0.prekey(PrekeyClass::Kyber, id.into())? {
            Some(record) => Some(record),
            None => self.0.prekey(PrekeyClass::LastResort, id.into())?,
        };
        KyberPreKeyRecord::deserialize(&record.ok_or(SignalProtocolError::InvalidKyberPreKeyId)?)
    }

    async fn save_kyber_pre_key(
        &mut self,
        _id: KyberPreKeyId,
        _record: &KyberPreKeyRecord,
    ) -> Result<()> {
        Err(unexpected("save_kyber_pre_key"))
    }

    async fn mark_kyber_pre_key_used(
        &mut self,
        kyber_id: KyberPreKeyId,
        signed_id: SignedPreKeyId,
        base_key: &PublicKey,
    ) -> Result<()> {
        self.0.diff.borrow_mut().used_kyber = Some(UsedKyber {
            kyber_id: kyber_id.into(),
            signed_id: signed_id.into(),
            base_key: base_key.serialize().into_vec(),
        });
        Ok(())
    }
}

/// libsignal only reads prekeys; a device makes them itself.
fn unexpected(method: &'static str) -> SignalProtocolError {
    SignalProtocolError::InvalidState(method, "prekeys are made by the device".into())
}
