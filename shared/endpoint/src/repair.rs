//! Asking for what could not be opened, and answering those who ask.

use std::time::Duration;

use sysmaint_store::{SqlError, WriteError};

use crate::{Activity, Endpoint, StepError};

/// How often requests that become due by time are looked at, and answers tried again.
const EVERY: Duration = Duration::from_secs(10);
/// How long requests wait for the directory: a peer that opens a session with prekeys which this
/// device does not have would only make it ask again.
const CHECKED_WITHIN: Duration = Duration::from_secs(20);

/// Runs until it is dropped.
pub(crate) async fn repair(endpoint: &Endpoint) {
    loop {
        let broken = endpoint.inner.broken.notified();
        if let Err(error) = endpoint.look_into_claims().await {
            tracing::debug!(%error, "the directory says nothing to a claim yet");
        }
        prepare(endpoint).await;
        if let Err(error) = answer(endpoint).await {
            tracing::warn!(%error, "requests to resend could not be answered");
        }
        if let Err(error) = ask(endpoint).await {
            tracing::warn!(%error, "requests to resend could not be sealed");
        }
        if let Err(error) = count(endpoint).await {
            tracing::warn!(%error, "what could not be opened could not be counted");
        }
        tokio::select! {
            () = broken => {}
            () = endpoint.clock().pass(EVERY) => {}
        }
    }
}

/// Opens sessions with those who are owed something and have none.
async fn prepare(endpoint: &Endpoint) {
    let look = endpoint
        .step(|step| -> Result<_, StepError> {
            let now = step.now();
            let (device, store, _) = step.parts();
            Ok(device.peers_to_prepare(store, now)?)
        })
        .await;
    let handles = match look {
        Ok(handles) => handles,
        Err(error) => return tracing::warn!(%error, "nobody knows who is owed something"),
    };
    for handle in handles {
        if let Err(error) = endpoint.prepare(&handle).await {
            tracing::debug!(%error, "a peer that is owed something cannot be reached yet");
        }
    }
}

async fn answer(endpoint: &Endpoint) -> Result<(), WriteError<StepError>> {
    let answered = endpoint
        .step_certified(|step| {
            let now = step.now();
            let (device, store, rng) = step.parts();
            Ok(device.send_resends(store, rng, now)?)
        })
        .await?;
    if answered > 0 {
        tracing::info!(answered, "requests to resend were answered");
        // Refilled telemetry has room again.
        let _ = endpoint.inner.activity.send(Activity::Delivered);
    }
    Ok(())
}

async fn ask(endpoint: &Endpoint) -> Result<(), WriteError<StepError>> {
    let slot = endpoint.slot();
    let look = endpoint
        .store()
        .read(move |view| -> Result<_, StepError> { Ok(view.repairs().counts(slot)?) });
    if look.await?.awaited == 0 {
        return Ok(());
    }
    let _ = tokio::time::timeout(CHECKED_WITHIN, endpoint.inner.checks.wait()).await;
    let asked = endpoint
        .step_certified(|step| {
            let now = step.now();
            let (device, store, rng) = step.parts();
            Ok(device.send_due_retries(store, rng, now)?)
        })
        .await?;
    if asked > 0 {
        tracing::info!(asked, "senders are asked for what could not be opened");
    }
    Ok(())
}

async fn count(endpoint: &Endpoint) -> Result<(), WriteError<SqlError>> {
    let slot = endpoint.slot();
    let counts = endpoint.store().read(move |view| view.repairs().counts(slot)).await?;
    endpoint.inner.status.send_if_modified(|status| {
        let changed = status.repair != counts;
        status.repair = counts;
        changed
    });
    Ok(())
}
