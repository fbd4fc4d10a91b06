//! Letting devices in that registered at run time: the server asks about every key that its
//! configuration does not list, and the relay answers with a short-lived user of its making.
//!
//! Questions come on a connection of its own, in an account where nothing else is. Whoever is
//! refused hears `authorization violation`, and no more.

mod answer;
mod jwt;
mod request;
#[cfg(test)]
mod tests;

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use async_nats::Message;
use async_trait::async_trait;
use futures_util::StreamExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::request::Question;
use crate::{Bus, Issuer, RegistryError, ServeError, permissions::AUTHORIZE};
use sysmaint_protocol::NatsUserKey;

pub use answer::KnownLogin;

/// Any number of bridges answer, each question once.
const QUEUE_GROUP: &str = "relay-bridge";
/// Questions that are worked on at once; the rest waits in order.
const AT_ONCE: usize = 64;
/// The server gives up on a connection after five seconds.
const ANSWER_WITHIN: Duration = Duration::from_secs(4);

/// Who is known.
#[async_trait]
pub trait Logins: Send + Sync + 'static {
    /// Whose key it is; `None` if nobody's.
    async fn login(&self, user: &NatsUserKey) -> Result<Option<KnownLogin>, RegistryError>;
}

/// How devices are let in.
#[derive(Clone, Debug)]
pub struct Callout {
    /// The connection as [`Role::Callout`](crate::Role::Callout).
    pub bus: Bus,
    /// Signs the answers; the server's configuration names its public key.
    pub issuer: Issuer,
    /// How long a login lasts before the server asks again.
    pub life: Duration,
}

impl Callout {
    /// Every device that is let in is asked for again after this. It is the longest that a
    /// revoked one stays connected if it could not be thrown out.
    pub const LIFE: Duration = Duration::from_mins(10);

    /// With the usual life.
    pub const fn new(bus: Bus, issuer: Issuer) -> Self {
        Self { bus, issuer, life: Self::LIFE }
    }

    /// Answers until `shutdown`.
    pub async fn serve(
        self,
        logins: Arc<dyn Logins>,
        shutdown: CancellationToken,
    ) -> Result<(), ServeError> {
        let mut questions = self
            .bus
            .client
            .queue_subscribe(AUTHORIZE, QUEUE_GROUP.to_owned())
            .await
            .map_err(|error| ServeError::Announce(error.to_string()))?;
        let (permits, tasks) = (Arc::new(Semaphore::new(AT_ONCE)), TaskTracker::new());
        let this = Arc::new(self);
        let outcome = loop {
            let next = async {
                let permit = Arc::clone(&permits).acquire_owned().await.ok()?;
                Some((questions.next().await?, permit))
            };
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break Ok(()),
                next = next => match next {
                    Some((message, permit)) => {
                        let (this, logins) = (Arc::clone(&this), Arc::clone(&logins));
                        tasks.spawn(async move { this.respond(&*logins, message, permit).await });
                    }
                    None => break Err(ServeError::Closed),
                },
            }
        };
        tasks.close();
        if tokio::time::timeout(ANSWER_WITHIN, tasks.wait()).await.is_err() {
            tracing::warn!(logins = tasks.len(), "logins were cut off by the shutdown");
        }
        outcome
    }

    async fn respond(&self, logins: &dyn Logins, message: Message, _permit: OwnedSemaphorePermit) {
        let Some(reply) = message.reply else { return };
        let Some(question) = Question::read(&message.payload) else {
            tracing::warn!("dropped a question about a login that no server asked");
            return;
        };
        let decided = tokio::time::timeout(ANSWER_WITHIN, self.decide(logins, &question));
        let Ok(Some(answer)) = decided.await else {
            tracing::warn!("a login could not be answered in time");
            return;
        };
        if let Err(error) = self.bus.client.publish(reply, answer.into()).await {
            tracing::warn!(%error, "the answer about a login could not be sent");
        }
    }

    async fn decide(&self, logins: &dyn Logins, question: &Question) -> Option<String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let refuse = |reason| answer::no(question, reason, &self.issuer, now);
        let Some(user) = &question.user else { return refuse("no nkey was shown, or a wrong one") };
        match logins.login(user).await {
            Ok(Some(known)) => {
                tracing::debug!(device = %known.device, "let a device in to nats");
                answer::yes(question, &known, &self.issuer, self.bus.shards, now, self.life)
            }
            Ok(None) => refuse("no device is registered with this nkey"),
            Err(error) => {
                tracing::warn!("a login was refused because the registry could not be asked");
                tracing::debug!(%error, "why the registry could not be asked");
                refuse("the registry could not be asked")
            }
        }
    }
}
