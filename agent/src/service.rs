//! The agent at work: samples and questions in, answers out.

use std::{sync::Arc, time::Duration};

use sysmaint_endpoint::{Endpoint, StepError};
use sysmaint_protocol::{
    Handle, Kind,
    body::{self, Answer, Prompt, Telemetry, Tokens, Usage, UsageReset},
};
use sysmaint_store::{InboxRow, WriteError};
use tokio::{sync::Semaphore, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    Config,
    answerer::{Answered, Answerer},
    model::{InvalidModel, Model},
    stored::StoredTelemetry,
};

/// Questions that are answered at the same time.
const AT_ONCE: usize = 4;
/// After a failure of the store or the directory.
const RETRY: Duration = Duration::from_secs(1);
const PRUNE_EVERY: Duration = Duration::from_hours(1);

/// What stands in an answer's `model` where nobody was asked.
const NOBODY: &str = "none";

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
}

/// Takes telemetry and answers questions until the token is cancelled.
pub async fn run(
    config: Config,
    endpoint: Endpoint,
    shutdown: CancellationToken,
) -> Result<(), RunError> {
    let model = config.model.clone().map(Model::new).transpose()?;
    let telemetry = Arc::new(StoredTelemetry(endpoint.store().clone()));
    let answerer = Answerer::new(telemetry, model).silent_after(config.silent_after);
    let turns = Semaphore::new(AT_ONCE);
    let agent = Arc::new(Agent { config, endpoint: endpoint.clone(), answerer, turns });
    tokio::select! {
        () = endpoint.run(shutdown) => {}
        () = work(&agent) => {}
        () = prune(&endpoint) => {}
    }
    Ok(())
}

/// Hands each message on. A question is answered beside the others, so that a slow model does not
/// hold up telemetry. Runs until it is dropped, and takes the open answers with it: they are not
/// marked as handled, and the next start answers them.
async fn work(agent: &Arc<Agent>) {
    let mut inbox = agent.endpoint.inbox();
    let mut answers = JoinSet::new();
    loop {
        let message = inbox.next().await;
        while answers.try_join_next().is_some() {}
        if message.kind == Kind::Prompt {
            let agent = Arc::clone(agent);
            answers.spawn(async move { agent.until_settled(&message).await });
        } else {
            agent.until_settled(&message).await;
        }
    }
}

/// A message did not take effect yet.
#[derive(Debug, thiserror::Error)]
enum HandleError {
    #[error(transparent)]
    Contact(#[from] sysmaint_endpoint::ContactError),
    #[error(transparent)]
    Step(#[from] WriteError<StepError>),
}

impl Agent {
    async fn until_settled(&self, message: &InboxRow) {
        while let Err(error) = self.handle(message).await {
            tracing::warn!(%error, "a message waits to take effect");
            tokio::time::sleep(RETRY).await;
        }
    }

    async fn handle(&self, message: &InboxRow) -> Result<(), HandleError> {
        let sender = self.endpoint.resolve(message.sender, &message.sender_handle).await?;
        let Some(sender) = sender else {
            return Ok(self.endpoint.turn_away(message, "unknown_sender").await?);
        };
        match message.kind {
            Kind::Telemetry if self.config.probes.contains(&sender) => {
                self.record(message, sender).await
            }
            Kind::Prompt if self.config.operators.contains(&sender) => {
                self.answer(message, sender).await
            }
            Kind::Prompt => self.refuse(message, sender).await,
            Kind::UsageReset if self.config.operators.contains(&sender) => {
                self.reset(message, sender).await
            }
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

    async fn answer(&self, message: &InboxRow, operator: Handle) -> Result<(), HandleError> {
        let Ok(prompt) = body::decode::<Prompt>(&message.body) else {
            return Ok(self.endpoint.turn_away(message, "malformed_body").await?);
        };
        // Closed never: the semaphore lives as long as the agent.
        let _turn = self.turns.acquire().await;
        let answered = self.answerer.answer(&prompt.text, self.endpoint.clock().now()).await;
        tracing::info!(
            took_ms = answered.took_ms,
            tools = answered.tools.len(),
            input_tokens = answered.usage.input_tokens,
            output_tokens = answered.usage.output_tokens,
            "answered"
        );
        self.endpoint.prepare(&operator).await?;
        let id = message.content_id;
        self.endpoint
            .settle(message, move |step| -> Result<(), StepError> {
                let total = step.usage().add(answered.usage, step.now())?;
                step.send(&operator, Some(id), &whole(answered, total))?;
                Ok(())
            })
            .await?;
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
        let id = message.content_id;
        self.endpoint
            .settle(message, move |step| -> Result<(), StepError> {
                let zero = Usage { since: step.now(), ..Usage::default() };
                step.usage().put(&zero)?;
                step.send(&operator, Some(id), &zero)?;
                Ok(())
            })
            .await?;
        Ok(())
    }
}

fn whole(answered: Answered, total: Usage) -> Answer {
    let Answered { text, model, tools, usage, estimated, took_ms } = answered;
    let usage = Tokens { estimated, ..usage };
    Answer { text, model, refused: false, tools, usage, total, took_ms }
}

/// Forgets samples that are too old. Runs until it is dropped.
async fn prune(endpoint: &Endpoint) {
    loop {
        let outcome = endpoint
            .step(|step| -> Result<usize, StepError> {
                let now = step.now();
                Ok(step.telemetry().prune(now)?)
            })
            .await;
        if let Err(error) = outcome {
            tracing::warn!(%error, "old samples could not be removed");
        }
        tokio::time::sleep(PRUNE_EVERY).await;
    }
}
