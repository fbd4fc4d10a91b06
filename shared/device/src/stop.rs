//! Why an envelope stops on its way to the inbox, and what is recorded of it then.

use libsignal_protocol::{CiphertextMessageType, SignalProtocolError};
use sysmaint_protocol::{Address, Handle, Timestamp, TransferId};

use crate::{
    Incoming, Opened,
    certificate::Certified,
    guard, held,
    overlay::OverlayError,
    repair,
    store::{DeadLetter, DeadReason, NewRetry, Store, StoreError},
};

/// Why.
pub(crate) enum Stop {
    Dead(DeadReason),
    /// A resend may cure it.
    Curable(DeadReason),
    Retry {
        peer: Address,
        transfer_id: TransferId,
        reason: DeadReason,
        request: Vec<u8>,
    },
    /// Certified under another key than the pinned one.
    Held(Certified),
    /// Certified for a device that is not known to belong to its handle.
    Stranger(Certified),
    /// From another identity than the one that has this handle.
    Claim(Address, Handle),
    Store(StoreError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<OverlayError> for Stop {
    fn from(error: OverlayError) -> Self {
        let error = match error {
            OverlayError::Store(error) => return Self::Store(error),
            OverlayError::Signal(error) => error,
        };
        Self::Curable(match error {
            // These very bytes would have been recognised.
            SignalProtocolError::DuplicatedMessage(..) => DeadReason::ReusedKey,
            SignalProtocolError::InvalidPreKeyId
            | SignalProtocolError::InvalidSignedPreKeyId
            | SignalProtocolError::InvalidKyberPreKeyId => DeadReason::UnknownPrekey,
            SignalProtocolError::SessionNotFound(_) => DeadReason::NoSession,
            _ => DeadReason::Undecryptable,
        })
    }
}

impl From<guard::Rejected> for Stop {
    fn from(rejected: guard::Rejected) -> Self {
        match rejected {
            // An honest counter jumps too far when too much before it was lost.
            guard::Rejected::Jump(_) => Self::Curable(DeadReason::Guard),
            _ => Self::Dead(DeadReason::Guard),
        }
    }
}

impl Stop {
    /// Turns what may be cured into a request, where the ciphertext can be named.
    pub(crate) fn ask(
        self,
        kind: CiphertextMessageType,
        message: &[u8],
        transfer_id: Option<TransferId>,
        peer: Address,
    ) -> Self {
        let Self::Curable(reason) = self else { return self };
        let request =
            transfer_id.and_then(|id| Some((id, repair::request(message, kind, id, peer)?)));
        match request {
            Some((transfer_id, request)) => Self::Retry { peer, transfer_id, reason, request },
            None => Self::Dead(reason),
        }
    }

    /// Records why an envelope goes no further.
    pub(crate) fn conclude(
        self,
        store: &mut dyn Store,
        now: Timestamp,
        incoming: Incoming<'_>,
        sender: Option<Address>,
    ) -> Result<Opened, StoreError> {
        let Incoming { transfer_id, stored_at, .. } = incoming;
        if let (Self::Dead(_) | Self::Curable(_) | Self::Retry { .. }, Some(sender)) =
            (&self, sender)
        {
            store.note_unopened(sender)?;
        }
        let reason = match self {
            Self::Dead(reason) | Self::Curable(reason) => reason,
            Self::Held(certified) => return held::keep_changed(store, certified, incoming),
            Self::Stranger(certified) => {
                return held::keep_strangers(store, certified, now, incoming);
            }
            Self::Claim(claimant, handle) => {
                return held::keep_claim(store, claimant, &handle, incoming);
            }
            Self::Store(error) => return Err(error),
            Self::Retry { peer, transfer_id, reason, request } => {
                let retry = NewRetry { peer, transfer_id, reason, request: &request, stored_at };
                if store.owe_retry(&retry, now)? {
                    return Ok(Opened::Retry(reason));
                }
                reason
            }
        };
        store.bury(&DeadLetter { sender, transfer_id, reason, stored_at })?;
        Ok(Opened::Dead(reason))
    }
}
