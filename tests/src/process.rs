//! A child that does not outlive its test, with everything it said.

use std::{
    fs::File,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
};

/// A running program.
#[derive(Debug)]
pub struct Process {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Process {
    /// Starts a command; what it prints goes to `<name>.out` and `<name>.err` in `directory`,
    /// behind what was printed there before.
    pub fn start(mut command: Command, directory: &std::path::Path, name: &str) -> Self {
        let (stdout, stderr) =
            (directory.join(format!("{name}.out")), directory.join(format!("{name}.err")));
        let append = |path: &PathBuf| File::options().create(true).append(true).open(path).unwrap();
        command.stdin(Stdio::null()).stdout(append(&stdout)).stderr(append(&stderr));
        Self { child: command.spawn().unwrap(), stdout, stderr }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its resident memory, in bytes.
    pub fn memory_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        resident.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
    }

    /// SIGKILL, and waits for its end.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        signal(self.pid(), "TERM");
    }

    /// Its exit status, once it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// What it printed on standard output, by this and by earlier runs.
    pub fn stdout(&self) -> String {
        std::fs::read_to_string(&self.stdout).unwrap()
    }

    /// What it printed on standard error, by this and by earlier runs.
    pub fn stderr(&self) -> String {
        std::fs::read_to_string(&self.stderr).unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- {}\n{}", self.stderr.display(), self.stderr());
        }
    }
}

/// Sends a signal by name; a process that is gone is none of our business.
pub(crate) fn signal(pid: u32, name: &str) {
    let _ = Command::new("kill")
        .args([format!("-{name}"), pid.to_string()])
        .stderr(Stdio::null())
        .status();
}
