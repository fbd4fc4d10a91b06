//! What arrives for alice and for bob, and its effect.

use std::{sync::Arc, time::Duration};

use sysmaint_endpoint::{ContactError, Endpoint, StepError};
use sysmaint_protocol::{
    Alert, Handle, Kind,
    body::{self, Answer, Telemetry, Text, Usage},
};
use sysmaint_store::{InboxRow, WriteError};

use super::{SealedBackend, conversation, telemetry};
use crate::backend::{DirectMessage, Event};

/// After a failure of the store or the directory.
const RETRY: Duration = Duration::from_secs(1);

/// A message did not take effect yet.
#[derive(Debug, thiserror::Error)]
enum HandleError {
    #[error(transparent)]
    Contact(#[from] ContactError),
    #[error(transparent)]
    Step(#[from] WriteError<StepError>),
}

/// Runs until it is dropped.
pub(super) async fn alice(backend: &SealedBackend) {
    take_all(backend, &backend.inner.alice).await;
}

/// Runs until it is dropped.
pub(super) async fn bob(backend: &SealedBackend) {
    take_all(backend, &backend.inner.bob).await;
}

async fn take_all(backend: &SealedBackend, endpoint: &Endpoint) {
    let mut inbox = endpoint.inbox();
    loop {
        let message = inbox.next().await;
        while let Err(error) = take(backend, endpoint, &message).await {
            tracing::warn!(%error, "a message waits to take effect");
            tokio::time::sleep(RETRY).await;
        }
    }
}

async fn take(
    backend: &SealedBackend,
    endpoint: &Endpoint,
    message: &InboxRow,
) -> Result<(), HandleError> {
    let sender = endpoint.resolve(message.sender, &message.sender_handle).await?;
    let Some(sender) = sender else {
        return Ok(endpoint.turn_away(message, "unknown_sender").await?);
    };
    let is_alice = endpoint.handle() == &backend.inner.config.alice;
    let from_agent = is_alice && sender == backend.inner.config.agent;
    match message.kind {
        Kind::Text => text(backend, endpoint, message, sender).await,
        Kind::Telemetry if is_alice && backend.inner.probes.accept(&sender) => {
            samples(backend, endpoint, message, sender).await
        }
        Kind::Answer if from_agent => answer(backend, endpoint, message).await,
        Kind::Alert if from_agent => alert(backend, endpoint, message).await,
        Kind::Usage if from_agent => usage(backend, endpoint, message).await,
        _ => Ok(endpoint.turn_away(message, "not_accepted").await?),
    }
}

async fn text(
    backend: &SealedBackend,
    endpoint: &Endpoint,
    message: &InboxRow,
    from: Handle,
) -> Result<(), HandleError> {
    let Ok(Text { text }) = body::decode(&message.body) else {
        return Ok(endpoint.turn_away(message, "malformed_body").await?);
    };
    let (to, id, sent_at) = (endpoint.handle().clone(), message.content_id, message.sent_at);
    let row = (to.clone(), from.clone(), text.clone());
    let cursor = endpoint
        .settle(message, move |step| -> Result<u64, StepError> {
            let (to, from, text) = row;
            Ok(step.direct_messages().add(&to, id, &from, &text, sent_at)?)
        })
        .await?;
    if let Some(cursor) = cursor {
        let message = Arc::new(DirectMessage { cursor, id, from, text, sent_at });
        backend.tell(Event::Direct { to, message });
    }
    Ok(())
}

async fn samples(
    backend: &SealedBackend,
    endpoint: &Endpoint,
    message: &InboxRow,
    host: Handle,
) -> Result<(), HandleError> {
    let Ok(received) = body::decode::<Telemetry>(&message.body) else {
        return Ok(endpoint.turn_away(message, "malformed_body").await?);
    };
    let (stored_at, name) = (message.stored_at, host.clone());
    endpoint
        .settle(message, move |step| -> Result<(), StepError> {
            Ok(step.telemetry().record_all(&name, &received, stored_at)?)
        })
        .await?;
    telemetry::tell(backend, &host).await;
    Ok(())
}

async fn answer(
    backend: &SealedBackend,
    endpoint: &Endpoint,
    message: &InboxRow,
) -> Result<(), HandleError> {
    let decoded = body::decode::<Answer>(&message.body).ok().zip(message.in_reply_to);
    let Some((answer, prompt)) = decoded else {
        return Ok(endpoint.turn_away(message, "malformed_body").await?);
    };
    let total = answer.total;
    endpoint
        .settle(message, move |step| -> Result<(), StepError> {
            step.chat().answer(prompt, &answer, step.now())?;
            if !answer.refused {
                step.usage().put(&answer.total)?;
            }
            Ok(())
        })
        .await?;
    backend.inner.drafts.remove(prompt);
    if let Ok(Some(entry)) = conversation::entry(backend, prompt).await {
        backend.tell(Event::Chat(Arc::new(entry)));
    }
    backend.tell(Event::Usage(total));
    Ok(())
}

async fn usage(
    backend: &SealedBackend,
    endpoint: &Endpoint,
    message: &InboxRow,
) -> Result<(), HandleError> {
    let Ok(usage) = body::decode::<Usage>(&message.body) else {
        return Ok(endpoint.turn_away(message, "malformed_body").await?);
    };
    endpoint
        .settle(message, move |step| -> Result<(), StepError> { Ok(step.usage().put(&usage)?) })
        .await?;
    backend.tell(Event::Usage(usage));
    Ok(())
}

async fn alert(
    backend: &SealedBackend,
    endpoint: &Endpoint,
    message: &InboxRow,
) -> Result<(), HandleError> {
    let Ok(alert) = body::decode::<Alert>(&message.body) else {
        return Ok(endpoint.turn_away(message, "malformed_body").await?);
    };
    let told = alert.clone();
    let news = endpoint
        .settle(message, move |step| -> Result<bool, StepError> {
            let news = step.alerts().put(&told)?;
            step.alerts().prune(step.now())?;
            Ok(news)
        })
        .await?;
    if news == Some(true) {
        backend.tell(Event::Alert(Arc::new(alert)));
    }
    Ok(())
}
