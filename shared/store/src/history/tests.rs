//! What only shows from inside: stores of earlier versions, and other levels than before.

use std::time::Duration;

use rusqlite::Connection;
use sysmaint_protocol::{ContentId, Handle, Timestamp, body::NumberedSample, sample::Sample};

use super::{History, Metric, Retention, Summary};
use crate::{SqlError, Telemetry, migrate};

/// 2026-11-23T00:00:00Z.
const START: u64 = 1_795_392_000_000;
const DAY: Duration = Duration::from_hours(24);

fn host() -> Handle {
    "web1".parse().unwrap()
}

fn now() -> Timestamp {
    Timestamp::from_millis(START).after(20 * DAY)
}

fn roll_up(telemetry: Telemetry<'_>, retention: &Retention) -> Result<usize, SqlError> {
    let mut count = 0;
    loop {
        match telemetry.roll_up(&host(), retention, now())? {
            0 => return Ok(count),
            rolled => count += rolled,
        }
    }
}

fn history(telemetry: Telemetry<'_>, span: Duration) -> History {
    telemetry.history(&host(), now().before(span), now(), &[]).unwrap().unwrap()
}

/// A store of schema 9: points of every ten seconds in the first hour, then one sample.
fn old_store() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    for sql in &migrate::STORE.migrations[..9] {
        connection.execute_batch(sql).unwrap();
    }
    connection.pragma_update(None, "user_version", 9).unwrap();
    connection.execute_batch("INSERT INTO host VALUES (1, 'web1', 0)").unwrap();
    let point = "INSERT INTO point VALUES (1, ?1, x'05050505050505050505050505050505', ?2, ?3, ?3, NULL, 4096, 70.5, ?3, 2, NULL)";
    for index in 0..360_u32 {
        let values = (START + u64::from(index) * 10_000, index, f64::from(index) / 4.0);
        connection.execute(point, values).unwrap();
    }
    let taken_at = now().before(Duration::from_mins(1));
    let sample = Sample { load_15: Some(3.0), cpu_percent: Some(8.0), ..Sample::empty(taken_at) };
    let body = serde_json::to_string(&sample).unwrap();
    connection.execute(point, (taken_at.as_millis(), 999, 8.0)).unwrap();
    connection
        .execute("INSERT INTO sample VALUES (1, ?1, ?2)", (taken_at.as_millis(), body))
        .unwrap();
    connection
}

#[test]
fn an_older_store_keeps_its_points_as_roll_ups_and_its_numbers() {
    let mut connection = old_store();
    migrate::STORE.run(&mut connection).unwrap();
    let telemetry = Telemetry(&connection);
    let retention = Retention::default();
    assert_eq!(roll_up(telemetry, &retention).unwrap(), 361);
    telemetry.prune(now(), &retention).unwrap();

    let History { series, .. } = history(telemetry, 20 * DAY);
    let metrics: Vec<_> = series.iter().map(|series| series.metric).collect();
    let known = [
        Metric::CpuPercent,
        Metric::Load1,
        Metric::Load15,
        Metric::SwapUsedBytes,
        Metric::DiskUsedPercentMax,
        Metric::ReceivedBytesPerS,
        Metric::SentBytesPerS,
    ];
    assert_eq!(metrics, known);
    let values = |place: usize| series[place].values.iter().flatten();
    let total = |place| {
        values(place).copied().reduce(|mut all, summary| {
            all.add(&summary);
            all
        })
    };
    let sum = f64::from((0..360).sum::<u32>()) / 4.0 + 8.0;
    assert_eq!(total(0), Some(Summary { low: 0.0, high: 89.75, sum, count: 361 }));
    assert_eq!(total(3), Some(Summary::steady(4096.0, 360)));
    assert_eq!(values(2).collect::<Vec<_>>(), [&Summary::one(3.0)]);

    let sample = Sample::empty(Timestamp::from_millis(START));
    let again = NumberedSample { sequence: 0, sample };
    let stream = ContentId::from_bytes([5; 16]);
    assert!(!telemetry.record(&host(), stream, &again, now()).unwrap(), "it was recorded before");
}

#[test]
fn a_level_that_is_given_up_is_forgotten_and_a_new_one_grows() {
    let mut connection = old_store();
    migrate::STORE.run(&mut connection).unwrap();
    let telemetry = Telemetry(&connection);
    roll_up(telemetry, &Retention::default()).unwrap();
    let other: Retention = "whole:24h,5m:8d,10m:90d".parse().unwrap();
    let stream = ContentId::from_bytes([6; 16]);
    let sample = Sample { load_1: Some(1.0), ..Sample::empty(now()) };
    telemetry.record(&host(), stream, &NumberedSample { sequence: 1, sample }, now()).unwrap();
    assert_eq!(roll_up(telemetry, &other).unwrap(), 1);
    telemetry.prune(now(), &other).unwrap();

    let steps = "SELECT group_concat(step) FROM (SELECT step FROM track ORDER BY step)";
    let steps: String = connection.query_row(steps, [], |row| row.get(0)).unwrap();
    assert_eq!(steps, "300000,600000");
    let all = history(telemetry, 20 * DAY);
    assert_eq!(all.step, Duration::from_mins(30), "five minutes do not reach back yet");
    let load = all.series.iter().find(|series| series.metric == Metric::Load1).unwrap();
    assert_eq!(load.values.iter().flatten().map(|summary| summary.count).sum::<u32>(), 360 + 1);
}

#[test]
fn a_host_that_is_forgotten_leaves_nothing_behind() {
    let mut connection = old_store();
    migrate::STORE.run(&mut connection).unwrap();
    let telemetry = Telemetry(&connection);
    roll_up(telemetry, &Retention::default()).unwrap();
    assert!(telemetry.forget(&host()).unwrap());
    assert!(!telemetry.forget(&host()).unwrap());
    for table in ["host", "sample", "point", "waiting", "gap", "series", "track", "bucket"] {
        let count = format!("SELECT count(*) FROM {table}");
        let left: u32 = connection.query_row(&count, [], |row| row.get(0)).unwrap();
        assert_eq!(left, 0, "{table}");
    }
}
