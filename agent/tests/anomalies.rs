//! How well anomalies are judged, on made hosts whose truth is known and on a recorded one.
//!
//! The report of it is `docs/anomalies.md`; `make anomaly-report` writes it anew.

#![expect(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

#[path = "anomalies/chance.rs"]
mod chance;
#[path = "anomalies/host.rs"]
mod host;
#[path = "anomalies/recorded.rs"]
mod recorded;
#[path = "anomalies/report.rs"]
mod report;
#[path = "anomalies/trial.rs"]
mod trial;

use std::{env, fs, ops::RangeInclusive, path::Path, thread};

use self::{
    host::{JUDGED_S, PAST_S, Scenario, host, moment},
    report::{Measured, report, total},
    trial::{Judge, Score, by_the_agent, by_three_deviations, trial},
};

/// Seeds that constants were chosen by.
const TUNED: RangeInclusive<u64> = 1..=6;

/// Seeds that nobody looked at while choosing: whoever changes a constant after seeing their results
/// takes others.
const HELD_OUT: RangeInclusive<u64> = 3_001..=3_012;

/// Quiet hosts are what false alarms are counted on, so there are more of them.
const QUIET_TIMES: u64 = 3;

/// What must hold on held-out hosts.
const PRECISION_MIN: f64 = 0.95;
const RECALL_MIN: f64 = 0.95;

/// Of the four incidents of the recording, how many must be found.
const RECORDED_MIN: usize = 2;

fn scores(judge: Judge, seeds: &RangeInclusive<u64>) -> Vec<(Scenario, Score)> {
    thread::scope(|scope| {
        let tasks: Vec<_> = Scenario::ALL
            .into_iter()
            .map(|scenario| (scenario, scope.spawn(move || of(judge, scenario, seeds))))
            .collect();
        tasks.into_iter().map(|(scenario, task)| (scenario, task.join().unwrap())).collect()
    })
}

fn of(judge: Judge, scenario: Scenario, seeds: &RangeInclusive<u64>) -> Score {
    let moments: Vec<_> = (PAST_S..PAST_S + JUDGED_S).step_by(120).map(moment).collect();
    let quiet = scenario == Scenario::Quiet;
    let times = if quiet { QUIET_TIMES } else { 1 };
    let mut score = Score::default();
    for seed in seeds.clone().flat_map(|seed| (0..times).map(move |time| seed + time * 100_000)) {
        let host = host(scenario, seed);
        let incidents: Vec<_> = host
            .incidents
            .iter()
            .map(|incident| (moment(incident.start_s), moment(incident.end_s), incident))
            .collect();
        score.add(trial(judge, &host.samples, &moments, &incidents));
    }
    score
}

#[test]
fn anomalies_are_judged_as_well_as_the_report_says() {
    let measured = Measured {
        tuned_seeds: TUNED,
        held_out_seeds: HELD_OUT,
        tuned: scores(by_the_agent, &TUNED),
        held_out: scores(by_the_agent, &HELD_OUT),
        by_three_deviations: scores(by_three_deviations, &HELD_OUT),
        recorded: recorded::recorded(by_the_agent),
    };
    let report = report(&measured);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/anomalies.md");
    if env::var_os("UPDATE_ANOMALIES").is_some() {
        fs::write(&path, &report).unwrap();
    }
    let held_out = total(&measured.held_out);
    assert!(held_out.precision() >= PRECISION_MIN, "precision is down:\n{report}");
    assert!(held_out.recall() >= RECALL_MIN, "recall is down:\n{report}");
    assert!(
        measured.recorded.total.found >= RECORDED_MIN,
        "less of the recording is found:\n{report}"
    );
    let simple = total(&measured.by_three_deviations);
    assert!(held_out.precision() > simple.precision(), "a simple rule is better:\n{report}");
    assert_eq!(
        fs::read_to_string(&path).unwrap_or_default(),
        report,
        "docs/anomalies.md is out of date: run `make anomaly-report`"
    );
}
