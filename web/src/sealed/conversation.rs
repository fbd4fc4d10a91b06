//! Prompts, answers and direct messages, from the store.

use std::time::Duration;

use sysmaint_protocol::{ContentId, Handle};
use sysmaint_store::{ChatRow, SqlError, View};
use tokio::{sync::broadcast::error::RecvError, time::Instant};

use super::SealedBackend;
use crate::backend::{Backend as _, BackendError, ChatEntry, Delivery, DirectMessage, Event};

/// Waits for an answer by watching what arrives.
pub(super) async fn answer(
    backend: &SealedBackend,
    id: ContentId,
    wait: Duration,
) -> Result<ChatEntry, BackendError> {
    let deadline = Instant::now() + wait;
    let mut events = backend.events();
    loop {
        let entry = known(backend, id).await?;
        if entry.answer.is_some() {
            return Ok(entry);
        }
        loop {
            match tokio::time::timeout_at(deadline, events.recv()).await {
                Err(_) | Ok(Err(RecvError::Closed)) => return Ok(entry),
                Ok(Ok(Event::Chat(changed))) if changed.id == id => break,
                Ok(Err(RecvError::Lagged(_))) => break,
                Ok(Ok(_)) => {}
            }
        }
    }
}

/// One prompt as it stands, which must be here.
pub(super) async fn known(
    backend: &SealedBackend,
    id: ContentId,
) -> Result<ChatEntry, BackendError> {
    let entry = entry(backend, id).await?;
    entry.ok_or_else(|| BackendError::NotFound(format!("there is no prompt {id} here")))
}

/// One prompt as it stands.
pub(super) async fn entry(
    backend: &SealedBackend,
    id: ContentId,
) -> Result<Option<ChatEntry>, BackendError> {
    let slot = backend.inner.alice.slot();
    let look = move |view: &View<'_>| -> Result<_, SqlError> {
        let row = view.chat().get(id)?;
        row.map(|row| with_delivery(*view, slot, row)).transpose()
    };
    Ok(backend.store().read(look).await?.map(|entry| with_draft(backend, entry)))
}

pub(super) async fn history(
    backend: &SealedBackend,
    limit: usize,
) -> Result<Vec<ChatEntry>, BackendError> {
    let slot = backend.inner.alice.slot();
    let look = move |view: &View<'_>| -> Result<_, SqlError> {
        let rows = view.chat().history(limit)?;
        rows.into_iter().map(|row| with_delivery(*view, slot, row)).collect()
    };
    let entries: Vec<ChatEntry> = backend.store().read(look).await?;
    Ok(entries.into_iter().map(|entry| with_draft(backend, entry)).collect())
}

fn with_draft(backend: &SealedBackend, entry: ChatEntry) -> ChatEntry {
    let draft = entry.answer.is_none().then(|| backend.inner.drafts.get(entry.id)).flatten();
    ChatEntry { draft, ..entry }
}

pub(super) async fn pull(
    backend: &SealedBackend,
    reader: Handle,
    after: u64,
    limit: usize,
) -> Result<Vec<DirectMessage>, BackendError> {
    let rows = backend
        .store()
        .read(move |view| view.direct_messages().after(&reader, after, limit))
        .await?;
    let message = |row: sysmaint_store::DirectMessageRow| DirectMessage {
        cursor: row.cursor,
        id: row.content_id,
        from: row.from,
        text: row.text,
        sent_at: row.sent_at,
    };
    Ok(rows.into_iter().map(message).collect())
}

fn with_delivery(view: View<'_>, slot: i64, row: ChatRow) -> Result<ChatEntry, SqlError> {
    let delivery = view.sent().delivery(slot, row.content_id)?;
    let sent_at = delivery.and_then(|delivery| delivery.sent_at);
    let delivered_at = delivery.and_then(|delivery| delivery.delivered_at);
    let (answer, answered_at) = row.answer.unzip();
    let state = match (answered_at, delivered_at, sent_at) {
        (Some(_), _, _) => Delivery::Answered,
        (None, Some(_), _) => Delivery::Delivered,
        (None, None, Some(_)) => Delivery::Sent,
        (None, None, None) => Delivery::Sealed,
    };
    Ok(ChatEntry {
        id: row.content_id,
        prompt: row.prompt,
        state,
        sealed_at: row.asked_at,
        sent_at,
        delivered_at,
        answered_at,
        answer,
        draft: None,
    })
}
