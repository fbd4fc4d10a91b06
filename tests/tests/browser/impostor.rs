//! A process whose name is markup.

use std::{fs, process::Command};

use sysmaint_tests::Process;
use tempfile::TempDir;

/// As long as the kernel keeps of a name.
pub(crate) const NAME: &str = "<svg onload=h()";

/// It runs until it is dropped, and is busy, so that it is among the largest.
#[derive(Debug)]
pub(crate) struct Impostor {
    _process: Process,
    _directory: TempDir,
}

impl Impostor {
    /// Starts it: a shell under another name.
    pub(crate) fn start() -> Self {
        let directory = TempDir::new().unwrap();
        let program = directory.path().join(NAME);
        fs::copy("/bin/sh", &program).unwrap();
        let mut command = Command::new(program);
        command.args(["-c", "while :; do :; done"]);
        let process = Process::start(command, directory.path(), "impostor");
        Self { _process: process, _directory: directory }
    }
}
