//! What a year of one host costs: to record, to keep, and to look at.
//!
//! The store is the real one, encrypted as in production. Each query is measured in turn with its
//! bound, a plain scan by SQLite of the very rows that it rests on, on a connection of its own to
//! the same file: whatever reads them cannot be faster. The last lines are the ratios.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark")]

mod scan;
mod year;

use std::time::{Duration, Instant};

use sysmaint_protocol::Timestamp;
use sysmaint_store::{Metric, Passphrase, Retention, SqlError, Store, View};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use self::{scan::Scan, year::HOST};

/// Of each query and of its bound, after one that is not counted.
const RUNS: usize = 31;
const HOUR: u64 = 3600;
const WINDOWS: [(&str, u64); 5] = [
    ("1 h", HOUR),
    ("24 h", 24 * HOUR),
    ("7 d", 7 * 24 * HOUR),
    ("30 d", 30 * 24 * HOUR),
    ("1 y", 365 * 24 * HOUR),
];
/// All that a host has, what a chart of every core shows, and a single line.
const CHOICES: [(&str, &[Metric]); 3] = [
    ("all series", &[]),
    ("every core", &[Metric::CpuCorePercent]),
    ("one series", &[Metric::CpuPercent]),
];

fn main() {
    let runtime = Runtime::new().unwrap();
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("history.db");
    let secret = "a passphrase for a benchmark";
    let store = Store::open(&path, &Passphrase::new(secret.to_owned().into())).unwrap();
    let filled = Instant::now();
    let (samples, rate) = runtime.block_on(year::fill(&store));
    println!("a year of {samples} samples was made in {:.0} s", filled.elapsed().as_secs_f64());
    println!("recorded, six to a message and a transaction: {:.0} samples/s", rate.recorded);
    println!("rolled up and pruned beside that: {:.0} samples/s", rate.rolled_up);
    let scan = Scan::open(&path, secret);
    println!("{}\n", scan.sizes());
    println!("window  choice       points  series      ms  bound ms  ratio");
    for (window, seconds) in WINDOWS {
        for (choice, metrics) in CHOICES {
            let from = year::END.before(Duration::from_secs(seconds));
            measure(&store, &scan, from, metrics, &format!("{window:<6}  {choice:<11}"));
        }
    }
}

/// The median of ours and of the bound's, run in turn.
fn measure(store: &Store, scan: &Scan, from: Timestamp, metrics: &[Metric], name: &str) {
    let look = |view: &View<'_>| -> Result<_, SqlError> {
        view.telemetry().history(&HOST.parse().unwrap(), from, year::END, metrics)
    };
    let history = store.read_now(look).unwrap().unwrap();
    let step = history.rolled_up.then_some(history.step);
    let (mut ours, mut bound) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let started = Instant::now();
        store.read_now(look).unwrap();
        ours.push(started.elapsed());
        let started = Instant::now();
        scan.read(from, year::END, step);
        bound.push(started.elapsed());
    }
    let (ours, bound) = (median(ours), median(bound));
    println!(
        "{name}  {:>6}  {:>6}  {:>6.2}  {:>8.2}  {:>5.2}",
        history.times.len(),
        history.series.len(),
        ours * 1e3,
        bound * 1e3,
        ours / bound
    );
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64()
}

/// As the services have it unless told otherwise.
fn retention() -> Retention {
    Retention::default()
}
