//! The agent at work: samples and questions in, answers out.

mod answering;
mod budget;
mod deltas;
mod running;

use std::{sync::Arc, time::Duration};

use sysmaint_endpoint::{Endpoint, StepError, keep_history};
use sysmaint_protocol::{
    Handle, Kind,
    body::{self, Answer, Stop, Telemetry, Tokens, Usage, UsageReset},
};
use sysmaint_store::{InboxRow, SqlError, WriteError};
use tokio::{sync::Semaphore, task::JoinSet};
use tokio_util::sync::CancellationToken;

use self::{
    budget::Budget,
    running::{Place, Running},
};
use crate::{
    Config, alert,
    answerer::{Answerer, NOBODY},
    model::{InvalidModel, Model},
    stored::StoredTelemetry,
};

/// Questions that are answered at the same time.
const AT_ONCE: usize = 4;
/// After a failure of the store or the directory.
const RETRY: Duration = Duration::from_secs(1);
const PRUNE_EVERY: Duration = Duration::from_hours(1);

/// The agent cannot start.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The model's settings make no sense.
    #[error(transparent)]
    Model(#[from] InvalidModel),
}

struct Agent {
    config: Config,
    endpoint: Endpoint,
    answerer: Answerer,
    turns: Semaphore,
    running: Running,
}

/// Takes telemetry and answers questions until the token is cancelled.
pub async fn run(
    config: Config,
    endpoint: Endpoint,
    shutdown: CancellationToken,
) -> Result<(), RunError> {
    let model = config.model.clone().map(Model::new).transpose()?;
    let telemetry = Arc::new(StoredTelemetry(endpoint.store().clone()));
    let answerer = Answerer::new(telemetry.clone(), model).silent_after(config.silent_after);
    let retention = config.retention.clone();
    let (turns, running) = (Semaphore::new(AT_ONCE), Running::default());
    let agent = Arc::new(Agent { config, endpoint: endpoint.clone(), answerer, turns, running });
    tokio::select! {
        () = endpoint.run(shutdown) => {}
        () = work(&agent) => {}
        () = prune(&endpoint) => {}
        () = alert::watch(&agent.config, &endpoint, telemetry) => {}
        () = keep_history(&endpoint, &retention) => {}
    }
    Ok(())
}

/// Hands each message on. A question is answered beside the others, so that a slow model does not
/// hold up telemetry, and can be stopped from the moment on that it is here. Runs until it is
/// dropped, and takes the open answers with it: they are not marked as handled, and the next start
/// answers them, or finds again that they were stopped.
async fn work(agent: &Arc<Agent>) {
    let mut inbox = agent.endpoint.inbox();
    let mut beside = JoinSet::new();
    loop {
        let message = inbox.next().await;
        while beside.try_join_next().is_some() {}
        let place = (message.kind == Kind::Prompt)
            .then(|| agent.running.begin(message.sender.service_id, message.content_id));
        if matches!(message.kind, Kind::Prompt | Kind::Stop) {
            let agent = Arc::clone(agent);
            beside.spawn(async move { agent.until_settled(&message, place.as_ref()).await });
        } else {
            agent.until_settled(&message, None).await;
        }
    }
}

/// A message did not take effect yet.
#[derive(Debug, thiserror::Error)]
enum HandleError {
    #[error(transparent)]
    Contact(#[from] sysmaint_endpoint::ContactError),
    #[error(transparent)]
    Look(#[from] WriteError<SqlError>),
    #[error(transparent)]
    Step(#[from] WriteError<StepError>),
}

impl Agent {
    async fn until_settled(&self, message: &InboxRow, place: Option<&Place>) {
        while let Err(error) = self.handle(message, place).await {
            tracing::warn!(%error, "a message waits to take effect");
            tokio::time::sleep(RETRY).await;
        }
    }

    async fn handle(&self, message: &InboxRow, place: Option<&Place>) -> Result<(), HandleError> {
        let sender = self.endpoint.resolve(message.sender, &message.sender_handle).await?;
        let Some(sender) = sender else {
            return Ok(self.endpoint.turn_away(message, "unknown_sender").await?);
        };
        let is_operator = self.config.operators.contains(&sender);
        match (message.kind, place) {
            (Kind::Telemetry, _) if self.config.probes.accept(&sender) => {
                self.record(message, sender).await
            }
            (Kind::Prompt, Some(place)) if is_operator => self.answer(message, sender, place).await,
            (Kind::Prompt, _) => self.refuse(message, sender).await,
            (Kind::Stop, _) if is_operator => self.stop(message).await,
            (Kind::UsageReset, _) if is_operator => self.reset(message, sender).await,
            _ => Ok(self.endpoint.turn_away(message, "not_accepted").await?),
        }
    }

    async fn record(&self, message: &InboxRow, host: Handle) -> Result<(), HandleError> {
        let Ok(telemetry) = body::decode::<Telemetry>(&message.body) else {
            return Ok(self.endpoint.turn_away(message, "malformed_body").await?);
        };
        let stored_at = message.stored_at;
        self.endpoint
            .settle(message, move |step| -> Result<(), StepError> {
                Ok(step.telemetry().record_all(&host, &telemetry, stored_at)?)
            })
            .await?;
        Ok(())
    }

    /// Stops an answer of whoever says so. Until its rest is settled this is not, so that it is
    /// not made whole after a crash in between.
    async fn stop(&self, message: &InboxRow) -> Result<(), HandleError> {
        let decoded = body::decode::<Stop>(&message.body).ok().and(message.in_reply_to);
        let Some(prompt) = decoded else {
            return Ok(self.endpoint.turn_away(message, "malformed_body").await?);
        };
        self.running.stop(message.sender.service_id, prompt).await;
        self.endpoint.settle(message, |_| -> Result<(), StepError> { Ok(()) }).await?;
        Ok(())
    }

    async fn refuse(&self, message: &InboxRow, stranger: Handle) -> Result<(), HandleError> {
        self.endpoint.prepare(&stranger).await?;
        let (id, slot) = (message.content_id, self.endpoint.slot());
        let text = "I answer the operators of this deployment only, and you are not one of them. \
                    An operator can add you to SYSMAINT_OPERATORS."
            .to_owned();
        self.endpoint
            .settle(message, move |step| -> Result<(), StepError> {
                step.dead_letters().count(slot, "refused_prompt")?;
                let refusal = Answer {
                    text,
                    model: NOBODY.into(),
                    refused: true,
                    stopped: false,
                    tools: Vec::new(),
                    usage: Tokens::default(),
                    total: Usage::default(),
                    took_ms: 0,
                };
                step.send(&stranger, Some(id), &refusal)?;
                Ok(())
            })
            .await?;
        Ok(())
    }

    async fn reset(&self, message: &InboxRow, operator: Handle) -> Result<(), HandleError> {
        if body::decode::<UsageReset>(&message.body).is_err() {
            return Ok(self.endpoint.turn_away(message, "malformed_body").await?);
        }
        self.endpoint.prepare(&operator).await?;
        let (id, budget) = (message.content_id, Budget::of(&self.config));
        self.endpoint
            .settle(message, move |step| -> Result<(), StepError> {
                let now = step.now();
                let today = budget.today(step.spend(), now)?;
                let zero = Usage { since: now, today, ..Usage::default() };
                step.usage().put(&zero)?;
                step.send(&operator, Some(id), &zero)?;
                Ok(())
            })
            .await?;
        Ok(())
    }
}

/// Forgets conversations that are too old. Runs until it is dropped.
async fn prune(endpoint: &Endpoint) {
    loop {
        let outcome = endpoint
            .step(|step| -> Result<usize, StepError> {
                let now = step.now();
                Ok(step.exchanges().prune(now)?)
            })
            .await;
        if let Err(error) = outcome {
            tracing::warn!(%error, "what is too old could not be removed");
        }
        tokio::time::sleep(PRUNE_EVERY).await;
    }
}
