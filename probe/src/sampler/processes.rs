//! Processes: how many, and which take the most.

use std::cmp::Ordering;

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};
use sysmaint_protocol::sample::{Process, Processes as Read};

use super::name::plain;

/// Processes in each list of the largest.
pub(super) const TOP_MAX: usize = 8;

/// Bytes of a process's name.
pub(super) const NAME_MAX: usize = 128;

/// Reads the processes: one file each, and neither threads, commands nor paths.
pub(super) fn refresh(system: &mut System) {
    let kind = ProcessRefreshKind::nothing().with_cpu().with_memory().without_tasks();
    system.refresh_processes_specifics(ProcessesToUpdate::All, true, kind);
}

/// Picks the largest. Keeps its list between samples, since that is as long as the host has
/// processes.
#[derive(Default)]
pub(super) struct Processes {
    all: Vec<Load>,
}

#[derive(Clone, Copy)]
struct Load {
    pid: Pid,
    cpu_percent: f32,
    memory_bytes: u64,
}

impl Processes {
    /// What [`refresh`] read; absent where no process is visible.
    pub(super) fn read(&mut self, system: &System) -> Option<Read> {
        self.all.clear();
        self.all.extend(system.processes().iter().map(|(pid, process)| Load {
            pid: *pid,
            cpu_percent: share(process.cpu_usage()),
            memory_bytes: process.memory(),
        }));
        if self.all.is_empty() {
            return None;
        }
        let named = |load: &Load| named(system, load);
        let busy = |load: &Load| load.cpu_percent > 0.0;
        let top_cpu = self.top(by_cpu).iter().filter(|load| busy(load)).filter_map(named).collect();
        let large = |load: &Load| load.memory_bytes > 0;
        let top_memory =
            self.top(by_memory).iter().filter(|load| large(load)).filter_map(named).collect();
        Some(Read { count: u64::try_from(self.all.len()).ok()?, top_cpu, top_memory })
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

fn by_cpu(one: &Load, other: &Load) -> Ordering {
    other.cpu_percent.total_cmp(&one.cpu_percent).then_with(|| by_memory(one, other))
}

fn by_memory(one: &Load, other: &Load) -> Ordering {
    other.memory_bytes.cmp(&one.memory_bytes).then_with(|| one.pid.cmp(&other.pid))
}

fn named(system: &System, load: &Load) -> Option<Process> {
    let process = system.process(load.pid)?;
    Some(Process {
        pid: load.pid.as_u32(),
        name: plain(&process.name().to_string_lossy(), NAME_MAX),
        cpu_percent: load.cpu_percent,
        memory_bytes: load.memory_bytes,
    })
}

fn share(cpu: f32) -> f32 {
    if cpu.is_finite() { (cpu.max(0.0) * 100.0).round() / 100.0 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_come_first_out_of_many() {
        let loads = (1..=1_000_u32).map(|pid| Load {
            pid: Pid::from_u32(pid),
            cpu_percent: 0.0,
            memory_bytes: u64::from(pid * 7_919 % 1_000),
        });
        let mut processes = Processes { all: loads.collect() };
        let top: Vec<_> = processes.top(by_memory).iter().map(|load| load.memory_bytes).collect();
        assert_eq!(top, [999, 998, 997, 996, 995, 994, 993, 992]);
    }

    #[test]
    fn fewer_processes_than_places_are_all_listed() {
        let load = Load { pid: Pid::from_u32(1), cpu_percent: 1.0, memory_bytes: 1 };
        assert_eq!(Processes { all: vec![load; 3] }.top(by_cpu).len(), 3);
    }
}
