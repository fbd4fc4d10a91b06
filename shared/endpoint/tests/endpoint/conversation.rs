//! Texts that take effect in the receiver's file, and what became of them.

use sysmaint_endpoint::{Endpoint, StepError};
use sysmaint_protocol::body::{self, Text};
use sysmaint_testkit::eventually;

/// Takes the effect of every text, until it is dropped.
pub(crate) async fn keep(endpoint: Endpoint) {
    let mut inbox = endpoint.inbox();
    loop {
        let message = inbox.next().await;
        let text = body::decode::<Text>(&message.body).unwrap().text;
        let (own, row) = (endpoint.handle().clone(), message.clone());
        let effect = move |step: &mut sysmaint_endpoint::Step<'_, '_>| {
            let (from, now) = (&row.sender_handle, step.now());
            let kept = step.direct_messages().add(&own, row.content_id, from, &text, now);
            kept.map_err(StepError::from)
        };
        endpoint.settle(&message, effect).await.unwrap();
    }
}

/// Waits until as many texts have taken effect, and returns them.
pub(crate) async fn kept(endpoint: &Endpoint, count: usize) -> Vec<String> {
    eventually("texts", async || {
        let texts = texts(endpoint).await;
        (texts.len() >= count).then_some(texts)
    })
    .await
}

/// Texts that have taken effect.
pub(crate) async fn texts(endpoint: &Endpoint) -> Vec<String> {
    let own = endpoint.handle().clone();
    let look = endpoint.store().read(move |view| view.direct_messages().after(&own, 0, 10_000));
    look.await.unwrap().into_iter().map(|row| row.text).collect()
}

/// Envelopes that wait to be published.
pub(crate) async fn outbox(endpoint: &Endpoint) -> u64 {
    let slot = endpoint.slot();
    endpoint.store().read(move |view| view.outbox().waiting(slot)).await.unwrap().0
}

/// Reasons of dead letters, and how often each was met.
pub(crate) async fn dead(endpoint: &Endpoint) -> Vec<(String, u64)> {
    endpoint.store().read(|view| view.dead_letters().counts()).await.unwrap()
}
