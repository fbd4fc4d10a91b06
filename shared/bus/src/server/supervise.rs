//! Keeping the server running.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::launch::{Plan, Running};
use crate::backoff::Backoff;

/// A server that ran this long is taken to be well; its next end is not the same trouble again.
const WELL_AFTER: Duration = Duration::from_mins(1);

pub(super) struct Supervisor {
    plan: Plan,
    running: Running,
    pid: watch::Sender<u32>,
    orders: Orders,
}

/// What a supervisor can be told.
pub(super) struct Orders {
    pub(super) stopping: CancellationToken,
    pub(super) restart: Arc<Notify>,
}

impl Supervisor {
    pub(super) const fn new(
        plan: Plan,
        running: Running,
        pid: watch::Sender<u32>,
        orders: Orders,
    ) -> Self {
        Self { plan, running, pid, orders }
    }

    /// Starts the server again whenever it ends, until told to stop it.
    pub(super) async fn run(mut self) {
        let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(15));
        loop {
            let started = Instant::now();
            tokio::select! {
                biased;
                () = self.orders.stopping.cancelled() => break,
                () = self.running.ended() => {
                    tracing::error!(pid = self.running.pid(), "nats-server ended; starting it again");
                }
                () = self.orders.restart.notified() => {
                    if let Err(error) = self.plan.check_room() {
                        tracing::warn!(%error, "nats-server is not restarted: no room on its disk");
                        continue;
                    }
                    tracing::warn!(pid = self.running.pid(), "restarting nats-server");
                    if !self.running.stop().await {
                        continue;
                    }
                }
            }
            if started.elapsed() > WELL_AFTER {
                backoff.reset();
            }
            if !self.start_again(&mut backoff).await {
                self.plan.forget();
                return;
            }
        }
        if self.running.stop().await {
            self.plan.forget();
            tracing::info!("nats-server has stopped");
        }
    }

    /// False if it was told to stop meanwhile.
    async fn start_again(&mut self, backoff: &mut Backoff) -> bool {
        loop {
            tokio::select! {
                biased;
                () = self.orders.stopping.cancelled() => return false,
                () = backoff.pause() => {}
            }
            match self.plan.launch().await {
                Ok(running) => {
                    self.running = running;
                    self.pid.send_replace(self.running.pid());
                    tracing::info!(pid = self.running.pid(), "nats-server is ready again");
                    return true;
                }
                Err(error) => tracing::error!("{error}"),
            }
        }
    }
}
