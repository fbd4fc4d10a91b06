//! The official client in Node, with its stores in memory.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

use crate::BODY;

/// Two of its devices, in a process that measures itself.
pub(crate) struct OfficialClient {
    process: Child,
    asked: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl OfficialClient {
    /// Starts it; `None`, and says so, where it is not installed.
    pub(crate) fn start() -> Option<Self> {
        let room = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/official");
        if !room.join("node_modules/@signalapp/libsignal-client").exists() {
            println!("SKIPPED: the official client, which `make provision-test` installs");
            return None;
        }
        let mut command = Command::new("node");
        command.arg("bench.js").current_dir(room).env("BODY", BODY.to_string());
        let process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut process = match process {
            Ok(process) => process,
            Err(error) => {
                println!("SKIPPED: the official client: there is no node: {error}");
                return None;
            }
        };
        let (asked, answers) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        Some(Self { process, asked, answers: BufReader::new(answers) })
    }

    /// How long so many messages take: `plain` or `sealed`, `one-way` or `ping-pong`.
    pub(crate) fn exchange(&mut self, seal: &str, way: &str, count: u64) -> Duration {
        writeln!(self.asked, "{seal} {way} {count}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        Duration::from_nanos(answer.trim().parse().unwrap())
    }
}

impl Drop for OfficialClient {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}
