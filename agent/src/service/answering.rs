//! One prompt on its way to its answer: what it refers to, what it may cost, and what is told
//! while it is made.

use sysmaint_endpoint::StepError;
use sysmaint_protocol::{
    Handle, ServiceId, Timestamp,
    body::{self, Answer, Prompt, Tokens, Usage},
};
use sysmaint_store::{ExchangeRow, InboxRow, Spend, SqlError};

use super::{
    Agent, HandleError, RETRY,
    budget::Budget,
    deltas::{self, Reader},
    running::Place,
};
use crate::{
    answerer::Answered,
    live::Live,
    query::{Allowance, Exchange, Query},
};

impl Agent {
    pub(super) async fn answer(
        &self,
        message: &InboxRow,
        operator: Handle,
        place: &Place,
    ) -> Result<(), HandleError> {
        let Ok(prompt) = body::decode::<Prompt>(&message.body) else {
            return Ok(self.endpoint.turn_away(message, "malformed_body").await?);
        };
        // Closed never: the semaphore lives as long as the agent.
        let _turn = tokio::select! {
            biased;
            () = place.stop().cancelled() => None,
            turn = self.turns.acquire() => turn.ok(),
        };
        // Before anything is paid for: without a session no answer gets anywhere.
        self.endpoint.prepare(&operator).await?;
        let answered = self.made(message, &prompt, &operator, place).await?;
        tracing::info!(
            took_ms = answered.took_ms,
            tools = answered.tools.len(),
            input_tokens = answered.usage.input_tokens,
            output_tokens = answered.usage.output_tokens,
            stopped = answered.stopped,
            "answered"
        );
        self.spend(answered.usage.cost_usd).await;
        // It was paid for: what fails now is tried again without asking anew.
        while let Err(error) = self.deliver(message, &prompt, &operator, &answered).await {
            tracing::warn!(%error, "an answer waits to be sent");
            tokio::time::sleep(RETRY).await;
        }
        Ok(())
    }

    /// Makes the answer, and tells whoever asked what is said meanwhile.
    async fn made(
        &self,
        message: &InboxRow,
        prompt: &Prompt,
        operator: &Handle,
        place: &Place,
    ) -> Result<Answered, HandleError> {
        let now = self.endpoint.clock().now();
        let query = self.query(message.sender.service_id, prompt, now).await?;
        // Of a second run, after a crash, the moment is later.
        let live = Live::new(now.as_millis(), place.stop().clone());
        let reader = Reader {
            handle: operator.clone(),
            device_id: message.sender.device_id,
            prompt: message.content_id,
        };
        tokio::select! {
            biased;
            answered = self.answerer.answer_query(&query, &live, now) => Ok(answered),
            never = deltas::tell(&self.endpoint, &reader, &live) => match never {},
        }
    }

    async fn query(
        &self,
        operator: ServiceId,
        prompt: &Prompt,
        now: Timestamp,
    ) -> Result<Query, HandleError> {
        let fresh = prompt.fresh;
        let look = move |view: &sysmaint_store::View<'_>| -> Result<_, SqlError> {
            let earlier =
                if fresh { Vec::new() } else { view.exchanges().latest(operator, now)? };
            Ok((earlier, view.spend().on_day_of(now)?))
        };
        let (earlier, spent) = self.endpoint.store().read(look).await?;
        let exchange = |ExchangeRow { prompt, answer }| Exchange { prompt, answer };
        Ok(Query {
            text: prompt.text.clone(),
            earlier: earlier.into_iter().map(exchange).collect(),
            allowance: allowance(self.config.daily_usd_cap, spent, now),
        })
    }

    /// Counts what was spent, also if its answer should be lost.
    async fn spend(&self, cost_usd: f64) {
        if cost_usd <= 0.0 {
            return;
        }
        let spent = self
            .endpoint
            .step(move |step| -> Result<(), StepError> {
                Ok(step.spend().add(step.now(), cost_usd)?)
            })
            .await;
        if let Err(error) = spent {
            tracing::error!(%error, cost_usd, "what a model has cost could not be counted");
        }
    }

    async fn deliver(
        &self,
        message: &InboxRow,
        prompt: &Prompt,
        operator: &Handle,
        answered: &Answered,
    ) -> Result<(), HandleError> {
        self.endpoint.prepare(operator).await?;
        let (id, asked_by) = (message.content_id, message.sender.service_id);
        let (prompt, operator, answered) = (prompt.clone(), operator.clone(), answered.clone());
        let budget = Budget::of(&self.config);
        self.endpoint
            .settle(message, move |step| -> Result<(), StepError> {
                let now = step.now();
                if prompt.fresh {
                    step.exchanges().forget(asked_by)?;
                }
                step.exchanges().add(asked_by, &prompt.text, &answered.text, now)?;
                let counted = step.usage().add(answered.usage, now)?;
                let total = Usage { today: budget.today(step.spend(), now)?, ..counted };
                step.send(&operator, Some(id), &whole(answered, total))?;
                Ok(())
            })
            .await?;
        Ok(())
    }
}

fn allowance(cap_usd: Option<f64>, spent: f64, now: Timestamp) -> Allowance {
    match cap_usd {
        None => Allowance::Unlimited,
        Some(cap_usd) if spent < cap_usd => Allowance::Left(cap_usd - spent),
        Some(cap_usd) => Allowance::Spent { cap_usd, until: Spend::day_ends(now) },
    }
}

fn whole(answered: Answered, total: Usage) -> Answer {
    let Answered { text, model, tools, usage, estimated, stopped, took_ms } = answered;
    let usage = Tokens { estimated, ..usage };
    Answer { text, model, refused: false, stopped, tools, usage, total, took_ms }
}
