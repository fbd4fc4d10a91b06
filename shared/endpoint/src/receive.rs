//! Receiving: opened and stored in one transaction, and acknowledged afterwards.

use std::{convert::Infallible, sync::Arc, time::Duration};

use futures_util::future::join_all;
use sysmaint_bus::{Deliveries, Delivery};
use sysmaint_device::{
    Incoming, Opened,
    store::{DeadLetter, DeadReason, QueueStore},
};
use sysmaint_protocol::Kind;
use sysmaint_store::WriteError;
use tokio::{sync::watch, task::unconstrained};

use crate::{Activity, Endpoint, StepError};

/// Deliveries that are opened in one go.
const BATCH: usize = 64;
/// After a delivery could not be stored.
const RETRY: Duration = Duration::from_secs(1);
const RETRIES: usize = 30;
/// How often receipts that are not due at once are looked at.
const RECEIPTS: Duration = Duration::from_secs(5);

/// Runs until it is dropped.
pub(crate) async fn receive(endpoint: &Endpoint) {
    loop {
        // A mailbox is made by the relay when the device registers.
        let mut status = endpoint.inner.status.subscribe();
        let _ = status.wait_for(|status| status.registered).await;
        match endpoint.inner.mailbox.open(&endpoint.mailbox()).await {
            Ok(deliveries) => {
                let stands_by = deliveries.stands_by();
                tokio::select! {
                    () = receive_all(endpoint, deliveries) => {}
                    never = note_standing(endpoint, stands_by) => match never {},
                }
            }
            Err(error) => tracing::warn!(%error, "the mailbox cannot be opened yet"),
        }
        endpoint.inner.status.send_modify(|status| {
            (status.receiving, status.stands_by) = (false, false);
        });
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Says in the status whether another process serves this device. Runs until it is dropped.
async fn note_standing(endpoint: &Endpoint, mut stands_by: watch::Receiver<bool>) -> Infallible {
    loop {
        let now = *stands_by.borrow_and_update();
        endpoint
            .inner
            .status
            .send_if_modified(|status| std::mem::replace(&mut status.stands_by, now) != now);
        if stands_by.changed().await.is_err() {
            return std::future::pending().await;
        }
    }
}

async fn receive_all(endpoint: &Endpoint, mut deliveries: Box<dyn Deliveries>) {
    endpoint.inner.status.send_modify(|status| status.receiving = true);
    while let Some(batch) = deliveries.next(BATCH).await {
        // Polled in order, so that they reach the writer in order. Within tokio's budget the last
        // of a large batch would be put off, and be polled again in another order.
        let all = join_all(batch.iter().map(|delivery| open(endpoint, delivery)));
        let outcomes = unconstrained(all).await;
        let (stored, failed): (Vec<_>, Vec<_>) =
            batch.iter().zip(outcomes).partition(|(_, stored)| *stored);
        acknowledge(stored.into_iter().map(|(delivery, _)| delivery)).await;
        // Newer mail waits here too: what it overtook by too much could not be opened any more.
        for (delivery, _) in failed {
            if open_patiently(endpoint, delivery).await {
                acknowledge([delivery]).await;
            }
        }
        receipts(endpoint).await;
    }
}

/// A full disk, most likely. What fails for another reason and for good comes again later and
/// does not hold up the mailbox for ever.
async fn open_patiently(endpoint: &Endpoint, delivery: &Delivery) -> bool {
    for _ in 0..RETRIES {
        tokio::time::sleep(RETRY).await;
        if open(endpoint, delivery).await {
            return true;
        }
    }
    false
}

async fn acknowledge(deliveries: impl IntoIterator<Item = &Delivery>) {
    let all = deliveries.into_iter().map(|delivery| delivery.acknowledgement.acknowledge());
    for error in join_all(all).await.into_iter().filter_map(Result::err) {
        tracing::debug!(%error, "a delivery will come again");
    }
}

/// Opens one delivery; true if its outcome is stored and it may be acknowledged.
async fn open(endpoint: &Endpoint, delivery: &Delivery) -> bool {
    let (bytes, transfer_id) = (delivery.bytes.clone(), delivery.transfer_id);
    let stored_at = delivery.stored_at;
    let outcome = endpoint
        .step(move |step| -> Result<_, StepError> {
            let now = step.now();
            let (device, store, rng) = step.parts();
            let incoming = Incoming { bytes: &bytes, transfer_id, stored_at };
            Ok(device.open_explained(store, rng, now, incoming)?)
        })
        .await;
    match outcome {
        Ok((opened, mechanics)) => {
            endpoint.trace_arrived(transfer_id, &opened, mechanics);
            note(endpoint, &opened);
            true
        }
        Err(WriteError::Panicked) => bury_crash(endpoint, delivery).await,
        Err(error) => {
            tracing::error!(%error, "a delivery could not be stored");
            false
        }
    }
}

/// What made libsignal panic must not come again for ever.
async fn bury_crash(endpoint: &Endpoint, delivery: &Delivery) -> bool {
    tracing::error!("an envelope made the crypto library panic; it is a dead letter now");
    let letter = DeadLetter {
        sender: None,
        transfer_id: delivery.transfer_id,
        reason: DeadReason::Crash,
        stored_at: delivery.stored_at,
    };
    let buried = endpoint
        .step(move |step| -> Result<(), StepError> { Ok(step.parts().1.bury(&letter)?) })
        .await;
    buried.is_ok()
}

/// Tells those who wait for it what became of an envelope.
pub(crate) fn note(endpoint: &Endpoint, opened: &Opened) {
    let inner = &endpoint.inner;
    match *opened {
        Opened::Message { content_id, kind, .. } => {
            inner.arrived.send_modify(|count| *count += 1);
            let _ = inner.activity.send(Activity::Opened(kind, content_id));
        }
        Opened::Ephemeral(ref message) => {
            let _ = inner.activity.send(Activity::Ephemeral(Arc::new((**message).clone())));
        }
        Opened::Receipt => {
            let _ = inner.activity.send(Activity::Delivered);
        }
        Opened::Request => {
            tracing::info!("a peer could not open something and asks for it");
            inner.broken.notify_one();
            // A window was released, perhaps.
            let _ = inner.activity.send(Activity::Delivered);
        }
        Opened::Retry(reason) => {
            tracing::warn!(reason = reason.name(), "a message cannot be opened; it is asked for");
            if reason == DeadReason::UnknownPrekey {
                inner.checks.want();
            }
            inner.broken.notify_one();
        }
        Opened::Answer => inner.broken.notify_one(),
        Opened::Dead(reason) => tracing::warn!(reason = reason.name(), "a dead letter"),
        Opened::Held => tracing::warn!("a sender's identity key changed; its messages are held"),
        Opened::Stranger => {
            tracing::info!("a message of an unknown device waits for the directory");
            inner.rosters.look();
        }
        Opened::Duplicate => tracing::debug!("a delivery was here before"),
    }
    if matches!(
        opened,
        Opened::Message { .. } | Opened::Ephemeral(_) | Opened::Receipt | Opened::Answer
    ) {
        let now = inner.clock.now();
        inner.status.send_modify(|status| status.last_opened = Some(now));
    }
    if matches!(opened, Opened::Dead(_) | Opened::Held | Opened::Stranger) {
        // To be counted.
        inner.broken.notify_one();
    }
    if matches!(opened, Opened::Message { kind, .. } if *kind != Kind::Telemetry)
        || matches!(opened, Opened::Retry(DeadReason::UnknownPrekey))
    {
        inner.prekeys_used.notify_one();
    }
}

/// Sends receipts that become due by time. Runs until it is dropped.
pub(crate) async fn send_receipts(endpoint: &Endpoint) {
    loop {
        endpoint.clock().pass(RECEIPTS).await;
        receipts(endpoint).await;
    }
}

async fn receipts(endpoint: &Endpoint) {
    let outcome = endpoint
        .step_certified(|step| {
            let now = step.now();
            let (device, store, rng) = step.parts();
            Ok(device.send_due_receipts(store, rng, now)?)
        })
        .await;
    if let Err(error) = outcome {
        tracing::warn!(%error, "receipts could not be sealed");
    }
}
