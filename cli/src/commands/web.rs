//! `sysmaint web`.

use std::sync::Arc;

use sysmaint_bus::{Bus, NatsMailbox, Tap};
use sysmaint_endpoint::Clock;
use sysmaint_protocol::{DeviceId, subject::Mailbox};
use sysmaint_service::{http_server::Listener, metrics::Metrics};
use sysmaint_store::Store;
use sysmaint_web::{Backend, LossyLink, SealedBackend};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::Ground;
use crate::{
    data_files,
    desk::{Desk, socket},
    device,
    failure::Failure,
    keyring::{self, Service},
    observation,
    settings::Settings,
    source,
};

/// Runs the web server against a running NATS.
pub(crate) async fn run(
    settings: Settings,
    metrics: Metrics,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    let listener = sysmaint_web::bind(&settings.web).await.map_err(Failure::unavailable)?;
    let ground = Ground::prepare(&settings, Service::Web, data_files::WEB, &shutdown).await?;
    let Ground { data, way, store, trust_root } = ground;
    let bus = way.nats()?;
    let tap = match keyring::optional(&data, Service::Tap) {
        Some(key) => {
            let broker = super::broker(&settings);
            let watcher = device::connect(&broker, key, Service::Tap, &shutdown).await?;
            watch(&settings, &watcher, &shutdown).await
        }
        None => None,
    };
    let Devices { backend, desk, watch: _watch } =
        devices(&settings, &store, bus, &trust_root, &metrics).await?;
    let _desk = socket::open(&data, Service::Web, desk);
    serve(&settings, listener, backend, tap, metrics, shutdown).await?;
    way.close().await;
    Ok(())
}

/// Alice's and bob's devices.
pub(crate) struct Devices {
    pub(crate) backend: SealedBackend,
    pub(crate) desk: Desk,
    pub(crate) watch: AbortOnDropHandle<()>,
}

/// Opens them.
pub(crate) async fn devices(
    settings: &Settings,
    store: &Store,
    bus: &Bus,
    trust_root: &[u8],
    metrics: &Metrics,
) -> Result<Devices, Failure> {
    let link = LossyLink::new(Arc::new(NatsMailbox::new(bus.clone())), Clock::system());
    let open = async |handle| {
        let mailbox = Arc::new(link.clone());
        device::endpoint_over(mailbox, handle, store, bus, trust_root).await
    };
    let (alice, bob) = (open(&settings.web.alice).await?, open(&settings.web.bob).await?);
    let both = vec![alice.clone(), bob.clone()];
    let watch = observation::watch(metrics, "web", both.clone());
    let backend = SealedBackend::new(
        settings.web.clone(),
        settings.agent.probes.clone(),
        settings.agent.silent_after,
        settings.agent.retention.clone(),
        alice,
        bob,
        link,
        bus.clone(),
    );
    Ok(Devices { backend, desk: Desk::new(both), watch })
}

/// Watches the demo's two mailboxes.
pub(crate) async fn watch(
    settings: &Settings,
    watcher: &Bus,
    shutdown: &CancellationToken,
) -> Option<Tap> {
    let mailboxes = [&settings.web.alice, &settings.web.bob]
        .map(|handle| Mailbox::new(handle.clone(), DeviceId::FIRST));
    watcher
        .tap(&mailboxes, shutdown.clone())
        .await
        .inspect_err(|error| tracing::warn!(%error, "the demo cannot show what the relay sees"))
        .ok()
}

/// Runs devices and pages until the token is cancelled.
pub(crate) async fn serve(
    settings: &Settings,
    listener: Listener,
    backend: SealedBackend,
    tap: Option<Tap>,
    metrics: Metrics,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    let shared: Arc<dyn Backend> = Arc::new(backend.clone());
    let pages = sysmaint_web::serve(
        listener,
        settings.web.clone(),
        shared,
        metrics,
        source::ARCHIVE,
        shutdown.clone(),
    );
    let (served, ()) = tokio::join!(pages, backend.run(tap, shutdown.clone()));
    served.map_err(Failure::unavailable)
}
