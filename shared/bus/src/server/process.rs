//! A process that may not be our child: known by number and start time, so that a number that
//! the system gave to somebody else is not mistaken for it.

use std::{fs, io, time::Duration};

use serde::{Deserialize, Serialize};

const LOOK_EVERY: Duration = Duration::from_millis(500);

/// One process, for as long as it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Process {
    pub(super) pid: u32,
    /// Clock ticks since the machine started; 0 where the system does not say.
    started: u64,
}

/// What it can be told.
#[derive(Clone, Copy, Debug)]
pub(super) enum Signal {
    /// Finish what you do and end.
    Terminate,
    /// End now.
    Kill,
    /// Read your configuration again.
    Reload,
}

impl Process {
    /// The process with this number, if there is one that still runs.
    pub(super) fn find(pid: u32) -> Option<Self> {
        Some(Self { pid, started: started(pid)? })
    }

    /// Whether it still runs. One that has ended and was not collected yet does not.
    pub(super) fn is_alive(self) -> bool {
        started(self.pid) == Some(self.started)
    }

    pub(super) fn signal(self, signal: Signal) -> io::Result<()> {
        if !self.is_alive() {
            return Ok(());
        }
        let pid = i32::try_from(self.pid).map_err(io::Error::other)?;
        send(pid, signal)
    }

    /// Returns once it has ended.
    pub(super) async fn ended(self) {
        while self.is_alive() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

#[expect(unsafe_code, reason = "there is no safe call for a process that is not our child")]
fn send(pid: i32, signal: Signal) -> io::Result<()> {
    let signal = match signal {
        Signal::Terminate => libc::SIGTERM,
        Signal::Kill => libc::SIGKILL,
        Signal::Reload => libc::SIGHUP,
    };
    // SAFETY: kill takes two integers and touches no memory of ours. The caller has just checked
    // that the number still belongs to the process that is meant.
    match unsafe { libc::kill(pid, signal) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Field 22 of `/proc/<pid>/stat`, counted behind the name, which may hold spaces and brackets.
fn started(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_its_start_too() {
        let own = Process::find(std::process::id()).unwrap();
        assert!(own.is_alive());
        assert!(!Process { started: own.started + 1, ..own }.is_alive());
    }

    #[test]
    fn one_that_was_killed_and_not_collected_is_dead() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let process = Process::find(child.id()).unwrap();
        process.signal(Signal::Kill).unwrap();
        let deadline = std::time::Instant::now() + Duration::from_secs(5);
        while process.is_alive() {
            assert!(std::time::Instant::now() < deadline);
            std::thread::yield_now();
        }
        child.wait().unwrap();
    }
}
