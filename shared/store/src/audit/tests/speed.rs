//! The audit keeps up with what a bridge takes in, and does not hold it up.

use std::time::Instant;

use super::*;

/// Far below what an idle machine does, so that a busy one passes.
const LEAST: f64 = 5_000.0;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_are_written_faster_than_envelopes_come() {
    const ROWS: u32 = 200_000;
    let scratch = Scratch::new();
    let log = scratch.open();
    let started = Instant::now();
    let tasks = (0..8).map(|task| {
        let log = log.clone();
        tokio::spawn(async move {
            let mut longest = Duration::ZERO;
            for number in 0..ROWS / 8 {
                let asked = Instant::now();
                log.room()
                    .await
                    .unwrap()
                    .fill(vec![accepted(u64::from(task * ROWS + number))], NOW);
                longest = longest.max(asked.elapsed());
            }
            longest
        })
    });
    let mut longest = Duration::ZERO;
    for task in tasks.collect::<Vec<_>>() {
        longest = longest.max(task.await.unwrap());
    }
    log.write(vec![AuditEvent::BridgeStopped], NOW).await.unwrap();
    let rate = f64::from(ROWS) / started.elapsed().as_secs_f64();
    println!("{rate:.0} rows/s; {} waits, the longest {longest:?}", log.waits());
    assert!(rate > LEAST, "{rate:.0} rows/s");
    let checked = Instant::now();
    let outcome = scratch.verify(None);
    println!("checked at {:.0} rows/s", f64::from(ROWS) / checked.elapsed().as_secs_f64());
    assert!(outcome.is_sound() && outcome.rows == u64::from(ROWS) + 1, "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_records_an_envelope_does_not_wait_for_the_disk() {
    const RECORDS: usize = 300;
    let scratch = Scratch::new();
    let log = scratch.open();
    let (mut queued, mut awaited) = (Vec::new(), Vec::new());
    for number in 0..RECORDS as u64 {
        let asked = Instant::now();
        log.room().await.unwrap().fill(vec![accepted(number)], NOW);
        queued.push(asked.elapsed());
        let asked = Instant::now();
        log.write(vec![accepted(number)], NOW).await.unwrap();
        awaited.push(asked.elapsed());
    }
    queued.sort();
    awaited.sort();
    let (queued, awaited) = (queued[RECORDS / 2], awaited[RECORDS / 2]);
    println!("queued in {queued:?}, on the disk in {awaited:?} (medians)");
    assert!(queued * 5 < awaited, "queued in {queued:?}, on the disk in {awaited:?}");
}
