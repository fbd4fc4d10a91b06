//! A probe at work.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::join_all;
use sysmaint_endpoint::{Endpoint, StepError};
use sysmaint_protocol::Handle;
use sysmaint_store::WriteError;
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use crate::{Config, report::report, sampler::Sampler};

/// How long samples wait for a reader that never comes.
const KEPT: Duration = Duration::from_hours(7 * 24);
const PRUNE_EVERY: Duration = Duration::from_hours(1);

/// Samples, keeps and reports until the token is cancelled.
pub async fn run(
    config: Config,
    endpoint: Endpoint,
    shutdown: CancellationToken,
) -> Result<(), WriteError<StepError>> {
    meet_readers(&endpoint, config.readers.clone()).await?;
    let sampled = watch::Sender::new(0);
    let reports =
        config.readers.iter().map(|reader| report(&endpoint, reader, sampled.subscribe()));
    let work = async {
        tokio::join!(
            sample(&endpoint, config.interval, &sampled),
            join_all(reports),
            prune(&endpoint),
        );
    };
    tokio::select! {
        () = endpoint.run(shutdown) => {}
        () = work => {}
    }
    Ok(())
}

async fn meet_readers(
    endpoint: &Endpoint,
    readers: Vec<Handle>,
) -> Result<(), WriteError<StepError>> {
    endpoint
        .step(move |step| {
            for reader in readers {
                step.own_samples().meet_reader(&reader)?;
            }
            Ok(())
        })
        .await
}

/// Takes a sample every interval and keeps it. Runs until it is dropped.
async fn sample(endpoint: &Endpoint, every: Duration, sampled: &watch::Sender<u64>) {
    let Ok(eye) = tokio::task::spawn_blocking(Sampler::new).await else { return };
    let eye = Arc::new(Mutex::new(eye));
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let (eye, now) = (Arc::clone(&eye), endpoint.clock().now());
        let taken = tokio::task::spawn_blocking(move || {
            // A panic in one reading must not end all readings.
            eye.lock().unwrap_or_else(PoisonError::into_inner).sample(now)
        });
        let Ok(taken) = taken.await else {
            tracing::error!("a sample could not be taken");
            continue;
        };
        let kept = endpoint
            .step(move |step| -> Result<u64, StepError> { Ok(step.own_samples().keep(&taken)?) })
            .await;
        match kept {
            Ok(sequence) => {
                sampled.send_replace(sequence);
            }
            Err(error) => tracing::error!(%error, "a sample could not be kept and is lost"),
        }
    }
}

/// Forgets samples that are too old. Runs until it is dropped.
async fn prune(endpoint: &Endpoint) {
    loop {
        let outcome = endpoint
            .step(|step| -> Result<u64, StepError> {
                let end = step.now().before(KEPT);
                Ok(step.own_samples().prune(end)?)
            })
            .await;
        match outcome {
            Ok(0) => {}
            Ok(lost) => tracing::warn!(lost, "samples were too old before a reader took them"),
            Err(error) => tracing::warn!(%error, "old samples could not be removed"),
        }
        tokio::time::sleep(PRUNE_EVERY).await;
    }
}
