//! Watching, and telling operators.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::join_all;
use rand::Rng as _;
use sysmaint_endpoint::{Endpoint, SendError, StepError};
use sysmaint_protocol::{ContentId, Handle, Timestamp};
use sysmaint_store::WriteError;
use tokio::sync::watch::{self, Receiver};

use super::{
    ledger::{Change, Ledger, Moment},
    look::{Eye, Observed},
};
use crate::{Config, telemetry::Telemetry};

/// From one look to the next.
const EVERY: Duration = Duration::from_secs(15);
/// After an operator could not be told.
const RETRY: Duration = Duration::from_secs(5);
/// Alerts that are sealed in one go.
const BATCH: usize = 16;

/// Looks at the hosts by the rules, and seals what changes to every operator. Runs until it is
/// dropped.
pub(crate) async fn watch(config: &Config, endpoint: &Endpoint, telemetry: Arc<dyn Telemetry>) {
    let due = watch::Sender::new(());
    let watch = Watch {
        config,
        endpoint,
        telemetry,
        due: &due,
        searched: Arc::default(),
        hearing_since: None,
    };
    let tellers = config.operators.iter().map(|operator| tell(endpoint, operator, due.subscribe()));
    tokio::join!(watch.run(), join_all(tellers));
}

struct Watch<'a> {
    config: &'a Config,
    endpoint: &'a Endpoint,
    telemetry: Arc<dyn Telemetry>,
    due: &'a watch::Sender<()>,
    searched: Arc<Mutex<BTreeMap<Handle, Timestamp>>>,
    hearing_since: Option<Timestamp>,
}

impl Watch<'_> {
    async fn run(mut self) {
        loop {
            let now = self.endpoint.clock().now();
            self.listen(now);
            // One that stands by hears nothing, and another one watches.
            if let Some(since) = self.hearing_since
                && let Err(error) = self.look(now, since).await
            {
                tracing::warn!(%error, "the hosts could not be looked at for alerts");
            }
            self.endpoint.clock().pass(EVERY).await;
        }
    }

    /// Since when samples arrive here. A clock that was put back begins anew.
    fn listen(&mut self, now: Timestamp) {
        let status = self.endpoint.status();
        let hears = {
            let status = status.borrow();
            status.receiving && !status.stands_by
        };
        let since = self.hearing_since.filter(|since| *since <= now).unwrap_or(now);
        self.hearing_since = hears.then_some(since);
    }

    async fn look(&self, now: Timestamp, since: Timestamp) -> Result<(), WriteError<StepError>> {
        let observed = self.observed(now, since).await;
        let (rules, probes) = (self.config.alerts.clone(), self.config.probes.clone());
        let operators = self.config.operators.clone();
        let quiet = self.config.quiet_hours.as_ref().is_some_and(|hours| hours.contain(now));
        let told = self
            .endpoint
            .step(move |step| -> Result<bool, StepError> {
                let firing = step.firing();
                let hosts = step.telemetry().handles()?;
                let ledger = Ledger { rows: firing.all()?, rules: &rules };
                let fresh = || ContentId::from_bytes(rand::rng().random());
                let is_known = |host: &Handle| probes.accept(host) && hosts.contains(host);
                let changes = ledger.settle(&observed, is_known, Moment { now, quiet }, fresh);
                let mut told = false;
                for change in changes {
                    match change {
                        Change::Put(row) => firing.put(&row)?,
                        Change::Remove(id) => firing.remove(id)?,
                        Change::Tell(alert) => {
                            told = true;
                            for operator in &operators {
                                firing.tell(operator, &alert)?;
                            }
                        }
                    }
                }
                Ok(told)
            })
            .await?;
        if told {
            self.due.send_replace(());
        }
        Ok(())
    }

    /// Nothing, where the telemetry cannot be read: then nothing begins and nothing ends.
    async fn observed(&self, now: Timestamp, since: Timestamp) -> Vec<Observed> {
        let (telemetry, rules) = (Arc::clone(&self.telemetry), self.config.alerts.clone());
        let (silent_after, searched) = (self.config.silent_after, Arc::clone(&self.searched));
        let looked = tokio::task::spawn_blocking(move || {
            let mut searched = searched.lock().unwrap_or_else(PoisonError::into_inner);
            let (telemetry, searched) = (&*telemetry, &mut *searched);
            Eye { telemetry, rules: &rules, silent_after, searched }.look(now, since)
        });
        match looked.await {
            Ok(Ok(observed)) => observed,
            Ok(Err(error)) => {
                tracing::warn!(%error, "no alerts can be found");
                Vec::new()
            }
            Err(_) => {
                tracing::error!("looking for alerts broke down");
                Vec::new()
            }
        }
    }
}

/// Seals to one operator what is due, whenever something is. Runs until it is dropped.
async fn tell(endpoint: &Endpoint, operator: &Handle, mut due: Receiver<()>) {
    loop {
        due.mark_unchanged();
        match drain(endpoint, operator).await {
            Ok(0) => {
                let _ = due.changed().await;
            }
            Ok(sealed) => tracing::info!(sealed, "alerts sealed to an operator"),
            Err(error) => {
                tracing::warn!(%error, "an operator cannot be told of alerts yet");
                endpoint.clock().pass(RETRY).await;
            }
        }
    }
}

/// Seals some, each in the transaction that takes it off the queue.
async fn drain(endpoint: &Endpoint, operator: &Handle) -> Result<usize, SendError> {
    let to = operator.clone();
    if endpoint.store().read(move |view| view.firing().due(&to, BATCH)).await?.is_empty() {
        return Ok(0);
    }
    endpoint.prepare(operator).await?;
    let to = operator.clone();
    let sealed = endpoint.step(move |step| -> Result<usize, StepError> {
        let due = step.firing().due(&to, BATCH)?;
        for one in &due {
            step.firing().told(one.id)?;
            step.send(&to, None, &one.alert)?;
        }
        Ok(due.len())
    });
    Ok(sealed.await?)
}
