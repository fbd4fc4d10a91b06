//! A machine elsewhere: a data directory of its own, and no way to anything but the relay.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;

use crate::{Process, sysmaint};

/// One machine.
#[derive(Debug)]
pub struct Elsewhere {
    running: Option<Process>,
    directory: TempDir,
    environment: Vec<(String, String)>,
}

impl Elsewhere {
    /// A machine with these settings, a sample every 200 ms, and nothing on it.
    pub fn new(environment: &[(&str, &str)]) -> Self {
        let mut all = vec![("SYSMAINT_PROBE_INTERVAL_MS".to_owned(), "200".to_owned())];
        all.extend(environment.iter().map(|(name, value)| ((*name).into(), (*value).into())));
        Self { running: None, directory: TempDir::new().unwrap(), environment: all }
    }

    /// Its data directory.
    pub fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// The passphrase that `join` made.
    pub fn passphrase(&self) -> String {
        fs::read_to_string(self.data().join("passphrase")).unwrap()
    }

    /// `sysmaint` with arguments and standard input, to its end.
    pub fn run(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = self.command();
        command.args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // One that ends without reading is what some tests want.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    /// Starts a service.
    pub fn launch(&mut self, service: &str) {
        let mut command = self.command();
        command.arg(service);
        self.running = Some(Process::start(command, self.directory.path(), service));
    }

    /// What the service has logged.
    pub fn log(&self) -> String {
        self.running.as_ref().unwrap().stderr()
    }

    /// SIGKILL to the service.
    pub fn kill(&mut self) {
        self.running.take().unwrap().kill();
    }

    fn command(&self) -> Command {
        let mut command = Command::new(sysmaint());
        command.current_dir(self.directory.path()).env("SYSMAINT_DATA_DIR", self.data());
        for name in ["MEGA_PASSPHRASE", "NATS_URL", "RELAY_URL", "OPENAI_API_KEY"] {
            command.env_remove(name);
        }
        command.envs(self.environment.iter().cloned());
        command
    }
}

/// Copies files of a directory by the beginning of their names.
pub fn copy_files(from: &Path, to: &Path, beginning: &str) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name().to_string_lossy().starts_with(beginning) {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}
