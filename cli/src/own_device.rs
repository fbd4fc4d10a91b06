//! The command line's own device: started for one command, with a store of its own.

use std::time::Duration;

use sysmaint_endpoint::Endpoint;
use sysmaint_service::{data_dir::DataDir, exit::Exit};
use tokio::{task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    commands::Ground, data_files, failure::Failure, keyring::Service, settings::Settings, way::Way,
};

/// How long registering, or handing over what was queued, may take.
const WITHIN: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// A device at work until [`Self::finish`].
pub(crate) struct OwnDevice {
    pub(crate) endpoint: Endpoint,
    way: Way,
    running: JoinHandle<()>,
    stop: CancellationToken,
    _data: DataDir,
}

impl OwnDevice {
    /// Opens the store, connects, and registers the first time.
    pub(crate) async fn start(
        settings: &Settings,
        shutdown: &CancellationToken,
    ) -> Result<Self, Failure> {
        let prepared = Ground::prepare(settings, Service::Cli, data_files::CLI, shutdown);
        let ground = tokio::time::timeout(WITHIN, prepared).await.map_err(|_| {
            Failure::unavailable(anyhow::anyhow!(
                "the message queue does not answer: start `sysmaint up`, or set NATS_URL"
            ))
        })??;
        let Ground { data, way, store, trust_root } = ground;
        let endpoint = way.own_endpoint(settings, &data, &store, &trust_root).await?;
        let (stop, running) = (shutdown.child_token(), endpoint.clone());
        let token = stop.clone();
        let running = tokio::spawn(async move { running.run(token).await });
        let device = Self { endpoint, way, running, stop, _data: data };
        match device.registered().await {
            Ok(()) => Ok(device),
            Err(failure) => {
                device.close().await;
                Err(failure)
            }
        }
    }

    async fn registered(&self) -> Result<(), Failure> {
        let mut status = self.endpoint.status();
        let known = status.wait_for(|status| status.registered || status.refused.is_some());
        match tokio::time::timeout(WITHIN, known).await {
            Ok(Ok(status)) => match &status.refused {
                Some(reason) => Err(Failure::new(
                    Exit::NoPermission,
                    anyhow::anyhow!("the directory does not take this device: {reason}"),
                )),
                None => Ok(()),
            },
            Ok(Err(_)) | Err(_) => Err(Failure::unavailable(anyhow::anyhow!(
                "the relay does not answer: this device could not be registered yet"
            ))),
        }
    }

    /// Waits until everything that was queued is stored at the recipients', and stops.
    pub(crate) async fn finish(self) -> Result<(), Failure> {
        let handed_over = self.handed_over().await;
        self.close().await;
        handed_over
    }

    async fn handed_over(&self) -> Result<(), Failure> {
        let (slot, deadline) = (self.endpoint.slot(), Instant::now() + WITHIN);
        loop {
            let waiting = self.endpoint.store().read(move |view| view.outbox().waiting(slot)).await;
            let (count, _) = waiting.map_err(Failure::unavailable)?;
            if count == 0 {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(Failure::unavailable(anyhow::anyhow!(
                    "{count} sealed messages are kept and not handed over yet: the next command \
                     of this device goes on"
                )));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn close(self) {
        self.stop.cancel();
        // It ends as soon as it is told to.
        let _ = self.running.await;
        drop(self.endpoint);
        self.way.close().await;
    }
}

/// What somebody else wrote, as a terminal may show it: no control characters but line breaks
/// and tabs.
pub(crate) fn printable(text: &str) -> String {
    let harmless = |c: &char| !c.is_control() || matches!(c, '\n' | '\t');
    text.chars().filter(harmless).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_else_controls_the_terminal() {
        assert_eq!(printable("a\x1b[2Jb\r\n\tc\u{9b}1m\u{7}"), "a[2Jb\n\tc1m");
    }
}
