//! What a probe takes of its host, beside Debian's prometheus-node-exporter in the same run:
//! processor time a sample and resident memory, both asked once a second.
//!
//! The probe is `sysmaint probe` as a process of its own, which samples, writes, and seals each
//! sample to the agent and to an operator. The exporter is scraped over HTTP.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark"
)]

use std::{
    fs,
    process::{Command, ExitCode},
    time::Duration,
};

use sysmaint_tests::{Process, Service, Services, free_ports};

const EXPORTER: &str = "prometheus-node-exporter";
const EVERY: Duration = Duration::from_secs(1);
/// Before anything is measured: sessions are opened, and caches filled.
const WARM_UP: u32 = 20;
const SAMPLES: u32 = 60;
/// Of the kernel's accounts, which are in hundredths of a second everywhere.
const TICK_MS: f64 = 10.0;

#[tokio::main]
async fn main() -> ExitCode {
    let directory = tempfile::TempDir::new().unwrap();
    let [port] = free_ports();
    let found = Command::new(EXPORTER).arg("--version").output();
    if !found.is_ok_and(|output| output.status.success()) {
        println!("no {EXPORTER} on PATH to compare with: install Debian's package of this name,");
        println!("apt-get install --no-install-recommends {EXPORTER}");
        return ExitCode::from(69);
    }
    let every = EVERY.as_millis();
    let mut services = Services::builder().with("SYSMAINT_PROBE_INTERVAL_MS", every).start().await;
    let mut command = Command::new(EXPORTER);
    command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
    let exporter = Process::start(command, directory.path(), "exporter");
    let scrape = format!("http://127.0.0.1:{port}/metrics");
    let client = reqwest::Client::new();

    let mut ticks = tokio::time::interval(EVERY);
    let mut scraped = 0;
    for _ in 0..WARM_UP {
        ticks.tick().await;
        let _ = client.get(&scrape).send().await;
    }
    let probe = services.process(Service::Probe).pid();
    let before = [probe, exporter.pid()].map(cpu_ticks);
    for _ in 0..SAMPLES {
        ticks.tick().await;
        let answer = client.get(&scrape).send().await.unwrap();
        assert!(answer.status().is_success());
        scraped = answer.bytes().await.unwrap().len();
    }
    let after = [probe, exporter.pid()].map(cpu_ticks);
    let memory = [probe, exporter.pid()].map(|pid| resident_mib(pid, "VmRSS:"));
    let own = [probe, exporter.pid()].map(|pid| resident_mib(pid, "RssAnon:"));

    println!("{SAMPLES} samples, one every {every} ms; the exporter's have {scraped} bytes");
    let [ours, theirs] =
        [0, 1].map(|at| (after[at] - before[at]) as f64 * TICK_MS / f64::from(SAMPLES));
    println!("processor time a sample: probe {ours:.2} ms, exporter {theirs:.2} ms");
    println!("resident memory: probe {:.1} MiB, exporter {:.1} MiB", memory[0], memory[1]);
    println!("of that not in a file: probe {:.1} MiB, exporter {:.1} MiB", own[0], own[1]);
    println!(
        "ratios: processor time {:.2}, resident memory {:.2}, of that not in a file {:.2}",
        ours / theirs,
        memory[0] / memory[1],
        own[0] / own[1]
    );
    ExitCode::SUCCESS
}

/// A line of a process's status.
fn resident_mib(pid: u32, line: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let found = status.lines().find_map(|text| text.strip_prefix(line)).unwrap();
    found.trim().strip_suffix(" kB").unwrap().parse::<f64>().unwrap() / 1024.0
}

/// User and system time of a process and all its threads so far.
fn cpu_ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // The second field is the program's name in parentheses, and may hold anything.
    let (_, rest) = stat.rsplit_once(')').unwrap();
    rest.split_ascii_whitespace().skip(11).take(2).map(|field| field.parse::<u64>().unwrap()).sum()
}
