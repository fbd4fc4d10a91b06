//! Sealing what readers have not been sent.

use std::time::Duration;

use rand::Rng;
use sysmaint_endpoint::{ContactError, Endpoint, SendError, StepError};
use sysmaint_protocol::{ContentId, Handle, limits::BODY_MAX};

/// JSON of samples in one envelope: what is left of a body beside the stream's name.
const BATCH: usize = BODY_MAX - 1024;
const RETRY: (u64, u64) = (250, 5_000);

/// Seals to one reader whatever it has not been sent, as often as something is new. Runs until it
/// is dropped.
pub(crate) async fn report(
    endpoint: &Endpoint,
    reader: &Handle,
    mut sampled: tokio::sync::watch::Receiver<u64>,
) {
    let mut failures = 0_u32;
    loop {
        let mut activity = endpoint.activity();
        sampled.mark_unchanged();
        match drain(endpoint, reader).await {
            Ok(sealed) => {
                failures = 0;
                if sealed > 0 {
                    tracing::debug!(sealed, "samples sealed");
                }
            }
            Err(error) => {
                failures = failures.saturating_add(1);
                say(&error, failures);
                tokio::time::sleep(pause(failures)).await;
                continue;
            }
        }
        // New samples, or receipts that open the window.
        tokio::select! {
            _ = sampled.changed() => {}
            _ = activity.recv() => {}
        }
    }
}

async fn drain(endpoint: &Endpoint, reader: &Handle) -> Result<usize, SendError> {
    let waiting = reader.clone();
    if endpoint.store().read(move |view| view.own_samples().backlog(&waiting)).await? == 0 {
        return Ok(0);
    }
    endpoint.prepare(reader).await?;
    let reader = reader.clone();
    let fresh = ContentId::from_bytes(rand::rng().random());
    let outcome = endpoint.step(move |step| -> Result<usize, StepError> {
        let stream = step.own_samples().stream(fresh)?;
        let mut sealed = 0;
        for _ in 0..step.telemetry_room(&reader)? {
            let Some(telemetry) = step.own_samples().next(stream, &reader, BATCH)? else { break };
            step.own_samples().note_sealed(&reader, &telemetry)?;
            sealed += telemetry.samples.len();
            step.send_telemetry(&reader, &telemetry)?;
        }
        Ok(sealed)
    });
    Ok(outcome.await?)
}

fn say(error: &SendError, failures: u32) {
    let waiting = matches!(error, SendError::Contact(ContactError::Directory(_)));
    if waiting && failures < 20 {
        tracing::debug!(%error, "a reader cannot be reached yet; samples wait");
    } else {
        tracing::warn!(%error, failures, "a reader cannot be reached; samples wait");
    }
}

fn pause(failures: u32) -> Duration {
    let (least, most) = RETRY;
    let millis = least.saturating_mul(1 << failures.min(10)).min(most);
    Duration::from_millis(rand::rng().random_range(millis / 2..=millis))
}
