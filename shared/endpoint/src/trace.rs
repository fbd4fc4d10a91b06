//! What becomes of single envelopes, for a page that explains it. Nothing here is kept.

use sysmaint_device::{Mechanics, Opened};
use sysmaint_protocol::TransferId;
use sysmaint_store::Queued;
use tokio::sync::broadcast;

use crate::Endpoint;

/// Something happened to one envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trace {
    /// It came out of the mailbox.
    Arrived {
        /// Its name, if its publisher gave it one.
        transfer_id: Option<TransferId>,
        /// What became of it.
        opened: Opened,
        /// How it used its session, if it was authentic.
        mechanics: Option<Mechanics>,
    },
    /// It was sealed and queued.
    Sealed(Queued),
}

impl Endpoint {
    /// What becomes of envelopes from now on. Costs nothing while nobody listens.
    pub fn trace(&self) -> broadcast::Receiver<Trace> {
        self.inner.trace.subscribe()
    }

    pub(crate) fn trace_sealed(&self, queued: Vec<Queued>) {
        for envelope in queued {
            let _ = self.inner.trace.send(Trace::Sealed(envelope));
        }
    }

    pub(crate) fn trace_arrived(
        &self,
        transfer_id: Option<TransferId>,
        opened: &Opened,
        mechanics: Option<Mechanics>,
    ) {
        if self.inner.trace.receiver_count() > 0 {
            let opened = opened.clone();
            let _ = self.inner.trace.send(Trace::Arrived { transfer_id, opened, mechanics });
        }
    }
}
