//! What the process takes of its machine, as `/proc` has it.

use std::fs;

use super::Metrics;

pub(super) fn register(metrics: &Metrics) {
    metrics.gauge(
        "sysmaint_process_resident_memory_bytes",
        "memory that the process holds",
        |observe| {
            if let Some(bytes) = resident_bytes() {
                observe(bytes, &[]);
            }
        },
    );
    metrics.sum(
        "sysmaint_process_cpu_seconds",
        "processor time that the process has used",
        |observe| {
            if let Some(seconds) = cpu_seconds() {
                observe(seconds, &[]);
            }
        },
    );
    metrics.gauge("sysmaint_process_open_fds", "files and connections open", |observe| {
        if let Ok(entries) = fs::read_dir("/proc/self/fd") {
            // One of them is the directory that is being read.
            observe(number(entries.count().saturating_sub(1) as u64), &[]);
        }
    });
    metrics.gauge("sysmaint_process_max_fds", "files and connections at most", |observe| {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        if let Some(limit) = limit {
            observe(number(limit), &[]);
        }
    });
}

fn resident_bytes() -> Option<f64> {
    let statm = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(number(pages.saturating_mul(rustix::param::page_size() as u64)))
}

fn cpu_seconds() -> Option<f64> {
    cpu_ticks(&fs::read_to_string("/proc/self/stat").ok()?)
        .map(|ticks| number(ticks) / number(rustix::param::clock_ticks_per_second()))
}

/// The second field is the program's name in parentheses, and may hold anything.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    // `rest` begins with the third field; user and system time are the 14th and 15th.
    let mut times = rest.split_ascii_whitespace().skip(11);
    let (user, system): (u64, u64) = (times.next()?.parse().ok()?, times.next()?.parse().ok()?);
    user.checked_add(system)
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_may_have_any_name() {
        let stat = "7 (a) b ) S 1 7 7 0 -1 4194560 900 0 0 0 250 50 0 0 20 0 4 0 100 1 2";
        assert_eq!(cpu_ticks(stat), Some(300));
        assert_eq!(cpu_ticks(""), None);
        assert_eq!(cpu_ticks("7 (a) S 1"), None);
    }

    #[test]
    fn this_process_has_memory_and_time() {
        assert!(resident_bytes().unwrap() > 100_000.0);
        assert!(cpu_seconds().is_some());
    }
}
