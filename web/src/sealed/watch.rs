//! What pages are told as it happens: deliveries, the link, and what the relay sees.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use sysmaint_bus::Tap;
use sysmaint_endpoint::{Activity, Ephemeral};
use sysmaint_protocol::{
    Handle, Kind,
    body::{self, Delta},
};
use sysmaint_store::{SqlError, View};
use tokio::sync::broadcast::error::RecvError;

use super::{SealedBackend, conversation, telemetry};
use crate::backend::{BackendError, Delivery, Event, LinkState, Seen};

/// Prompts whose delivery is still followed.
const FOLLOWED: usize = 5;
const LINK_EVERY: Duration = Duration::from_secs(2);

/// Tells how far prompts have come. Runs until it is dropped.
pub(super) async fn activity(backend: &SealedBackend) {
    let mut activity = backend.inner.alice.activity();
    loop {
        match activity.recv().await {
            Ok(Activity::Published | Activity::Delivered) | Err(RecvError::Lagged(_)) => {}
            Ok(Activity::Opened(..)) => continue,
            Ok(Activity::Ephemeral(message)) => {
                draft(backend, &message).await;
                continue;
            }
            Err(RecvError::Closed) => return std::future::pending().await,
        }
        if let Ok(entries) = conversation::history(backend, FOLLOWED).await {
            for entry in entries.into_iter().filter(|entry| entry.state != Delivery::Answered) {
                backend.tell(Event::Chat(Arc::new(entry)));
            }
        }
    }
}

/// Tells more of an answer that is being made, if it is the agent who says so and the answer is
/// still awaited.
async fn draft(backend: &SealedBackend, message: &Ephemeral) {
    let Some(prompt) = message.in_reply_to.filter(|_| message.kind == Kind::Delta) else { return };
    let Ok(delta) = body::decode::<Delta>(&message.body) else { return };
    let sender = backend.inner.alice.handle_of(message.sender).await;
    if !matches!(sender, Ok(Some(sender)) if sender == backend.inner.config.agent) {
        return;
    }
    let entry = conversation::entry(backend, prompt).await;
    if !matches!(entry, Ok(Some(entry)) if entry.answer.is_none()) {
        return;
    }
    if let Some(part) = backend.inner.drafts.add(prompt, &delta) {
        backend.tell(Event::Draft(Arc::new(part)));
    }
}

/// Tells when the link changes, and when a host falls silent. Runs until it is dropped.
pub(super) async fn link(backend: &SealedBackend) {
    let mut last = LinkState::default();
    let mut silent = BTreeSet::new();
    loop {
        tell_silent(backend, &mut silent).await;
        if let Ok(state) = link_state(backend).await
            && state != last
        {
            last = state;
            backend.tell(Event::Link(state));
        }
        tokio::time::sleep(LINK_EVERY).await;
    }
}

async fn tell_silent(backend: &SealedBackend, known: &mut BTreeSet<Handle>) {
    let Ok(hosts) = telemetry::hosts(backend).await else { return };
    for host in hosts {
        if !host.stale {
            known.remove(&host.host);
        } else if known.insert(host.host.clone()) {
            backend.tell(Event::Host(Arc::new(host)));
        }
    }
}

pub(super) async fn link_state(backend: &SealedBackend) -> Result<LinkState, BackendError> {
    let slots = [backend.inner.alice.slot(), backend.inner.bob.slot()];
    let look = move |view: &View<'_>| -> Result<LinkState, SqlError> {
        let mut state = LinkState::default();
        for slot in slots {
            let counts = view.repairs().counts(slot)?;
            state.outbox_waiting += view.outbox().waiting(slot)?.0;
            state.awaited += counts.awaited;
            state.repaired += counts.repaired;
            state.held += counts.held;
            state.missing += counts.missing;
        }
        state.dead_letters = view.dead_letters().counts()?.iter().map(|(_, count)| count).sum();
        Ok(state)
    };
    let state = backend.store().read(look).await?;
    let status = [backend.inner.alice.status(), backend.inner.bob.status()];
    let latest = |moment: fn(&sysmaint_endpoint::Status) -> Option<_>| {
        status.iter().filter_map(|status| moment(&status.borrow())).max()
    };
    let connected = backend.inner.bus.is_connected();
    Ok(LinkState {
        connected,
        relay: (*backend.inner.relay.borrow()).filter(|_| connected),
        last_in: latest(|status| status.last_opened),
        last_out: latest(|status| status.last_sent),
        ..state
    })
}

/// Hands on what the tap sees. Runs until it is dropped.
pub(super) async fn wire(backend: &SealedBackend, tap: Option<Tap>) {
    let Some(tap) = tap else { return std::future::pending().await };
    let mut passing = tap.watch();
    loop {
        match passing.recv().await {
            Ok(seen) => {
                let sysmaint_bus::Seen { subject, bytes, headers, at } = seen;
                let _ = backend.inner.wire.send(Seen { subject, bytes: bytes.into(), at, headers });
            }
            Err(RecvError::Lagged(missed)) => tracing::debug!(missed, "the demo's view lags"),
            Err(RecvError::Closed) => return std::future::pending().await,
        }
    }
}
