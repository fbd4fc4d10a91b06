//! The real backend: two Signal devices at work, and a watch on their mailboxes.

mod conversation;
mod demo;
mod drafts;
mod incoming;
mod lossy;
mod relay;
mod safety;
mod telemetry;
mod trails;
mod watch;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use sysmaint_bus::{Bus, Tap};
use sysmaint_endpoint::{ContactError, Endpoint, SendError, keep_history};
use sysmaint_protocol::{
    Alert, ContentId, Handle, Probes, Timestamp,
    body::{Prompt, Stop, Usage, UsageReset},
};
use sysmaint_store::{History, Metric, Retention, SqlError, Store, View, WriteError};
use tokio::sync::{broadcast, watch as latest};
use tokio_util::sync::CancellationToken;

pub use self::lossy::LossyLink;

use self::{drafts::Drafts, trails::EVENTS};
use crate::{
    Config,
    backend::{
        Backend, BackendError, ChatEntry, DirectMessage, Event, Fault, HostStatus, LinkState,
        Point, Range, Safety, Seen, Trail, Window,
    },
};

/// Alice's and bob's devices, as the pages use them.
#[derive(Clone)]
pub struct SealedBackend {
    inner: Arc<Inner>,
}

struct Inner {
    config: Config,
    /// Whose telemetry alice takes.
    probes: Probes,
    /// How long a host may be quiet.
    stale_after: Duration,
    retention: Retention,
    alice: Endpoint,
    bob: Endpoint,
    /// Through which both publish.
    link: LossyLink,
    bus: Bus,
    drafts: Drafts,
    /// Whether the relay answered when it was asked last.
    relay: latest::Sender<Option<bool>>,
    events: broadcast::Sender<Event>,
    wire: broadcast::Sender<Seen>,
}

impl SealedBackend {
    /// Over two endpoints that share one file and publish through one link.
    #[expect(clippy::too_many_arguments, reason = "one caller, which puts the parts together")]
    pub fn new(
        config: Config,
        probes: Probes,
        stale_after: Duration,
        retention: Retention,
        alice: Endpoint,
        bob: Endpoint,
        link: LossyLink,
        bus: Bus,
    ) -> Self {
        let (events, wire) = (link.trails().events.clone(), broadcast::Sender::new(EVENTS));
        let inner = Inner {
            config,
            probes,
            stale_after,
            retention,
            alice,
            bob,
            link,
            bus,
            drafts: Drafts::default(),
            relay: latest::Sender::default(),
            events,
            wire,
        };
        Self { inner: Arc::new(inner) }
    }

    /// Receives, publishes and tells the pages until the token is cancelled. `tap` shows the
    /// demo's mailboxes; without it the demo's middle panel stays empty.
    pub async fn run(&self, tap: Option<Tap>, shutdown: CancellationToken) {
        let Inner { alice, bob, link, .. } = &*self.inner;
        // Before anything moves, so that nothing of it is missed.
        let traces = [alice.trace(), bob.trace()];
        if let Err(error) = link.restore(self.store()).await {
            tracing::warn!(%error, "what the demo's link held waits for the next start");
        }
        let [of_alice, of_bob] = traces;
        let work = async {
            tokio::join!(
                demo::follow(link, alice.handle(), of_alice),
                demo::follow(link, bob.handle(), of_bob),
                link.run(self.store()),
                incoming::alice(self),
                incoming::bob(self),
                watch::activity(self),
                watch::link(self),
                relay::ask(self),
                watch::wire(self, tap),
                keep_history(alice, &self.inner.retention),
            );
        };
        tokio::select! {
            ((), ()) = async {
                tokio::join!(
                    alice.run(shutdown.clone()),
                    bob.run(shutdown.clone()),
                )
            } => {}
            () = work => {}
        }
    }

    fn store(&self) -> &Store {
        self.inner.alice.store()
    }

    fn endpoint(&self, handle: &Handle) -> Option<&Endpoint> {
        [&self.inner.alice, &self.inner.bob].into_iter().find(|own| own.handle() == handle)
    }

    /// Pages that are not there miss nothing: they read when they come.
    fn tell(&self, event: Event) {
        let _ = self.inner.events.send(event);
    }
}

impl std::fmt::Debug for SealedBackend {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("SealedBackend").finish_non_exhaustive()
    }
}

#[async_trait]
impl Backend for SealedBackend {
    async fn ask(&self, prompt: String, fresh: bool) -> Result<ContentId, BackendError> {
        let body = Prompt { text: prompt.clone(), fresh };
        let agent = &self.inner.config.agent;
        let note = move |step: &sysmaint_endpoint::Step<'_, '_>, id| {
            step.chat().ask(id, &prompt, step.now())
        };
        Ok(self.inner.alice.send_with(agent, &body, note).await?)
    }

    async fn stop(&self, id: ContentId) -> Result<(), BackendError> {
        let entry = conversation::known(self, id).await?;
        if entry.answer.is_some() {
            return Err(BackendError::Conflict("the answer is here already".to_owned()));
        }
        self.inner.alice.send_in_reply(&self.inner.config.agent, id, &Stop {}).await?;
        Ok(())
    }

    async fn answer(&self, id: ContentId, wait: Duration) -> Result<ChatEntry, BackendError> {
        conversation::answer(self, id, wait).await
    }

    async fn safety(&self) -> Result<Vec<Safety>, BackendError> {
        safety::of_agent(self).await
    }

    async fn chat_history(&self, limit: usize) -> Result<Vec<ChatEntry>, BackendError> {
        conversation::history(self, limit).await
    }

    async fn send(
        &self,
        from: &Handle,
        to: &Handle,
        text: String,
        fault: Option<Fault>,
    ) -> Result<ContentId, BackendError> {
        let endpoint = self.endpoint(from).ok_or_else(|| {
            BackendError::Invalid(format!("this server does not hold {from}'s keys"))
        })?;
        if from == to {
            return Err(BackendError::Invalid("a message to oneself needs no bus".into()));
        }
        demo::send(self, endpoint, to, text, fault).await
    }

    async fn trails(&self) -> Result<Vec<Trail>, BackendError> {
        demo::trails(self).await
    }

    async fn release(&self, id: ContentId) -> Result<(), BackendError> {
        if self.inner.link.release(id) {
            return Ok(());
        }
        Err(BackendError::NotFound(format!("nothing of {id} is held here")))
    }

    async fn pull(
        &self,
        reader: &Handle,
        after: u64,
        limit: usize,
    ) -> Result<Vec<DirectMessage>, BackendError> {
        conversation::pull(self, reader.clone(), after, limit).await
    }

    async fn hosts(&self) -> Result<Vec<HostStatus>, BackendError> {
        telemetry::hosts(self).await
    }

    async fn alerts(&self, limit: usize) -> Result<Vec<Alert>, BackendError> {
        Ok(self.store().read(move |view| view.alerts().latest(limit)).await?)
    }

    async fn alerts_in(
        &self,
        host: &Handle,
        Window { from, to }: Window,
        limit: usize,
    ) -> Result<Vec<Alert>, BackendError> {
        let host = host.clone();
        let look = move |view: &View<'_>| view.alerts().between(&host, from, to, limit);
        Ok(self.store().read(look).await?)
    }

    async fn usage(&self) -> Result<Usage, BackendError> {
        let usage = self.store().read(|view| view.usage().get()).await?;
        Ok(usage.unwrap_or_default())
    }

    async fn history(&self, host: &Handle, range: Range) -> Result<Vec<Point>, BackendError> {
        telemetry::history(self, host.clone(), range).await
    }

    async fn series(
        &self,
        host: &Handle,
        window: Window,
        metrics: Vec<Metric>,
    ) -> Result<History, BackendError> {
        telemetry::series(self, host.clone(), window, metrics).await
    }

    fn now(&self) -> Timestamp {
        self.inner.alice.clock().now()
    }

    async fn reset_usage(&self) -> Result<(), BackendError> {
        self.inner.alice.send(&self.inner.config.agent, &UsageReset {}).await?;
        Ok(())
    }

    async fn link(&self) -> Result<LinkState, BackendError> {
        watch::link_state(self).await
    }

    fn events(&self) -> broadcast::Receiver<Event> {
        self.inner.events.subscribe()
    }

    fn wire(&self) -> broadcast::Receiver<Seen> {
        self.inner.wire.subscribe()
    }
}

impl From<WriteError<SqlError>> for BackendError {
    fn from(error: WriteError<SqlError>) -> Self {
        tracing::error!(%error, "the store failed");
        Self::Unavailable("the store cannot be used just now; see the server's log".into())
    }
}

impl From<SendError> for BackendError {
    fn from(error: SendError) -> Self {
        use sysmaint_device::{BundleError, SealError};
        match error {
            SendError::Seal(SealError::Body(error)) => Self::TooLarge(error.to_string()),
            SendError::Seal(SealError::TooLong(error)) => Self::TooLarge(error.to_string()),
            SendError::Seal(error @ SealError::IdentityChanged(_)) => {
                Self::Conflict(error.to_string())
            }
            SendError::Contact(ContactError::Bundle(
                error @ (BundleError::IdentityChanged(_) | BundleError::HandleMoved(_)),
            )) => Self::Conflict(error.to_string()),
            SendError::Contact(ContactError::Directory(error)) if error.is_unknown() => {
                Self::NotFound(error.to_string())
            }
            other => Self::Unavailable(other.to_string()),
        }
    }
}
