//! Records this machine as CSV on standard output: the numbers that a judgement rests on, and the
//! largest processes. `record-load [seconds between two samples] [samples]`.
//!
//! `agent/tests/anomalies/recorded.csv` was made by it.

#![expect(clippy::print_stdout, reason = "standard output is what it is for")]

use std::{
    env, thread,
    time::{Duration, Instant},
};

use sysmaint_probe::sampler::Sampler;
use sysmaint_protocol::{
    Timestamp,
    sample::{Process, Sample},
};

const HEADER: &str = "seconds,cores,cpu_percent,load_1,memory_total_bytes,memory_used_bytes,\
                      disk_total_bytes,disk_used_bytes,received_bytes_per_s,sent_bytes_per_s,\
                      top_cpu,top_cpu_percent,top_memory,top_memory_bytes";

fn main() {
    let mut numbers = env::args().skip(1).map_while(|argument| argument.parse::<u64>().ok());
    let interval = Duration::from_secs(numbers.next().unwrap_or(10).max(1));
    let how_many = numbers.next().unwrap_or(360);
    let mut sampler = Sampler::new();
    let began = Instant::now();
    println!("{HEADER}");
    for index in 0..how_many {
        let due = interval.saturating_mul(u32::try_from(index).unwrap_or(u32::MAX));
        thread::sleep(due.saturating_sub(began.elapsed()));
        println!("{}", line(began.elapsed().as_secs(), &sampler.sample(Timestamp::default())));
    }
}

/// What is not known is an empty cell.
fn line(seconds: u64, sample: &Sample) -> String {
    let disk = sample.disks.iter().find(|disk| disk.mount == "/");
    let top_cpu = sample.processes.as_ref().and_then(|processes| processes.top_cpu.first());
    let top_memory = sample.processes.as_ref().and_then(|processes| processes.top_memory.first());
    let cells = [
        Some(seconds.to_string()),
        Some(sample.cpu_cores_percent.len().to_string()),
        sample.cpu_percent.map(|value| format!("{value:.1}")),
        sample.load_1.map(|value| format!("{value:.2}")),
        sample.memory_total_bytes.map(|value| value.to_string()),
        sample.memory_used_bytes.map(|value| value.to_string()),
        disk.map(|disk| disk.total_bytes.to_string()),
        disk.map(|disk| disk.used_bytes.to_string()),
        sample.received_bytes_per_s().map(|value| format!("{value:.0}")),
        sample.sent_bytes_per_s().map(|value| format!("{value:.0}")),
        top_cpu.map(name),
        top_cpu.map(|process| format!("{:.0}", process.cpu_percent)),
        top_memory.map(name),
        top_memory.map(|process| process.memory_bytes.to_string()),
    ];
    cells.map(Option::unwrap_or_default).join(",")
}

fn name(process: &Process) -> String {
    process.name.replace([',', '\n', '"'], "_")
}
