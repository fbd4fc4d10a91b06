//! Whoever gets the samples.

use std::{collections::BTreeSet, time::Duration};

use sysmaint_endpoint::{Endpoint, StepError};
use sysmaint_protocol::{
    Handle, Kind, Timestamp,
    body::{self, Telemetry, Text},
};
use sysmaint_store::{HostRow, LossRow};
use sysmaint_testkit::{Participant, eventually};
use tokio::task::JoinSet;

/// Records telemetry and keeps texts, until it is dropped.
pub(crate) struct Reading(JoinSet<()>);

impl Reading {
    pub(crate) fn start(endpoint: &Endpoint) -> Self {
        let mut task = JoinSet::new();
        task.spawn(read(endpoint.clone()));
        Self(task)
    }

    /// Reads no more.
    pub(crate) async fn stop(mut self) {
        self.0.shutdown().await;
    }
}

async fn read(endpoint: Endpoint) {
    let mut inbox = endpoint.inbox();
    loop {
        let message = inbox.next().await;
        let host = endpoint.resolve(message.sender, &message.sender_handle).await;
        let host = host.unwrap().unwrap();
        let (row, own) = (message.clone(), endpoint.handle().clone());
        let effect = move |step: &mut sysmaint_endpoint::Step<'_, '_>| -> Result<(), StepError> {
            if row.kind == Kind::Telemetry {
                let telemetry = body::decode::<Telemetry>(&row.body).unwrap();
                step.telemetry().record_all(&host, &telemetry, row.stored_at)?;
            } else if row.kind == Kind::Text {
                let Text { text } = body::decode(&row.body).unwrap();
                step.direct_messages().add(&own, row.content_id, &host, &text, row.sent_at)?;
            }
            Ok(())
        };
        endpoint.settle(&message, effect).await.unwrap();
    }
}

const ALWAYS: (Timestamp, Timestamp) = (Timestamp::from_millis(0), Timestamp::from_millis(1 << 60));

/// When the samples of a host were taken that are there.
pub(crate) async fn recorded(reader: &Participant, host: &Handle) -> BTreeSet<Timestamp> {
    let host = host.clone();
    let look = reader
        .store()
        .read(move |view| view.telemetry().samples(&host, ALWAYS.0, ALWAYS.1, usize::MAX));
    look.await.unwrap().into_iter().map(|sample| sample.taken_at).collect()
}

/// How a host stands; `None` as long as nothing came of it.
pub(crate) async fn state(reader: &Participant, host: &Handle) -> Option<HostRow> {
    let hosts = reader.store().read(|view| view.telemetry().hosts()).await.unwrap();
    hosts.into_iter().find(|row| row.host == *host)
}

pub(crate) async fn losses(reader: &Participant, host: &Handle) -> Vec<LossRow> {
    let host = host.clone();
    let look =
        move |view: &sysmaint_store::View<'_>| view.telemetry().losses(&host, ALWAYS.0, ALWAYS.1);
    reader.store().read(look).await.unwrap()
}

/// Waits until so many samples of a host are there.
pub(crate) async fn has(reader: &Participant, host: &Handle, count: usize, patience: Duration) {
    let rounds = patience.as_secs().div_ceil(60).max(1);
    for _ in 1..rounds {
        let asked = std::time::Instant::now();
        while asked.elapsed() < Duration::from_secs(55) {
            if recorded(reader, host).await.len() >= count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    eventually("every sample", async || {
        (recorded(reader, host).await.len() >= count).then_some(())
    })
    .await;
}
