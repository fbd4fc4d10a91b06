//! What sealing, keeping and delivering costs, beside what it could cost at the least.
//!
//! Every number is measured in turn with its bounds, in the same samples of the same run, so that
//! a busy machine slows down all alike. The last lines are the ratios: our time divided by the
//! bound's, so that 1 is the bound itself and lower is better.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark")]

mod contest;
mod delivery;
mod devices;
mod durable;
mod exchange;
mod forged;
mod libsignal;
mod official;
mod seal_open;

use criterion::Criterion;

/// Bytes of every message's body.
const BODY: usize = 256;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let mut ratios = seal_open::run(&mut criterion);
    ratios.extend(durable::run(&mut criterion));
    ratios.extend(delivery::run(&mut criterion));
    criterion.final_summary();
    println!();
    forged::run();
    for ratio in ratios {
        println!("{ratio}");
    }
}
