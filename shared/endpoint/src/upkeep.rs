//! Forgetting what is too old.

use std::time::Duration;

use crate::{Endpoint, StepError};

const EVERY: Duration = Duration::from_hours(1);

/// Runs until it is dropped.
pub(crate) async fn keep_house(endpoint: &Endpoint) {
    loop {
        let outcome = endpoint
            .step(|step| -> Result<usize, StepError> {
                let now = step.now();
                Ok(step.inbox().prune(now)? + step.sent().prune(now)?)
            })
            .await;
        match outcome {
            Ok(0) => {}
            Ok(rows) => tracing::debug!(rows, "old rows are gone"),
            Err(error) => tracing::warn!(%error, "old rows could not be removed"),
        }
        endpoint.clock().pass(EVERY).await;
    }
}
