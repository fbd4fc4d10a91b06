//! What an audit needs besides rows: anchors at the broker, an end to its growth, and the writing
//! of what was held back.

use std::time::Duration;

use rand::Rng as _;
use sysmaint_bus::Bus;
use sysmaint_protocol::audit::Anchor;
use sysmaint_service::backoff::Backoff;
use sysmaint_store::audit::{AuditEvent, AuditWriteError};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::{Audit, locked};
use crate::clock;

/// Between two anchors, give or take a tenth.
const ANCHOR_EVERY: Duration = Duration::from_hours(1);
/// How long rows are held back, give or take a tenth.
const HOLD: Duration = Duration::from_mins(5);
/// Between attempts while the broker does not answer.
const RETRY: [Duration; 2] = [Duration::from_secs(1), Duration::from_mins(1)];
/// How long the last anchor may take.
const LAST_WITHIN: Duration = Duration::from_secs(3);
/// Rows that are pruned in one go, so that nobody waits long behind it.
const PIECE: u64 = 10_000;

impl Audit {
    /// The first row of this run.
    pub(crate) async fn begin(&self) -> Result<(), AuditWriteError> {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        tracing::info!(bridge = %self.0.log.bridge(), "the audit is open");
        self.0.log.write(vec![AuditEvent::BridgeStarted { version }], clock::now()).await
    }

    /// Anchors at once and every hour, prunes before each, and writes what was held back.
    pub(crate) async fn keep(&self, bus: &Bus, retention: Duration, stop: &CancellationToken) {
        let mut backoff = Backoff::new(RETRY[0], RETRY[1]);
        let (mut anchor_at, mut release_at) = (Instant::now(), Instant::now() + about(HOLD));
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = self.0.crowded.notified() => self.release().await,
                () = sleep_until(release_at) => {
                    self.release().await;
                    release_at = Instant::now() + about(HOLD);
                }
                () = sleep_until(anchor_at) => {
                    self.prune(retention).await;
                    anchor_at = Instant::now() + if self.anchor(bus).await {
                        backoff.reset();
                        about(ANCHOR_EVERY)
                    } else {
                        backoff.wait()
                    };
                }
            }
        }
    }

    /// The last row of this run, and its anchor. An error says that rows are lost.
    pub(crate) async fn end(&self, bus: &Bus) {
        self.release().await;
        let stopped = self.0.log.write(vec![AuditEvent::BridgeStopped], clock::now()).await;
        if let Err(error) = stopped {
            let (waiting, held) = (self.0.log.depth(), locked(&self.0.held).len());
            tracing::error!(%error, waiting, held, "the end of the audit could not be written");
        }
        if timeout(LAST_WITHIN, self.anchor(bus)).await.is_err() {
            tracing::warn!("the last anchor of the audit was not confirmed in time");
        }
        // So that the row which tells of the anchor is on the disk when the process ends.
        if let Err(error) = self.0.log.write(Vec::new(), clock::now()).await {
            tracing::debug!(%error, "the audit was not settled");
        }
    }

    /// Leaves with the broker how far the chain is on the disk; false if it is to be tried again.
    async fn anchor(&self, bus: &Bus) -> bool {
        let (head, time) = (self.0.log.head(), clock::now());
        let (sequence, hash) = (head.sequence, head.hash);
        let anchor = Anchor { bridge: self.0.log.bridge(), sequence, hash, time };
        if let Err(error) = bus.publish_anchor(&anchor).await {
            tracing::warn!(%error, "the audit could not be anchored; trying again");
            return false;
        }
        *locked(&self.0.last_anchor) = Some(anchor);
        let row = vec![AuditEvent::Anchored { sequence, hash }];
        if let Err(error) = self.0.log.record(row, time).await {
            tracing::warn!(%error, "an anchor could not be recorded");
        }
        true
    }

    async fn prune(&self, retention: Duration) {
        loop {
            let now = clock::now();
            match self.0.log.prune(now.before(retention), PIECE, now).await {
                Ok(0) => return,
                Ok(rows) => tracing::info!(rows, "removed old rows of the audit"),
                Err(error) => {
                    tracing::warn!(%error, "old rows of the audit could not be removed");
                    return;
                }
            }
        }
    }

    async fn release(&self) {
        let events = locked(&self.0.held).take(&mut rand::rng());
        if events.is_empty() {
            return;
        }
        if let Err(error) = self.0.log.record(events.clone(), clock::now()).await {
            tracing::warn!(%error, "the audit still holds rows back");
            locked(&self.0.held).put_back(events);
        }
    }
}

/// Several bridges that started together do not stay together.
fn about(span: Duration) -> Duration {
    span.mul_f64(rand::rng().random_range(0.9..=1.1))
}
