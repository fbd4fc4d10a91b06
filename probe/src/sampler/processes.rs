//! Processes: how many, and which take the most.

use std::{
    cmp::Ordering,
    collections::HashMap,
    fs::{self, File},
    io::Read as _,
    path::{Path, PathBuf},
    time::Instant,
};

use sysmaint_protocol::sample::{Process, Processes as Read};

use super::name::plain;

/// Processes in each list of the largest.
pub(super) const TOP_MAX: usize = 8;

/// Bytes of a process's name.
pub(super) const NAME_MAX: usize = 128;

/// Bytes of a process's numbers; they take 350.
const STAT_MAX: usize = 1_024;

/// Reads the processes, one file each, and picks the largest. Its lists are as long as the host
/// has processes, and are kept between samples.
pub(super) struct Processes {
    files: PathBuf,
    ticks_per_s: u64,
    page_bytes: u64,
    all: Vec<Load>,
    before: HashMap<u32, Used>,
    looked: Option<Instant>,
}

#[derive(Clone, Debug, PartialEq)]
struct Load {
    pid: u32,
    name: String,
    used: Used,
    cpu_percent: f32,
    memory_bytes: u64,
}

/// What a process has used of the processors, in the kernel's ticks. Another process under the
/// same number was started at another moment.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Used {
    started: u64,
    ticks: u64,
}

impl Processes {
    /// Of the host whose files these are. Takes the first look.
    pub(super) fn below(root: &Path) -> Self {
        let mut processes = Self {
            files: root.join("proc"),
            ticks_per_s: rustix::param::clock_ticks_per_second(),
            page_bytes: rustix::param::page_size() as u64,
            all: Vec::new(),
            before: HashMap::new(),
            looked: None,
        };
        processes.look();
        processes
    }

    /// Those that are visible now; absent where none is.
    pub(super) fn read(&mut self) -> Option<Read> {
        self.look();
        if self.all.is_empty() {
            return None;
        }
        let busy = |load: &&Load| load.cpu_percent > 0.0;
        let top_cpu = self.top(by_cpu).iter().filter(busy).map(named).collect();
        let large = |load: &&Load| load.memory_bytes > 0;
        let top_memory = self.top(by_memory).iter().filter(large).map(named).collect();
        Some(Read { count: u64::try_from(self.all.len()).ok()?, top_cpu, top_memory })
    }

    fn look(&mut self) {
        let now = Instant::now();
        let passed = self.looked.replace(now).map(|before| now.duration_since(before));
        let ticks = passed.map_or(0.0, |passed| passed.as_secs_f64()) * number(self.ticks_per_s);
        self.all.clear();
        let Ok(entries) = fs::read_dir(&self.files) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
            let Some(mut load) = read(&entry.path().join("stat"), pid, self.page_bytes) else {
                continue;
            };
            let known = self.before.get(&pid).filter(|known| known.started == load.used.started);
            if let Some(known) = known
                && ticks > 0.0
            {
                let used = load.used.ticks.saturating_sub(known.ticks);
                load.cpu_percent = share(number(used) / ticks);
            }
            self.all.push(load);
        }
        self.before.clear();
        self.before.extend(self.all.iter().map(|load| (load.pid, load.used)));
    }

    /// The first few by `order`, without sorting all.
    fn top(&mut self, order: fn(&Load, &Load) -> Ordering) -> &[Load] {
        if self.all.len() > TOP_MAX {
            self.all.select_nth_unstable_by(TOP_MAX, order);
        }
        let top = self.all.len().min(TOP_MAX);
        let top = &mut self.all[..top];
        top.sort_unstable_by(order);
        top
    }
}

fn read(path: &Path, pid: u32, page_bytes: u64) -> Option<Load> {
    let mut stat = [0; STAT_MAX];
    let length = File::open(path).ok()?.read(&mut stat).ok()?;
    parse(stat.get(..length)?, pid, page_bytes)
}

/// The name stands in parentheses and may hold anything; the numbers follow.
fn parse(stat: &[u8], pid: u32, page_bytes: u64) -> Option<Load> {
    let begin = stat.iter().position(|byte| *byte == b'(')? + 1;
    let end = stat.iter().rposition(|byte| *byte == b')')?;
    let name = String::from_utf8_lossy(stat.get(begin..end)?);
    let numbers = std::str::from_utf8(stat.get(end + 1..)?).ok()?;
    // The first that is left is the third field.
    let mut fields = numbers.split_ascii_whitespace().skip(14 - 3);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    let started = fields.nth(22 - 16)?.parse().ok()?;
    let pages: u64 = fields.nth(24 - 23)?.parse().ok()?;
    Some(Load {
        pid,
        name: plain(&name, NAME_MAX),
        used: Used { started, ticks: user.saturating_add(system) },
        cpu_percent: 0.0,
        memory_bytes: pages.saturating_mul(page_bytes),
    })
}

#[expect(clippy::cast_precision_loss, reason = "a share needs no more than 53 bits")]
fn number(ticks: u64) -> f64 {
    ticks as f64
}

fn by_cpu(one: &Load, other: &Load) -> Ordering {
    other.cpu_percent.total_cmp(&one.cpu_percent).then_with(|| by_memory(one, other))
}

fn by_memory(one: &Load, other: &Load) -> Ordering {
    other.memory_bytes.cmp(&one.memory_bytes).then_with(|| one.pid.cmp(&other.pid))
}

fn named(load: &Load) -> Process {
    Process {
        pid: load.pid,
        name: load.name.clone(),
        cpu_percent: load.cpu_percent,
        memory_bytes: load.memory_bytes,
    }
}

/// Of one core, in hundredths of a percent.
#[expect(clippy::cast_possible_truncation, reason = "a share needs no more than 24 bits")]
fn share(of_a_core: f64) -> f32 {
    ((of_a_core * 10_000.0).round() / 100.0) as f32
}

#[cfg(test)]
mod tests {
    use std::thread;

    use tempfile::TempDir;

    use super::*;

    fn load(pid: u32, memory_bytes: u64) -> Load {
        let used = Used { started: 1, ticks: 0 };
        Load { pid, name: String::new(), used, cpu_percent: 0.0, memory_bytes }
    }

    /// Of a host without processes.
    fn none(root: &TempDir) -> Processes {
        Processes::below(root.path())
    }

    fn write(root: &TempDir, pid: u32, name: &str, ticks: u64, started: u64) {
        let directory = root.path().join("proc").join(pid.to_string());
        fs::create_dir_all(&directory).unwrap();
        let stat = format!(
            "{pid} ({name}) S 1 2 3 0 -1 4194304 9 8 7 6 {ticks} 1 0 0 20 0 1 0 {started} 999 25 \
             18446744073709551615 0 0"
        );
        fs::write(directory.join("stat"), stat).unwrap();
    }

    #[test]
    fn the_largest_come_first_out_of_many() {
        let root = TempDir::new().unwrap();
        let loads = (1..=1_000_u32).map(|pid| load(pid, u64::from(pid * 7_919 % 1_000)));
        let mut processes = Processes { all: loads.collect(), ..none(&root) };
        let top: Vec<_> = processes.top(by_memory).iter().map(|load| load.memory_bytes).collect();
        assert_eq!(top, [999, 998, 997, 996, 995, 994, 993, 992]);
    }

    #[test]
    fn fewer_processes_than_places_are_all_listed() {
        let root = TempDir::new().unwrap();
        let mut processes = Processes { all: vec![load(1, 1); 3], ..none(&root) };
        assert_eq!(processes.top(by_cpu).len(), 3);
    }

    #[test]
    fn a_process_is_read_whatever_it_is_called() {
        let stat = b"7 (a) (b\n) c) R 1 2 3 0 -1 4194304 9 8 7 6 30 12 0 0 20 0 1 0 4711 99 25 18";
        let load = parse(stat, 7, 4_096).unwrap();
        assert_eq!((load.name.as_str(), load.memory_bytes), ("a) (b\u{fffd}) c", 25 * 4_096));
        assert_eq!(load.used, Used { started: 4_711, ticks: 42 });
        for length in 0..stat.len() - 5 {
            assert_eq!(parse(&stat[..length], 7, 4_096), None, "{length}");
        }
    }

    #[test]
    fn a_share_is_of_what_one_process_used_since_the_look_before() {
        let root = TempDir::new().unwrap();
        write(&root, 10, "worker", 100, 5);
        write(&root, 11, "replaced", 100, 5);
        let mut processes = none(&root);
        thread::sleep(std::time::Duration::from_millis(50));
        write(&root, 10, "worker", 200, 5);
        write(&root, 11, "another", 900, 6);
        let read = processes.read().unwrap();
        let busy: Vec<_> = read.top_cpu.iter().map(|process| process.name.as_str()).collect();
        assert_eq!((busy, read.count), (vec!["worker"], 2));
    }

    #[test]
    fn where_all_processes_are_hidden_they_are_absent() {
        let root = TempDir::new().unwrap();
        assert_eq!(none(&root).read(), None);
        fs::create_dir_all(root.path().join("proc/self")).unwrap();
        // Listed, but not to be read.
        fs::create_dir_all(root.path().join("proc/12")).unwrap();
        assert_eq!(none(&root).read(), None);
    }

    #[test]
    fn those_that_are_not_hidden_are_counted() {
        let root = TempDir::new().unwrap();
        fs::create_dir_all(root.path().join("proc/12")).unwrap();
        write(&root, 13, "own", 1, 1);
        let read = none(&root).read().unwrap();
        assert_eq!((read.count, read.top_memory[0].pid), (1, 13));
    }
}
