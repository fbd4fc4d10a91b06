//! The tables of samples, chat and usage.

use std::time::Duration;

use sysmaint_protocol::{
    ContentId, ServiceId, Timestamp,
    body::{self, Answer, Lost, NumberedSample, Tokens, Usage},
    sample::Sample,
};
use sysmaint_store::{Retention, Spend, SqlError, Tx};

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
    let step = |tx: &Tx<'_>| {
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
async fn samples_are_thinned_and_keep_the_latest() {
    let scratch = Scratch::new();
    let step = |tx: &Tx<'_>| {
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
    let step = |tx: &Tx<'_>| {
        for sequence in 1..=3 {
            tx.telemetry().record(&handle("web1"), STREAM, &numbered(sequence, 1.0), NOW)?;
        }
        let (usual, end) = (Retention::default(), NOW.after(Duration::from_hours(90 * 24)));
        while tx.telemetry().roll_up(&handle("web1"), &usual, end)? > 0 {}
        assert!(tx.telemetry().prune(end, &usual)? > 0);
        tx.telemetry().hosts()
    };
    let hosts = scratch.store.write(step).await.unwrap();
    assert_eq!(hosts[0].sample, numbered(3, 1.0).sample);
}

#[tokio::test]
async fn own_samples_go_out_within_the_bound() {
    let scratch = Scratch::new();
    let step = |tx: &Tx<'_>| {
        let own = tx.own_samples();
        let stream = own.stream(STREAM)?;
        assert_eq!(own.stream(ContentId::from_bytes([6; 16]))?, stream);
        for sequence in 1..=50 {
            assert_eq!(own.keep(&numbered(sequence, 1.0).sample)?, sequence);
        }
        let agent = handle("sysmaint");
        own.meet_readers(std::slice::from_ref(&agent))?;
        let first = own.next(stream, &agent, 1_000)?.unwrap();
        own.note_sealed(&agent, &first)?;
        let backlog = own.backlog(&agent)?;
        let tiny = own.next(stream, &agent, 1)?.unwrap();
        Ok::<_, SqlError>((first, backlog, tiny))
    };
    let (first, backlog, tiny) = scratch.store.write(step).await.unwrap();
    let count = first.samples.len() as u64;
    assert_eq!((first.samples[0].sequence, first.samples.last().unwrap().sequence), (1, 50));
    assert!(count > 1 && count < 50 && body::encode(&first).unwrap().len() < 1_100, "{count}");
    assert_eq!(backlog, 50 - count);
    assert_eq!(tiny.samples.len(), 1);
}

#[tokio::test]
async fn late_samples_and_second_copies_are_told_apart() {
    let scratch = Scratch::new();
    let step = |tx: &Tx<'_>| {
        for sequence in [1, 5, 2, 3, 5, 2] {
            tx.telemetry().record(&handle("web1"), STREAM, &numbered(sequence, 1.0), NOW)?;
        }
        tx.telemetry().hosts()
    };
    let host = &scratch.store.write(step).await.unwrap()[0];
    assert_eq!((host.missing, host.late, host.duplicate, host.lost), (1, 2, 2, 0));
}

#[tokio::test]
async fn what_is_lost_is_not_missing_and_is_counted_once_however_often_it_is_told() {
    let scratch = Scratch::new();
    let step = |tx: &Tx<'_>| {
        let at = |sequence| Some(numbered(sequence, 1.0).sample.taken_at);
        let telemetry = |samples: &[u64], lost: &[(u64, u64)]| body::Telemetry {
            stream: STREAM,
            samples: samples.iter().map(|sequence| numbered(*sequence, 1.0)).collect(),
            lost: lost
                .iter()
                .map(|(first, last)| Lost {
                    first: *first,
                    last: *last,
                    from: at(*first),
                    to: at(*last),
                })
                .collect(),
        };
        let web1 = handle("web1");
        let record = |samples: &[u64], lost: &[(u64, u64)]| {
            tx.telemetry().record_all(&web1, &telemetry(samples, lost), NOW)
        };
        record(&[1, 2, 100], &[])?;
        assert_eq!(tx.telemetry().hosts()?[0].missing, 97);
        record(&[60], &[(11, 50)])?;
        record(&[], &[(11, 50), (41, 55)])?;
        record(&[], &[(5, 12)])?;
        let window = (NOW, NOW.after(Duration::from_hours(1)));
        Ok::<_, SqlError>((
            tx.telemetry().hosts()?,
            tx.telemetry().losses(&web1, window.0, window.1)?,
        ))
    };
    let (hosts, gaps) = scratch.store.write(step).await.unwrap();
    assert_eq!((hosts[0].lost, hosts[0].missing), (51, 100 - 4 - 51));
    assert_eq!(gaps.len(), 1);
    assert_eq!(gaps[0].samples, 51);
    assert_eq!(gaps[0].from, numbered(5, 1.0).sample.taken_at);
    assert_eq!(gaps[0].to, numbered(55, 1.0).sample.taken_at);
}

#[tokio::test]
async fn an_answer_is_taken_once() {
    let scratch = Scratch::new();
    let prompt = ContentId::from_bytes([9; 16]);
    let answer = |text: &str| Answer {
        text: text.into(),
        model: "offline-analyst".into(),
        refused: false,
        stopped: false,
        tools: Vec::new(),
        usage: Tokens::default(),
        total: Usage::default(),
        took_ms: 3,
    };
    let (first, second) = (answer("first"), answer("second"));
    let step = move |tx: &Tx<'_>| {
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
    let step = move |tx: &Tx<'_>| {
        tx.usage().add(tokens, NOW)?;
        tx.usage().add(tokens, later)
    };
    let usage: Usage = scratch.store.write::<_, SqlError>(step).await.unwrap();
    assert_eq!((usage.input_tokens, usage.answers, usage.since), (200, 2, NOW));
}

const PERSON: ServiceId = ServiceId::from_bytes([1; 16]);
const OTHER: ServiceId = ServiceId::from_bytes([2; 16]);

/// The prompts that are remembered.
fn remembered(tx: &Tx<'_>, of: ServiceId, now: Timestamp) -> Result<Vec<String>, SqlError> {
    Ok(tx.exchanges().latest(of, now)?.into_iter().map(|row| row.prompt).collect())
}

#[tokio::test]
async fn a_conversation_is_remembered_for_each_person_up_to_its_bounds() {
    let scratch = Scratch::new();
    let step = |tx: &Tx<'_>| {
        for number in 0..20 {
            tx.exchanges().add(PERSON, &format!("q{number}"), "a", NOW)?;
        }
        tx.exchanges().add(OTHER, "mine", "a", NOW)?;
        let twelve: Vec<_> = (8..20).map(|number| format!("q{number}")).collect();
        assert_eq!(remembered(tx, PERSON, NOW)?, twelve);
        assert_eq!(remembered(tx, OTHER, NOW)?, ["mine"]);
        tx.exchanges().add(PERSON, "long", &"x".repeat(24 * 1024 - 8), NOW)?;
        assert_eq!(remembered(tx, PERSON, NOW)?, ["q19", "long"]);
        tx.exchanges().forget(PERSON)?;
        assert!(remembered(tx, PERSON, NOW)?.is_empty());
        assert_eq!(remembered(tx, OTHER, NOW)?, ["mine"]);
        Ok::<_, SqlError>(())
    };
    scratch.store.write(step).await.unwrap();
}

#[tokio::test]
async fn a_conversation_is_forgotten_after_half_a_day_and_survives_the_process() {
    let scratch = Scratch::new();
    let step = |tx: &Tx<'_>| tx.exchanges().add(PERSON, "the load?", "1", NOW);
    scratch.store.write(step).await.unwrap();
    let Scratch { dir, store } = scratch;
    drop(store);
    let path = dir.path().join("test.db");
    let store = sysmaint_store::Store::open(&path, &crate::passphrase()).unwrap();
    let step = |tx: &Tx<'_>| {
        let (soon, late) =
            (NOW.after(Duration::from_hours(11)), NOW.after(Duration::from_hours(12)));
        assert_eq!(remembered(tx, PERSON, soon)?, ["the load?"]);
        assert!(remembered(tx, PERSON, late)?.is_empty());
        assert!(remembered(tx, PERSON, NOW.before(Duration::from_secs(1)))?.is_empty());
        assert_eq!((tx.exchanges().prune(soon)?, tx.exchanges().prune(late)?), (0, 1));
        Ok::<_, SqlError>(())
    };
    store.write(step).await.unwrap();
}

#[tokio::test]
async fn what_models_cost_is_counted_by_the_day_in_utc() {
    let scratch = Scratch::new();
    let step = |tx: &Tx<'_>| {
        // NOW is 09:30.
        let (midnight, day) = (Spend::day_ends(NOW), Duration::from_hours(24));
        assert_eq!(midnight, NOW.after(Duration::from_mins(14 * 60 + 30)));
        let before = midnight.before(Duration::from_millis(1));
        for (at, cost) in [(NOW, 0.25), (before, 0.5), (midnight, 1.0)] {
            tx.spend().add(at, cost)?;
        }
        assert!((tx.spend().on_day_of(NOW)? - 0.75).abs() < 1e-9);
        assert!((tx.spend().on_day_of(midnight)? - 1.0).abs() < 1e-9);
        assert!(tx.spend().on_day_of(NOW.before(day))?.abs() < 1e-9);
        tx.spend().add(NOW.after(day * 60), 0.1)?;
        assert!(tx.spend().on_day_of(NOW)?.abs() < 1e-9, "too old to be kept");
        Ok::<_, SqlError>(())
    };
    scratch.store.write(step).await.unwrap();
}
