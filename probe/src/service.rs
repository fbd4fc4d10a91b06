//! A probe at work.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::join_all;
use sysmaint_endpoint::{Endpoint, StepError};
use sysmaint_protocol::{Handle, Timestamp, sample::Sample};
use sysmaint_store::WriteError;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{Config, config::Spool, report::report, sampler::Sampler};

const PRUNE_EVERY: Duration = Duration::from_hours(1);

/// Samples, keeps and reports until the token is cancelled.
pub async fn run(
    config: Config,
    endpoint: Endpoint,
    shutdown: CancellationToken,
) -> Result<(), WriteError<StepError>> {
    let look_at = || {
        let mut sampler = Sampler::new();
        move |now| sampler.sample(now)
    };
    run_with(look_at, config, endpoint, shutdown).await
}

/// The same with samples of another kind, which are taken off the async threads.
pub async fn run_with<Look: FnMut(Timestamp) -> Sample + Send + 'static>(
    look_at: impl FnOnce() -> Look + Send + 'static,
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
            sample(&endpoint, look_at, &config, &sampled),
            join_all(reports),
            prune(&endpoint, config.spool.age),
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
    endpoint.step(move |step| Ok(step.own_samples().meet_readers(&readers)?)).await
}

/// Takes a sample every interval and keeps it. Runs until it is dropped.
async fn sample<Look: FnMut(Timestamp) -> Sample + Send + 'static>(
    endpoint: &Endpoint,
    look_at: impl FnOnce() -> Look + Send + 'static,
    config: &Config,
    sampled: &watch::Sender<u64>,
) {
    let Ok(look) = tokio::task::spawn_blocking(look_at).await else { return };
    let look = Arc::new(Mutex::new(look));
    let clock = endpoint.clock();
    loop {
        let (look, now) = (Arc::clone(&look), clock.now());
        let taken = tokio::task::spawn_blocking(move || {
            // A panic in one reading must not end all readings.
            look.lock().unwrap_or_else(PoisonError::into_inner)(now)
        });
        if let Ok(taken) = taken.await {
            keep(endpoint, taken, config.spool, sampled).await;
        } else {
            tracing::error!("a sample could not be taken");
        }
        clock.pass(config.interval.saturating_sub(clock.now().since(now))).await;
    }
}

async fn keep(endpoint: &Endpoint, taken: Sample, spool: Spool, sampled: &watch::Sender<u64>) {
    let kept = endpoint
        .step(move |step| -> Result<(u64, u64), StepError> {
            let own = step.own_samples();
            Ok((own.keep(&taken)?, own.shrink(spool.bytes)?))
        })
        .await;
    match kept {
        Ok((sequence, dropped)) => {
            sampled.send_replace(sequence);
            if dropped > 0 {
                tracing::warn!(
                    dropped,
                    "there is no room for more samples; the oldest were dropped"
                );
            }
        }
        Err(error) => tracing::error!(%error, "a sample could not be kept and is lost"),
    }
}

/// Forgets samples that are too old. Runs until it is dropped.
async fn prune(endpoint: &Endpoint, age: Duration) {
    loop {
        let outcome = endpoint
            .step(move |step| -> Result<u64, StepError> {
                let end = step.now().before(age);
                Ok(step.own_samples().prune(end)?)
            })
            .await;
        match outcome {
            Ok(0) => {}
            Ok(dropped) => tracing::warn!(dropped, "samples grew too old before a reader had them"),
            Err(error) => tracing::warn!(%error, "old samples could not be removed"),
        }
        endpoint.clock().pass(PRUNE_EVERY).await;
    }
}
