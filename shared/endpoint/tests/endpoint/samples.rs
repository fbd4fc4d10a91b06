//! A probe's part: numbered samples, kept first and sealed afterwards.

use sysmaint_device::SealError;
use sysmaint_endpoint::{Endpoint, StepError};
use sysmaint_protocol::{
    ContentId, Handle, Kind, Timestamp,
    body::{self, Telemetry},
    sample::Sample,
};
use sysmaint_store::WriteError;

/// Keeps samples for a reader, each with a moment of its own, from `first` on.
pub(crate) async fn take(probe: &Endpoint, reader: &Handle, first: u64, count: u64) {
    let reader = reader.clone();
    let keep = move |step: &mut sysmaint_endpoint::Step<'_, '_>| -> Result<(), StepError> {
        step.own_samples().meet_readers(&[reader])?;
        for number in first..first + count {
            step.own_samples().keep(&Sample::empty(Timestamp::from_millis(number)))?;
        }
        Ok(())
    };
    probe.step(keep).await.unwrap();
}

/// Seals what fits the reader's window, one sample an envelope.
pub(crate) async fn report(probe: &Endpoint, reader: &Handle) {
    probe.prepare(reader).await.unwrap();
    let reader = reader.clone();
    let seal = move |step: &mut sysmaint_endpoint::Step<'_, '_>| -> Result<(), StepError> {
        let stream = step.own_samples().stream(ContentId::from_bytes([7; 16]))?;
        for _ in 0..step.telemetry_room(&reader)? {
            let Some(telemetry) = step.own_samples().next(stream, &reader, 1)? else { break };
            step.own_samples().note_sealed(&reader, &telemetry)?;
            step.send_telemetry(&reader, &telemetry)?;
        }
        Ok(())
    };
    // A session may be retired in between; the next attempt opens another one.
    let outcome = probe.step(seal).await;
    let retired =
        matches!(&outcome, Err(WriteError::Step(StepError::Seal(SealError::NoSession(_)))));
    assert!(retired || outcome.is_ok(), "{outcome:?}");
}

/// Records all telemetry under a host's name, until it is dropped.
pub(crate) async fn record(endpoint: Endpoint, host: Handle) {
    let mut inbox = endpoint.inbox();
    loop {
        let message = inbox.next().await;
        let (row, host) = (message.clone(), host.clone());
        let effect = move |step: &mut sysmaint_endpoint::Step<'_, '_>| -> Result<(), StepError> {
            if row.kind == Kind::Telemetry {
                let telemetry = body::decode::<Telemetry>(&row.body).unwrap();
                step.telemetry().record_all(&host, &telemetry, row.stored_at)?;
            }
            Ok(())
        };
        endpoint.settle(&message, effect).await.unwrap();
    }
}

/// How many different samples of a host are there.
pub(crate) async fn recorded(endpoint: &Endpoint, host: &Handle) -> usize {
    let host = host.clone();
    let look = endpoint.store().read(move |view| {
        let end = Timestamp::from_millis(u64::MAX);
        view.telemetry().samples(&host, Timestamp::default(), end, 100_000)
    });
    look.await.unwrap().len()
}
