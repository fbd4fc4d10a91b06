//! The tables of samples, points, chat and usage.

use std::time::Duration;

use sysmaint_protocol::{
    ContentId, Timestamp,
    body::{Answer, NumberedSample, Tokens, Usage},
    sample::Sample,
};
use sysmaint_store::{METRICS, SqlError};

use crate::{NOW, Scratch, handle};

fn numbered(sequence: u64, cpu_percent: f32) -> NumberedSample {
    let taken_at = NOW.after(Duration::from_secs(10 * sequence));
    let sample = Sample { cpu_percent: Some(cpu_percent), ..Sample::empty(taken_at) };
    NumberedSample { sequence, sample }
}

const STREAM: ContentId = ContentId::from_bytes([5; 16]);

#[tokio::test]
async fn a_sample_is_recorded_once_and_holes_are_counted() {
    let scratch = Scratch::new();
    let step = |tx: &sysmaint_store::Tx<'_>| {
        let telemetry = tx.telemetry();
        let record = |sequence, cpu| {
            telemetry.record(&handle("web1"), STREAM, &numbered(sequence, cpu), NOW)
        };
        assert!(record(1, 10.0)?);
        assert!(record(2, 20.0)?);
        assert!(!record(2, 20.0)?);
        assert!(record(5, 50.0)?);
        telemetry.hosts()
    };
    let hosts = scratch.store.write(step).await.unwrap();
    assert_eq!(hosts.len(), 1);
    assert_eq!(hosts[0].missing, 2);
    assert_eq!(hosts[0].sample, numbered(5, 50.0).sample);
}

#[tokio::test]
async fn points_keep_average_minimum_and_maximum_and_leave_gaps() {
    let scratch = Scratch::new();
    let step = |tx: &sysmaint_store::Tx<'_>| {
        for (sequence, cpu) in [(1, 10.0), (2, 20.0), (3, 60.0), (30, 5.0)] {
            tx.telemetry().record(&handle("web1"), STREAM, &numbered(sequence, cpu), NOW)?;
        }
        let end = NOW.after(Duration::from_hours(1));
        tx.telemetry().points(&handle("web1"), NOW, end, Duration::from_mins(1))
    };
    let points = scratch.store.write(step).await.unwrap();
    assert_eq!(points.len(), 2);
    let cpu = METRICS.iter().position(|name| *name == "cpu_percent").unwrap();
    assert_eq!(points[0].values[cpu], Some([30.0, 10.0, 60.0]));
    let load = METRICS.iter().position(|name| *name == "load_1").unwrap();
    assert_eq!(points[0].values[load], None);
}

#[tokio::test]
async fn samples_are_thinned_and_keep_the_latest() {
    let scratch = Scratch::new();
    let step = |tx: &sysmaint_store::Tx<'_>| {
        for sequence in 1..=100 {
            tx.telemetry().record(&handle("web1"), STREAM, &numbered(sequence, 1.0), NOW)?;
        }
        let end = NOW.after(Duration::from_hours(2));
        tx.telemetry().samples(&handle("web1"), NOW, end, 10)
    };
    let samples = scratch.store.write(step).await.unwrap();
    assert_eq!(samples.len(), 10);
    assert_eq!(samples.last().unwrap().taken_at, numbered(100, 1.0).sample.taken_at);
    assert!(samples.is_sorted_by_key(|sample| sample.taken_at));
}

#[tokio::test]
async fn a_silent_host_keeps_its_last_sample() {
    let scratch = Scratch::new();
    let step = |tx: &sysmaint_store::Tx<'_>| {
        for sequence in 1..=3 {
            tx.telemetry().record(&handle("web1"), STREAM, &numbered(sequence, 1.0), NOW)?;
        }
        tx.telemetry().prune(NOW.after(Duration::from_hours(90 * 24)))?;
        tx.telemetry().hosts()
    };
    let hosts = scratch.store.write(step).await.unwrap();
    assert_eq!(hosts[0].sample, numbered(3, 1.0).sample);
}

#[tokio::test]
async fn own_samples_go_out_in_order_and_within_the_bound() {
    let scratch = Scratch::new();
    let step = |tx: &sysmaint_store::Tx<'_>| {
        let own = tx.own_samples();
        let stream = own.stream(STREAM)?;
        assert_eq!(own.stream(ContentId::from_bytes([6; 16]))?, stream);
        for sequence in 1..=50 {
            assert_eq!(own.keep(&numbered(sequence, 1.0).sample)?, sequence);
        }
        let agent = handle("sysmaint");
        own.meet_reader(&agent)?;
        let first = own.unsent(&agent, 1_000)?;
        own.sealed_up_to(&agent, first.last().unwrap().sequence)?;
        let backlog = own.backlog(&agent)?;
        let tiny = own.unsent(&agent, 1)?;
        Ok::<_, SqlError>((first, backlog, tiny))
    };
    let (first, backlog, tiny) = scratch.store.write(step).await.unwrap();
    assert_eq!(first[0].sequence, 1);
    assert!(first.len() > 1 && first.len() < 50, "{}", first.len());
    assert_eq!(backlog, 50 - first.len() as u64);
    assert_eq!(tiny.len(), 1);
}

#[tokio::test]
async fn an_answer_is_taken_once() {
    let scratch = Scratch::new();
    let prompt = ContentId::from_bytes([9; 16]);
    let answer = |text: &str| Answer {
        text: text.into(),
        model: "offline-analyst".into(),
        refused: false,
        tools: Vec::new(),
        usage: Tokens::default(),
        total: Usage::default(),
        took_ms: 3,
    };
    let (first, second) = (answer("first"), answer("second"));
    let step = move |tx: &sysmaint_store::Tx<'_>| {
        tx.chat().ask(prompt, "how are you?", NOW)?;
        assert!(tx.chat().answer(prompt, &first, NOW)?);
        assert!(!tx.chat().answer(prompt, &second, NOW)?);
        assert!(!tx.chat().answer(ContentId::from_bytes([1; 16]), &second, NOW)?);
        tx.chat().get(prompt)
    };
    let row = scratch.store.write(step).await.unwrap().unwrap();
    assert_eq!(row.answer.unwrap().0.text, "first");
}

#[tokio::test]
async fn usage_adds_up_from_the_first_answer() {
    let scratch = Scratch::new();
    let tokens = Tokens { input_tokens: 100, output_tokens: 20, cost_usd: 0.5, estimated: false };
    let later = Timestamp::from_millis(NOW.as_millis() + 5_000);
    let step = move |tx: &sysmaint_store::Tx<'_>| {
        tx.usage().add(tokens, NOW)?;
        tx.usage().add(tokens, later)
    };
    let usage: Usage = scratch.store.write::<_, SqlError>(step).await.unwrap();
    assert_eq!((usage.input_tokens, usage.answers, usage.since), (200, 2, NOW));
}
