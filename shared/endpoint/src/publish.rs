//! Publishing the outbox until it is empty.

use std::time::Duration;

use futures_util::future::join_all;
use rand::Rng;
use sysmaint_bus::PublishError;
use sysmaint_protocol::TransferId;
use sysmaint_store::{OutboxRow, SqlError, WriteError};
use tokio::task::unconstrained;

use crate::{Activity, Endpoint};

/// Envelopes on their way at once.
const IN_FLIGHT: usize = 64;
/// The longest wait without looking.
const IDLE: Duration = Duration::from_secs(5);

/// Runs until it is dropped.
pub(crate) async fn publish(endpoint: &Endpoint) {
    loop {
        match round(endpoint).await {
            Ok(true) => {}
            Ok(false) => idle(endpoint).await,
            Err(error) => {
                tracing::error!(%error, "the outbox cannot be read or written");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

/// Publishes what is due; false if that is nothing.
async fn round(endpoint: &Endpoint) -> Result<bool, WriteError<SqlError>> {
    let inner = &endpoint.inner;
    let (slot, now) = (inner.slot, inner.clock.now());
    let due = inner.store.read(move |view| view.outbox().due(slot, now, IN_FLIGHT)).await?;
    if due.is_empty() {
        return Ok(false);
    }
    let (expired, due): (Vec<_>, Vec<_>) = due.into_iter().partition(|row| row.expired);
    let attempts = due.iter().map(|row| inner.mailbox.publish(&row.sealed));
    // Polled in order, as far as the connection goes; tokio's budget would put off the last ones
    // and have them overtake each other.
    let outcomes = unconstrained(join_all(attempts)).await;
    let mut confirmed = Vec::new();
    let given_up = expired.iter().map(|row| row.id).collect();
    let mut failed = Failed { postponed: Vec::new(), given_up };
    for (row, outcome) in due.iter().zip(outcomes) {
        match outcome {
            Ok(()) => confirmed.push(row.sealed.transfer_id()),
            // Tried once: what comes later matters more than it does.
            Err(_) if row.sealed.is_ephemeral() => failed.given_up.push(row.id),
            Err(error) => {
                if matches!(error, PublishError::OtherDevices(_)) {
                    inner.rosters.want(&row.sealed.to().handle);
                }
                failed.postponed.push((row.id, delay(row, &error)));
            }
        }
    }
    settle(endpoint, confirmed, failed).await?;
    Ok(true)
}

/// Rows that were not published: when they are tried again, or never.
struct Failed {
    postponed: Vec<(i64, Duration)>,
    given_up: Vec<i64>,
}

async fn settle(
    endpoint: &Endpoint,
    confirmed: Vec<TransferId>,
    failed: Failed,
) -> Result<(), WriteError<SqlError>> {
    let inner = &endpoint.inner;
    let (slot, now, any) = (inner.slot, inner.clock.now(), !confirmed.is_empty());
    let step = move |tx: &sysmaint_store::Tx<'_>| {
        tx.outbox().published(slot, &confirmed, now)?;
        for (id, delay) in failed.postponed {
            tx.outbox().postpone(id, now, delay)?;
        }
        for id in failed.given_up {
            tx.outbox().give_up(id)?;
        }
        Ok(())
    };
    inner.store.write(step).await?;
    if any {
        inner.status.send_modify(|status| status.last_sent = Some(now));
        let _ = inner.activity.send(Activity::Published);
    }
    Ok(())
}

/// When to try again. The bytes stay the same, so trying too often does no harm but noise.
fn delay(row: &OutboxRow, error: &PublishError) -> Duration {
    let doubled = |first: u64, most: u64| first.saturating_mul(1 << row.attempts.min(16)).min(most);
    let millis = match error {
        PublishError::Unconfirmed(cause) => {
            tracing::debug!(%cause, attempts = row.attempts, "an envelope is not confirmed yet");
            doubled(100, 2_000)
        }
        PublishError::MailboxFull => {
            tracing::warn!(attempts = row.attempts, "a recipient's mailbox is full");
            doubled(2_000, 60_000)
        }
        PublishError::Throttled(pause) => {
            tracing::debug!(pause_s = pause.as_secs(), "the relay wants a pause");
            // Not before it said; after that, not everybody at once.
            return pause.mul_f64(rand::rng().random_range(1.0..1.25));
        }
        PublishError::OtherDevices(cause) => {
            tracing::info!(attempts = row.attempts, "a recipient's devices have changed");
            tracing::debug!(%cause, "what the relay says of them");
            doubled(1_000, 60_000)
        }
        PublishError::Refused(cause) => {
            tracing::error!(%cause, attempts = row.attempts, "the broker refuses an envelope");
            doubled(5_000, 300_000)
        }
    };
    Duration::from_millis(rand::rng().random_range(millis / 2..=millis))
}

/// Waits for something to be queued, or for the next attempt.
async fn idle(endpoint: &Endpoint) {
    let inner = &endpoint.inner;
    let slot = inner.slot;
    let next = inner.store.read(move |view| view.outbox().waiting(slot)).await;
    let now = inner.clock.now();
    let wait = match next {
        Ok((_, Some(at))) => at.since(now).max(Duration::from_millis(10)).min(IDLE),
        _ => IDLE,
    };
    tokio::select! {
        () = inner.queued.notified() => {}
        () = inner.clock.pass(wait) => {}
    }
}
