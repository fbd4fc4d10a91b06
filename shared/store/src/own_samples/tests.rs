//! Every number is given to each reader once, whatever comes in between.

use std::collections::{BTreeMap, BTreeSet};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use sysmaint_protocol::{Timestamp, body, limits::LOST_STRETCHES};

use super::*;
use crate::migrate;

const STREAM: ContentId = ContentId::from_bytes([5; 16]);
const READERS: [&str; 2] = ["alice", "sysmaint"];

fn fresh() -> Connection {
    let mut connection = Connection::open_in_memory().unwrap();
    migrate::STORE.run(&mut connection).unwrap();
    connection
}

fn handle(name: &str) -> Handle {
    name.parse().unwrap()
}

fn sample(taken_at: u64, padding: usize) -> Sample {
    let os = Some("x".repeat(padding));
    Sample { os, ..Sample::empty(Timestamp::from_millis(taken_at)) }
}

/// Keeps so many small samples, taken one a millisecond.
fn keep(own: OwnSamples<'_>, count: u64) {
    for _ in 0..count {
        own.keep(&sample(own.highest().unwrap() + 1, 0)).unwrap();
    }
}

fn give(own: OwnSamples<'_>, reader: &Handle, max: usize) -> Option<Telemetry> {
    let given = own.next(STREAM, reader, max).unwrap()?;
    own.note_sealed(reader, &given).unwrap();
    Some(given)
}

fn numbers(telemetry: &Telemetry) -> Vec<u64> {
    telemetry.samples.iter().map(|numbered| numbered.sequence).collect()
}

#[test]
fn the_newest_sample_does_not_wait_for_those_before_it() {
    let connection = fresh();
    let (own, alice) = (OwnSamples(&connection), handle("alice"));
    own.meet_readers(std::slice::from_ref(&alice)).unwrap();
    keep(own, 100);
    let first = numbers(&give(own, &alice, 1_000).unwrap());
    assert!(first.contains(&1) && first.contains(&100) && first.len() < 20, "{first:?}");
    keep(own, 1);
    let second = numbers(&give(own, &alice, 1_000).unwrap());
    assert_eq!(second.last(), Some(&101));
    let behind = &second[..second.len() - 1];
    assert!(behind.len() > 1 && behind.is_sorted() && !behind.contains(&1), "{second:?}");
}

#[test]
fn what_is_gone_is_told_with_its_length_and_its_times() {
    let connection = fresh();
    let (own, alice) = (OwnSamples(&connection), handle("alice"));
    own.meet_readers(std::slice::from_ref(&alice)).unwrap();
    keep(own, 100);
    let bytes = own.bytes().unwrap();
    let dropped = own.shrink(bytes / 2).unwrap();
    assert!(own.bytes().unwrap() <= bytes / 2 && dropped > 50, "{dropped}");
    let given = give(own, &alice, 100_000).unwrap();
    let [from, to] = [1, dropped].map(|millis| Some(Timestamp::from_millis(millis)));
    assert_eq!(given.lost, [body::Lost { first: 1, last: dropped, from, to }]);
    assert_eq!(numbers(&given), (dropped + 1..=100).collect::<Vec<_>>());
    assert_eq!((own.backlog(&alice).unwrap(), give(own, &alice, 100_000)), (0, None));
}

#[test]
fn what_every_reader_has_goes_first_and_is_no_loss() {
    let connection = fresh();
    let (own, alice) = (OwnSamples(&connection), handle("alice"));
    own.meet_readers(std::slice::from_ref(&alice)).unwrap();
    keep(own, 50);
    give(own, &alice, 100_000).unwrap();
    keep(own, 50);
    assert_eq!(own.shrink(own.bytes().unwrap() * 6 / 10).unwrap(), 0);
    let given = give(own, &alice, 100_000).unwrap();
    assert_eq!((numbers(&given), given.lost), ((51..=100).collect(), vec![]));
}

#[test]
fn the_latest_sample_stays_however_small_the_room() {
    let connection = fresh();
    let (own, alice) = (OwnSamples(&connection), handle("alice"));
    own.meet_readers(std::slice::from_ref(&alice)).unwrap();
    keep(own, 10);
    assert_eq!(own.shrink(1).unwrap(), 9);
    assert_eq!(numbers(&give(own, &alice, 100_000).unwrap()), [10]);
}

#[test]
fn a_new_reader_misses_nothing_of_what_was_gone_before_it_came() {
    let connection = fresh();
    let (own, [alice, agent]) = (OwnSamples(&connection), READERS.map(handle));
    own.meet_readers(std::slice::from_ref(&alice)).unwrap();
    keep(own, 20);
    own.prune(Timestamp::from_millis(11)).unwrap();
    own.meet_readers(&[alice, agent.clone()]).unwrap();
    let given = give(own, &agent, 100_000).unwrap();
    assert_eq!((numbers(&given), given.lost), ((11..=20).collect(), vec![]));
}

#[test]
fn nothing_is_kept_for_one_who_reads_no_more() {
    let connection = fresh();
    let (own, [alice, agent]) = (OwnSamples(&connection), READERS.map(handle));
    own.meet_readers(&[alice.clone(), agent.clone()]).unwrap();
    keep(own, 20);
    give(own, &alice, 100_000).unwrap();
    own.meet_readers(&[alice]).unwrap();
    assert_eq!(own.shrink(1).unwrap(), 0);
}

/// What a reader was given, and what it may be given.
#[derive(Default)]
struct Ledger {
    samples: BTreeMap<u64, u32>,
    lost: BTreeMap<u64, u32>,
    /// Given again, since it was asked for.
    again: BTreeMap<u64, u32>,
}

impl Ledger {
    fn note(&mut self, given: &Telemetry) {
        for number in numbers(given) {
            *self.samples.entry(number).or_default() += 1;
        }
        for number in given.lost.iter().flat_map(|lost| lost.first..=lost.last) {
            *self.lost.entry(number).or_default() += 1;
        }
    }

    fn times(&self, number: u64) -> u32 {
        let of = |map: &BTreeMap<u64, u32>| map.get(&number).copied().unwrap_or_default();
        of(&self.samples) + of(&self.lost)
    }
}

/// One random walk over everything that can happen to a probe's samples.
fn walk(seed: u64) {
    let mut rng = StdRng::seed_from_u64(seed);
    let connection = fresh();
    let own = OwnSamples(&connection);
    let readers = READERS.map(handle);
    own.meet_readers(&readers).unwrap();
    let mut ledgers = [Ledger::default(), Ledger::default()];
    let mut gone = BTreeSet::new();
    for _ in 0..300 {
        let which = rng.random_range(0..2);
        let (reader, ledger) = (&readers[which], &mut ledgers[which]);
        match rng.random_range(0..10) {
            0..3 => {
                for _ in 0..rng.random_range(1..8) {
                    let at = own.highest().unwrap() + 1;
                    own.keep(&sample(at, rng.random_range(0..400))).unwrap();
                }
            }
            3..7 => {
                let max = rng.random_range(1..3_000);
                connection.execute_batch("SAVEPOINT step").unwrap();
                let newest = own.highest().unwrap() > own.sealed(reader).unwrap();
                let highest = own.highest().unwrap();
                let given = give(own, reader, max);
                // Killed before the transaction is on the disk.
                if rng.random_bool(0.2) {
                    connection.execute_batch("ROLLBACK TO step; RELEASE step").unwrap();
                    continue;
                }
                connection.execute_batch("RELEASE step").unwrap();
                let Some(given) = given else {
                    assert_eq!(own.backlog(reader).unwrap(), 0);
                    continue;
                };
                assert!(numbers(&given).is_sorted() && given.lost.len() <= LOST_STRETCHES);
                let there = !gone.contains(&highest);
                assert!(!(newest && there) || numbers(&given).contains(&highest));
                ledger.note(&given);
            }
            7 => {
                // One of its messages could not be opened.
                let highest = own.sealed(reader).unwrap();
                if highest > 0 {
                    let first = rng.random_range(1..=highest);
                    let last = rng.random_range(first..=highest.min(first + 5));
                    let given = (first..=last).filter(|number| ledger.times(*number) > 0);
                    for number in given.collect::<Vec<_>>() {
                        let owed = own.owed(reader).unwrap();
                        if owed.iter().all(|owed| !owed.contains(&number)) {
                            own.owe(reader, number..=number).unwrap();
                            *ledger.again.entry(number).or_default() += 1;
                        }
                    }
                }
            }
            8 => {
                let bound = rng.random_range(1..20_000);
                own.shrink(bound).unwrap();
            }
            _ => {
                let end = own.highest().unwrap().saturating_sub(rng.random_range(0..60));
                own.prune(Timestamp::from_millis(end)).unwrap();
            }
        }
        let mut here = connection.prepare("SELECT sequence FROM own_sample").unwrap();
        let here: BTreeSet<u64> =
            here.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        gone.extend((1..=own.highest().unwrap()).filter(|number| !here.contains(number)));
        let bytes = "SELECT coalesce(sum(octet_length(body)), 0) FROM own_sample";
        let bytes: u64 = connection.query_row(bytes, [], |row| row.get(0)).unwrap();
        assert_eq!(own.bytes().unwrap(), bytes);
    }
    for (reader, ledger) in readers.iter().zip(&mut ledgers) {
        while let Some(given) = give(own, reader, 2_000) {
            ledger.note(&given);
        }
        for number in 1..=own.highest().unwrap() {
            let again = ledger.again.get(&number).copied().unwrap_or_default();
            assert_eq!(ledger.times(number), 1 + again, "seed {seed}, number {number}");
        }
        assert!(ledger.lost.keys().all(|number| gone.contains(number)), "seed {seed}");
    }
}

#[test]
fn every_number_is_given_once_to_each_reader_or_told_as_lost() {
    (0..60).for_each(walk);
}

#[test]
fn a_store_of_an_older_version_still_has_to_seal_again_what_was_not_confirmed() {
    let mut connection = Connection::open_in_memory().unwrap();
    for migration in &migrate::STORE.migrations[..9] {
        connection.execute_batch(migration).unwrap();
    }
    connection.pragma_update(None, "user_version", 9).unwrap();
    connection
        .execute_batch(
            "INSERT INTO slot VALUES (1, 'probe');
             INSERT INTO contact (slot, handle, service_id, devices)
                 VALUES (1, 'alice', x'01', x'01');
             INSERT INTO reader VALUES ('alice', 9);
             INSERT INTO own_sample (taken_at, body) VALUES (1, 'x'), (2, 'ää');
             INSERT INTO sent (slot, service_id, device_id, content_id, transfer_id, repair_key,
                 kind, sequence, sealed_at, first_sample, delivered_at)
             VALUES (1, x'01', 1, x'02', x'02', 2, 4, 1, 0, 3, NULL),
                 (1, x'01', 1, x'03', x'03', 3, 4, 2, 0, 5, 7),
                 (1, x'01', 1, x'04', x'04', 4, 1, 3, 0, NULL, NULL);",
        )
        .unwrap();
    migrate::STORE.run(&mut connection).unwrap();
    let carried = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let all: (i64, u64, u64) =
        connection.query_row("SELECT sent, first, last FROM carried", [], carried).unwrap();
    assert_eq!(all, (1, 3, 9));
    let own = OwnSamples(&connection);
    assert_eq!(own.bytes().unwrap(), 5);
    keep(own, 8);
    assert_eq!(own.backlog(&handle("alice")).unwrap(), 1);
}
