//! Roll-ups, what they keep, and what is asked of them.

use std::time::Duration;

use sysmaint_protocol::{
    ContentId, Timestamp,
    body::NumberedSample,
    sample::{Disk, Sample, Temperature},
};
use sysmaint_store::{History, Metric, POINTS_MAX, Retention, SqlError, Summary, Telemetry, Tx};

use crate::{Scratch, handle};

/// 2026-11-23T00:00:00Z, the beginning of buckets of every usual length.
const START: Timestamp = Timestamp::from_millis(1_795_392_000_000);
const STREAM: ContentId = ContentId::from_bytes([5; 16]);
const DAY: Duration = Duration::from_hours(24);

fn at(seconds: u64) -> Timestamp {
    START.after(Duration::from_secs(seconds))
}

fn load(seconds: u64, load_1: f64) -> Sample {
    Sample { load_1: Some(load_1), ..Sample::empty(at(seconds)) }
}

/// Records a sample under the number of its second.
fn record(telemetry: Telemetry<'_>, sample: Sample) -> Result<(), SqlError> {
    let sequence = sample.taken_at.as_millis() / 100;
    let stored_at = sample.taken_at;
    let added = telemetry.record(
        &handle("web1"),
        STREAM,
        &NumberedSample { sequence, sample },
        stored_at,
    )?;
    assert!(added);
    Ok(())
}

/// Rolls up all that waits, as the services do.
fn roll_up(telemetry: Telemetry<'_>, now: Timestamp) -> Result<usize, SqlError> {
    let mut count = 0;
    for host in telemetry.waiting()? {
        loop {
            match telemetry.roll_up(&host, &Retention::default(), now)? {
                0 => break,
                rolled => count += rolled,
            }
        }
    }
    Ok(count)
}

fn history(
    telemetry: Telemetry<'_>,
    from: Timestamp,
    to: Timestamp,
    metrics: &[Metric],
) -> Result<History, SqlError> {
    Ok(telemetry.history(&handle("web1"), from, to, metrics)?.unwrap())
}

/// Hours on end, a sample every ten seconds, with a load that never repeats.
fn hours(telemetry: Telemetry<'_>, from: u64, to: u64) -> Result<(), SqlError> {
    for second in (from * 3600..to * 3600).step_by(10) {
        record(telemetry, load(second, course(second)))?;
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn course(second: u64) -> f64 {
    ((second * 7919) % 10_007) as f64 / 8.0
}

/// What a point must be, computed from the samples themselves.
fn expected(from: u64, step: u64, kept: impl Fn(u64) -> bool) -> Option<Summary> {
    let seconds = (from..from + step).step_by(10).filter(|second| kept(*second));
    let values = seconds.map(|second| Summary::one(course(second)));
    values.reduce(|mut all, one| {
        all.add(&one);
        all
    })
}

async fn in_a_step<T: Send + 'static>(
    step: impl FnOnce(&Tx<'_>) -> Result<T, SqlError> + Send + 'static,
) -> T {
    Scratch::new().store.write(step).await.unwrap()
}

#[tokio::test]
async fn every_level_keeps_least_mean_and_most_exactly() {
    let histories = in_a_step(|tx| {
        let telemetry = tx.telemetry();
        hours(telemetry, 0, 30)?;
        let now = at(30 * 3600);
        roll_up(telemetry, now)?;
        [6, 24, 3 * 24, 40 * 24, 400 * 24]
            .map(|hours| history(telemetry, now.before(Duration::from_hours(hours)), now, &[]))
            .into_iter()
            .collect::<Result<Vec<_>, _>>()
    })
    .await;
    let steps: Vec<_> = histories.iter().map(|history| history.step.as_secs()).collect();
    assert_eq!(steps, [60, 120, 600, 7200, 57_600]);
    for history in histories {
        let step = history.step.as_secs();
        let line = &history.series[0];
        assert!(history.rolled_up && history.times.len() as u64 <= POINTS_MAX);
        assert_eq!((line.metric, line.values.len()), (Metric::Load1, history.times.len()));
        for (time, value) in history.times.iter().zip(&line.values) {
            if *time < START {
                assert_eq!(*value, None, "nothing was measured before");
                continue;
            }
            let from = time.since(START).as_secs();
            assert_eq!(*value, expected(from, step, |second| second < 30 * 3600), "{step} {from}");
        }
    }
}

#[tokio::test]
async fn a_late_sample_joins_its_buckets_however_old_they_are() {
    let (before, after) = in_a_step(|tx| {
        let telemetry = tx.telemetry();
        let now = at(20 * 86_400);
        record(telemetry, load(0, 1.0))?;
        record(telemetry, load(20 * 86_400, 1.0))?;
        roll_up(telemetry, now)?;
        // The minute is forgotten, and the whole sample; ten minutes and more are still there.
        telemetry.prune(now, &Retention::default())?;
        let before = history(telemetry, START, at(20 * 86_400), &[])?;
        record(telemetry, load(7, 5.0))?;
        roll_up(telemetry, now)?;
        Ok((before, history(telemetry, START, at(20 * 86_400), &[])?))
    })
    .await;
    assert_eq!(before.series[0].values[0], Some(Summary::one(1.0)));
    let joined = Summary { low: 1.0, high: 5.0, sum: 6.0, count: 2 };
    assert_eq!(after.series[0].values[0], Some(joined));
}

#[tokio::test]
async fn a_sample_that_comes_twice_is_rolled_up_once() {
    let history = in_a_step(|tx| {
        let telemetry = tx.telemetry();
        for _ in 0..2 {
            for second in (0..3600 * 4).step_by(10) {
                let numbered = NumberedSample { sequence: second, sample: load(second, 2.0) };
                telemetry.record(&handle("web1"), STREAM, &numbered, START)?;
            }
            roll_up(telemetry, at(3600 * 4))?;
        }
        history(telemetry, START, at(3600 * 4 - 1), &[])
    })
    .await;
    assert!(history.series[0].values.iter().all(|value| *value == Some(Summary::steady(2.0, 6))));
}

#[tokio::test]
async fn nothing_is_forgotten_that_was_not_rolled_up() {
    let (rolled, waiting) = in_a_step(|tx| {
        let telemetry = tx.telemetry();
        hours(telemetry, 0, 2)?;
        let now = START.after(60 * DAY);
        telemetry.prune(now, &Retention::default())?;
        let rolled = roll_up(telemetry, now)?;
        telemetry.prune(now, &Retention::default())?;
        let now = START.after(50 * DAY);
        Ok((rolled, history(telemetry, START, now, &[])?))
    })
    .await;
    assert_eq!(rolled, 720);
    let counts = waiting.series[0].values.iter().flatten().map(|value| u64::from(value.count));
    assert_eq!(counts.sum::<u64>(), 720);
}

#[tokio::test]
async fn what_is_not_rolled_up_yet_is_seen_all_the_same() {
    let history = in_a_step(|tx| {
        let telemetry = tx.telemetry();
        hours(telemetry, 0, 5)?;
        roll_up(telemetry, at(5 * 3600))?;
        for second in (5 * 3600..5 * 3600 + 60).step_by(10) {
            record(telemetry, load(second, course(second)))?;
        }
        history(telemetry, START, at(5 * 3600 + 59), &[])
    })
    .await;
    let last = *history.series[0].values.last().unwrap();
    assert_eq!(last, expected(5 * 3600, 60, |_| true));
}

#[tokio::test]
async fn a_gap_is_a_gap_at_each_level() {
    // From 1:00 to 1:30 and for a minute at 2:00.
    let kept = |second: u64| !(3600..5400).contains(&second) && !(7200..7260).contains(&second);
    let histories = in_a_step(move |tx| {
        let telemetry = tx.telemetry();
        for second in (0..6 * 3600).step_by(10).filter(|second| kept(*second)) {
            record(telemetry, load(second, course(second)))?;
        }
        let now = at(6 * 3600 - 10);
        roll_up(telemetry, now)?;
        let whole = history(telemetry, at(3500), at(7300), &[])?;
        let minutes = history(telemetry, START, now, &[])?;
        Ok([whole, minutes, history(telemetry, at(0), now.after(60 * DAY), &[])?])
    })
    .await;
    let spans = |history: &History| -> Vec<_> {
        let seconds = |time: Timestamp| time.since(START).as_secs();
        history.gaps.iter().map(|gap| (seconds(gap.from), seconds(gap.to), gap.missing)).collect()
    };
    let [whole, minutes, months] = histories;
    let both = [(3590, 5400, 180), (7190, 7260, 6)];
    assert_eq!((spans(&whole), whole.rolled_up), (both.to_vec(), false));
    assert_eq!(spans(&minutes), both);
    // And it has been silent since.
    assert_eq!(spans(&months)[..2], both);
    assert_eq!(spans(&months)[2], (6 * 3600 - 10, 6 * 3600 - 10 + 60 * 86_400, 60 * 8640 - 1));

    let empty = whole.series[0].values.iter().filter(|value| value.is_none()).count();
    assert_eq!(empty, 2, "a point without values in each gap");
    for (time, value) in minutes.times.iter().zip(&minutes.series[0].values) {
        let second = time.since(START).as_secs();
        assert_eq!(*value, expected(second, 60, kept), "{second}");
    }
    let (six_hours, silence) = months.series[0].values.split_at(3);
    assert!(six_hours.iter().all(Option::is_some) && silence.iter().all(Option::is_none));
}

#[tokio::test]
async fn a_late_sample_closes_its_gap() {
    let (before, after) = in_a_step(|tx| {
        let telemetry = tx.telemetry();
        let now = at(600);
        for second in (0..=600).step_by(10).filter(|second| !(100..200).contains(second)) {
            record(telemetry, load(second, 1.0))?;
        }
        roll_up(telemetry, now)?;
        let before = history(telemetry, START, now, &[])?.gaps;
        for second in (100..200).step_by(10) {
            record(telemetry, load(second, 1.0))?;
            roll_up(telemetry, now)?;
        }
        Ok((before, history(telemetry, START, now, &[])?.gaps))
    })
    .await;
    assert_eq!((before.len(), before[0].missing, after), (1, 10, vec![]));
}

#[tokio::test]
async fn the_interval_is_the_hosts_own() {
    let history = in_a_step(|tx| {
        let telemetry = tx.telemetry();
        for second in (0..20 * 3600).step_by(300) {
            record(telemetry, load(second, 1.0))?;
        }
        let now = at(20 * 3600 - 300);
        roll_up(telemetry, now)?;
        telemetry.prune(START.after(3 * DAY), &Retention::default())?;
        history(telemetry, START, now, &[])
    })
    .await;
    assert_eq!(history.gaps, []);
    assert_eq!(history.step, Duration::from_mins(10), "a minute would be empty most of the time");
    assert!(history.series[0].values.iter().all(Option::is_some));
}

#[tokio::test]
async fn no_window_has_many_more_than_a_thousand_points() {
    in_a_step(|tx| {
        let telemetry = tx.telemetry();
        for second in (0..3600).map(|index| index * 10) {
            record(telemetry, load(second, 1.0))?;
        }
        let now = at(36_000);
        roll_up(telemetry, now)?;
        for minutes in [1, 7, 59, 183, 184, 600, 1_440, 9_999, 43_200, 525_600, 5_256_000] {
            let from = now.before(Duration::from_mins(minutes));
            let history = history(telemetry, from, now, &[Metric::Load1])?;
            assert!(history.times.len() as u64 <= POINTS_MAX, "{minutes}");
            assert!(history.times.is_sorted());
        }
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_host_has_only_so_many_series_and_a_silent_one_makes_room() {
    let (first, later) = in_a_step(|tx| {
        let telemetry = tx.telemetry();
        let sensors = |second: u64, name: &str| {
            let sensor = |index| Temperature { sensor: format!("{name}{index}"), celsius: 1.0 };
            let temperatures = (0..600).map(sensor).collect();
            Sample { temperatures, ..load(second, 1.0) }
        };
        let look = |from: u64, to: u64| -> Result<Vec<String>, SqlError> {
            let series = history(telemetry, at(from), at(to), &[])?.series;
            Ok(series.into_iter().map(|series| series.label).collect())
        };
        let week = 8 * 86_400;
        record(telemetry, sensors(0, "old"))?;
        record(telemetry, sensors(10, "new"))?;
        roll_up(telemetry, at(week))?;
        // Not the whole samples, which hold all of it.
        telemetry.prune(at(week), &Retention::default())?;
        record(telemetry, sensors(week, "late"))?;
        let first = look(0, 2 * 86_400)?;
        roll_up(telemetry, at(week))?;
        record(telemetry, load(week + 86_400 * 2, 1.0))?;
        telemetry.prune(at(week + 86_400 * 2), &Retention::default())?;
        Ok((first, look(week - 86_400, week + 86_400)?))
    })
    .await;
    assert_eq!(first.len(), 512);
    assert!(first.iter().all(|label| label.is_empty() || label.starts_with("old")));
    assert!(later.iter().any(|label| label.starts_with("late")), "{later:?}");
    assert!(later.len() <= 512);
}

#[tokio::test]
async fn hostile_labels_are_kept_as_they_are_and_cut() {
    let labels = in_a_step(|tx| {
        let telemetry = tx.telemetry();
        let names = ["'; DROP TABLE series; --", "\0\n\"", "=1+1", &"ä".repeat(500)];
        let disk = |mount: &&str| Disk {
            mount: (*mount).to_owned(),
            file_system: "ext4".to_owned(),
            total_bytes: 100,
            used_bytes: 50,
            read_bytes_per_s: None,
            write_bytes_per_s: Some(f64::MAX),
        };
        for second in (0..40_000).step_by(10) {
            let disks = names.iter().map(disk).collect();
            record(telemetry, Sample { disks, ..load(second, 1.0) })?;
        }
        roll_up(telemetry, at(40_000))?;
        let metrics = [Metric::DiskUsedPercent];
        let history = history(telemetry, START, at(39_999), &metrics)?;
        assert!(history.rolled_up);
        Ok(history.series.into_iter().map(|series| series.label).collect::<Vec<_>>())
    })
    .await;
    let cut = "ä".repeat(64);
    assert_eq!(labels, ["\0\n\"", "'; DROP TABLE series; --", "=1+1", &cut]);
}

#[tokio::test]
async fn moments_beyond_reason_do_no_harm() {
    in_a_step(|tx| {
        let telemetry = tx.telemetry();
        for millis in [0, 100, u64::MAX] {
            let sample =
                Sample { load_1: Some(1.0), ..Sample::empty(Timestamp::from_millis(millis)) };
            record(telemetry, sample)?;
        }
        record(telemetry, load(0, 1.0))?;
        assert_eq!(roll_up(telemetry, START)?, 4);
        let from = START.before(3650 * DAY);
        assert!(history(telemetry, from, START, &[])?.times.len() as u64 <= POINTS_MAX);
        assert!(telemetry.history(&handle("nobody"), from, START, &[])?.is_none());
        Ok(())
    })
    .await;
}
