//! Staying known to the directory: registration, prekeys, certificate.

use std::time::Duration;

use rand::Rng;
use sysmaint_bus::DirectoryError;
use sysmaint_device::{EnrolError, PrekeyError};
use sysmaint_protocol::rest::PrekeyStock;
use sysmaint_store::WriteError;
use zeroize::Zeroizing;

use crate::{Endpoint, StepError};

/// How often the stock of prekeys and the certificate's age are looked at without a reason. Others
/// can empty the stock by fetching bundles and saying nothing, and nobody tells its owner; to ask
/// costs the directory a few reads.
const EVERY: Duration = Duration::from_mins(10);
/// After a first failure, which at a common start is only the relay not being there yet; doubled
/// with each further one.
const RETRY: Duration = Duration::from_millis(100);
const LONGEST_RETRY: Duration = Duration::from_secs(5);
/// After a refusal, which only a person can change.
const REFUSED: Duration = Duration::from_secs(30);
/// After the directory has asked for an admission, which another device is about to give.
const UNADMITTED: Duration = Duration::from_secs(5);
/// Prekeys are looked at no more often than this, however many were used.
const PAUSE: Duration = Duration::from_secs(5);

#[derive(Debug, thiserror::Error)]
enum UpkeepError {
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error(transparent)]
    Enrol(#[from] EnrolError),
    #[error(transparent)]
    Prekey(#[from] PrekeyError),
    #[error("the store failed: {0}")]
    Store(String),
}

impl From<StepError> for UpkeepError {
    fn from(error: StepError) -> Self {
        Self::Store(error.to_string())
    }
}

impl From<WriteError<Self>> for UpkeepError {
    fn from(error: WriteError<Self>) -> Self {
        match error {
            WriteError::Step(error) => error,
            other => Self::Store(other.to_string()),
        }
    }
}

/// Runs until it is dropped.
pub(crate) async fn keep_enrolled(endpoint: &Endpoint) {
    let mut failures = 0;
    loop {
        let number = endpoint.inner.checks.begin();
        let wait = match check(endpoint).await {
            Ok(()) => {
                failures = 0;
                endpoint.inner.checks.finish(number);
                // What waited for a certificate.
                endpoint.inner.broken.notify_one();
                endpoint.inner.status.send_modify(|status| {
                    status.registered = true;
                    status.refused = None;
                });
                PAUSE
            }
            Err(error) => {
                failures += 1;
                failed(endpoint, &error, failures)
            }
        };
        let jitter = rand::rng().random_range(0.75..1.25);
        endpoint.clock().pass(wait.mul_f64(jitter)).await;
        if wait == PAUSE {
            tokio::select! {
                () = endpoint.inner.directory.unauthorized() => {}
                () = endpoint.inner.prekeys_used.notified() => {}
                () = endpoint.inner.clock.pass(EVERY.mul_f64(jitter)) => {}
            }
        }
    }
}

fn failed(endpoint: &Endpoint, error: &UpkeepError, failures: u32) -> Duration {
    if let UpkeepError::Directory(error) = error
        && error.is_throttled()
    {
        tracing::warn!(%error, "the directory was asked too often");
        return REFUSED;
    }
    let refused = match error {
        // The next check registers again.
        UpkeepError::Directory(error) if error.is_unauthenticated() => false,
        UpkeepError::Directory(DirectoryError::Refused(problem)) => problem.status < 500,
        UpkeepError::Enrol(
            EnrolError::Root | EnrolError::Certificate | EnrolError::CertificateOfAnother,
        ) => true,
        _ => false,
    };
    if refused {
        tracing::error!(%error, "the directory does not take this device");
        endpoint.inner.status.send_modify(|status| status.refused = Some(error.to_string()));
        let waits = matches!(error, UpkeepError::Directory(error) if error.is_unadmitted());
        if waits { UNADMITTED } else { REFUSED }
    } else {
        let wait = RETRY.saturating_mul(1 << failures.min(10)).min(LONGEST_RETRY);
        if wait < LONGEST_RETRY {
            tracing::debug!(%error, "the directory cannot be asked yet");
        } else {
            tracing::warn!(%error, "the directory cannot be asked; trying again");
        }
        wait
    }
}

/// Registers if the directory does not know the device; tops up prekeys; renews the certificate.
async fn check(endpoint: &Endpoint) -> Result<(), UpkeepError> {
    let directory = &endpoint.inner.directory;
    let own = endpoint.mailbox();
    let known = endpoint.inner.status.borrow().registered && !is_renewed(endpoint).await?;
    let held = match directory.prekey_stock(&own).await {
        Ok(held) if known => held,
        Ok(_) => register(endpoint, Before::Known).await?,
        Err(error) if error.is_unknown() || error.is_unauthenticated() => {
            register(endpoint, Before::Unknown).await?
        }
        Err(error) => return Err(error.into()),
    };
    top_up(endpoint, held).await?;
    renew(endpoint).await
}

/// What the directory said of a device that registers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Known,
    /// New, lost, or thrown out.
    Unknown,
}

/// Registers, and counts the directory's prekeys as lost where it had lost the device.
async fn register(endpoint: &Endpoint, before: Before) -> Result<PrekeyStock, UpkeepError> {
    let inner = &endpoint.inner;
    let challenge = inner.directory.challenge(&endpoint.mailbox()).await?;
    let (transport, own) = (inner.transport, endpoint.mailbox());
    let request = endpoint
        .step(move |step| -> Result<_, UpkeepError> {
            let (device, store, rng) = step.parts();
            Ok(device.renewed_registration(store, rng, &challenge, transport, None)?)
        })
        .await?;
    let answer = inner.directory.register(&request).await?;
    let token = answer.token.clone().map(Zeroizing::new);
    let id = request.registration_id;
    endpoint
        .step(move |step| -> Result<(), UpkeepError> {
            let (device, store, _) = step.parts();
            device.complete_registration(store, &answer)?;
            device.note_registered(store, id).map_err(StepError::from)?;
            device.prekeys_lost(store).map_err(StepError::from)?;
            if before == Before::Unknown {
                // Whoever knew that it was out has turned its telemetry away, and confirms none.
                step.refill_telemetry()?;
            }
            Ok(())
        })
        .await?;
    inner.directory.authorize(token.as_ref().map(|token| token.as_str()));
    tracing::info!("registered with the directory");
    Ok(inner.directory.prekey_stock(&own).await?)
}

/// Whether the directory has prekeys of another copy of this store.
async fn is_renewed(endpoint: &Endpoint) -> Result<bool, UpkeepError> {
    endpoint
        .step(|step| -> Result<bool, UpkeepError> {
            let (device, store, _) = step.parts();
            Ok(device.is_renewed(store).map_err(StepError::from)?)
        })
        .await
        .map_err(UpkeepError::from)
}

/// Uploads what is missing there, and everything that is not what was uploaded.
async fn top_up(endpoint: &Endpoint, held: PrekeyStock) -> Result<(), UpkeepError> {
    let (same, upload) = endpoint
        .step(move |step| -> Result<_, UpkeepError> {
            let now = step.now();
            let (device, store, rng) = step.parts();
            let same = device.compare_prekeys(store, &held)?;
            Ok((same, device.prekey_upload(store, rng, now, held.count)?))
        })
        .await?;
    if !same {
        tracing::warn!("the directory serves other prekeys than ours; it gets them again");
    }
    let Some(upload) = upload else { return Ok(()) };
    let held = endpoint.inner.directory.upload_prekeys(&endpoint.mailbox(), &upload).await?;
    endpoint
        .step(|step| -> Result<(), UpkeepError> {
            let now = step.now();
            let (device, store, _) = step.parts();
            Ok(device.prekeys_uploaded(store, now).map_err(StepError::from)?)
        })
        .await?;
    tracing::info!(ec = held.one_time_prekeys, kyber = held.one_time_kyber_prekeys, "prekeys");
    Ok(())
}

async fn renew(endpoint: &Endpoint) -> Result<(), UpkeepError> {
    let due = endpoint
        .step(|step| -> Result<bool, UpkeepError> {
            let now = step.now();
            let (device, store, _) = step.parts();
            Ok(device.certificate_due(store, now).map_err(StepError::from)?)
        })
        .await?;
    if !due {
        return Ok(());
    }
    let fresh = endpoint.inner.directory.certificate(&endpoint.mailbox()).await?;
    endpoint
        .step(move |step| -> Result<(), UpkeepError> {
            let (device, store, _) = step.parts();
            Ok(device.renew_certificate(store, &fresh)?)
        })
        .await
        .map_err(UpkeepError::from)
}
