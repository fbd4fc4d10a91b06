//! What hosts have reported: rolled up, and kept for as long as it should be.

use std::time::Duration;

use sysmaint_protocol::Handle;
use sysmaint_store::{Retention, SqlError, Tx, WriteError};

use crate::{Endpoint, StepError};

/// From one roll-up to the next. Charts read what waits meanwhile from the samples themselves.
const ROLL_UP_EVERY: Duration = Duration::from_secs(30);
/// Roll-ups from one look at what is too old to the next.
const ROLL_UPS_A_PRUNE: u32 = 120;

/// Rolls up what came, and forgets what is too old. Runs until it is dropped.
pub async fn keep_history(endpoint: &Endpoint, retention: &Retention) {
    loop {
        if let Err(error) = prune(endpoint, retention).await {
            tracing::warn!(%error, "old samples could not be removed");
        }
        for _ in 0..ROLL_UPS_A_PRUNE {
            if let Err(error) = roll_up(endpoint, retention).await {
                tracing::warn!(%error, "samples could not be rolled up");
            }
            endpoint.clock().pass(ROLL_UP_EVERY).await;
        }
    }
}

impl Endpoint {
    /// Removes a host with everything that it reported, and what was received of it and has not
    /// taken effect yet; false if it had reported nothing. Of a host that is to stay away, first
    /// [`Endpoint::refresh`] the devices, so that what is still on its way counts no more.
    pub async fn forget_host(&self, host: &Handle) -> Result<bool, WriteError<StepError>> {
        let host = host.clone();
        self.step(move |step| -> Result<bool, StepError> {
            let on_its_way = step.inbox().forget_telemetry(&host)?;
            Ok(step.telemetry().forget(&host)? || on_its_way > 0)
        })
        .await
    }
}

/// Rolls up all that waits, a few samples of each host in a step, so that nobody waits for long.
async fn roll_up(endpoint: &Endpoint, retention: &Retention) -> Result<(), WriteError<SqlError>> {
    loop {
        let hosts = endpoint.store().read(|view| view.telemetry().waiting()).await?;
        if hosts.is_empty() {
            return Ok(());
        }
        for host in hosts {
            let (retention, now) = (retention.clone(), endpoint.clock().now());
            let step = move |tx: &Tx<'_>| tx.telemetry().roll_up(&host, &retention, now);
            endpoint.store().write(step).await?;
        }
    }
}

async fn prune(endpoint: &Endpoint, retention: &Retention) -> Result<(), WriteError<SqlError>> {
    let (retention, now) = (retention.clone(), endpoint.clock().now());
    endpoint.store().write(move |tx| tx.telemetry().prune(now, &retention)).await?;
    Ok(())
}
