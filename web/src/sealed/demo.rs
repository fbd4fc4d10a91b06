//! What the demo explains: how each message used its session, and what became of it.

use sysmaint_device::Opened;
use sysmaint_endpoint::{Endpoint, Step, Trace};
use sysmaint_protocol::{
    ContentId, DeviceId, Handle, Kind,
    body::{self, Text},
};
use sysmaint_store::SqlError;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::{SealedBackend, lossy::LossyLink};
use crate::backend::{BackendError, Fault, Trail, What};

/// Seals a text, and has the link do something to it on its way to the recipient's first device.
pub(super) async fn send(
    backend: &SealedBackend,
    from: &Endpoint,
    to: &Handle,
    text: String,
    fault: Option<Fault>,
) -> Result<ContentId, BackendError> {
    if fault.is_some() && backend.endpoint(to).is_none() {
        let detail = format!("\"fault\" is for texts between devices of this server; {to} is not");
        return Err(BackendError::Invalid(detail));
    }
    let link = backend.inner.link.clone();
    let (sender, recipient) = (from.handle().clone(), to.clone());
    let note = move |step: &Step<'_, '_>, id| -> Result<(), SqlError> {
        let first = step.queued().iter().find(|queued| {
            queued.content_id == id
                && queued.to.handle == recipient
                && queued.to.device_id == DeviceId::FIRST
        });
        let Some(queued) = first else { return Ok(()) };
        if let Some(fault) = fault {
            step.kept_back().keep(queued.transfer_id, id, fault.name(), step.now())?;
        }
        link.compose(&sender, queued, fault);
        Ok(())
    };
    let id = from.send_with(to, &Text { text }, note).await?;
    backend.inner.link.trails().confirm(id);
    Ok(id)
}

/// What became of messages, those that are held with what they say.
pub(super) async fn trails(backend: &SealedBackend) -> Result<Vec<Trail>, BackendError> {
    let held = backend.store().read(|view| view.kept_back().all()).await?;
    let text = |trail: &Trail| {
        let row = held.iter().find(|row| trail.held && row.content_id == trail.id)?;
        Some(body::decode::<Text>(row.body.as_deref()?).ok()?.text)
    };
    let all = backend.inner.link.trails().all().into_iter();
    Ok(all.map(|trail| Trail { text: text(&trail), ..trail }).collect())
}

/// Follows what becomes of envelopes at one device. Runs until it is dropped.
pub(super) async fn follow(link: &LossyLink, own: &Handle, mut traces: Receiver<Trace>) {
    loop {
        match traces.recv().await {
            Ok(Trace::Sealed(queued)) => link.trails().sealed(&queued),
            Ok(Trace::Arrived { transfer_id: Some(envelope), opened, mechanics }) => {
                let note = |what| link.trails().note_envelope(envelope, what);
                match opened {
                    Opened::Message { content_id, kind: Kind::Text, .. } => {
                        link.trails().opened(content_id, own, envelope, mechanics);
                    }
                    Opened::Duplicate => note(What::Duplicate),
                    Opened::Dead(reason) => note(What::Refused { reason: reason.name() }),
                    Opened::Retry(reason) => note(What::Asked { reason: reason.name() }),
                    _ => {}
                }
            }
            Ok(Trace::Arrived { .. }) => {}
            Err(RecvError::Lagged(missed)) => tracing::debug!(missed, "the demo's trails lag"),
            Err(RecvError::Closed) => return std::future::pending().await,
        }
    }
}
