//! A start that is expected to fail: with which code, with which words, and how soon.

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use sysmaint_tests::{free_ports, nats_server, sysmaint};
use tempfile::TempDir;

/// A start that has not ended by then is running.
const ENDS_WITHIN: Duration = Duration::from_mins(1);

/// A place to start `sysmaint` in, with free ports.
pub(crate) struct Place {
    directory: TempDir,
    environment: Vec<(String, String)>,
}

/// How a start ended.
#[derive(Debug)]
pub(crate) struct Ending {
    pub(crate) code: Option<i32>,
    /// Standard error.
    pub(crate) said: String,
    pub(crate) took: Duration,
}

impl Place {
    pub(crate) fn new() -> Self {
        let ports = ["WEB_PORT", "RELAY_PORT", "NATS_PORT"];
        let free = free_ports::<3>().map(|port| port.to_string());
        let environment = ports.map(str::to_owned).into_iter().zip(free).collect();
        Self { directory: TempDir::new().unwrap(), environment }
    }

    /// Sets a variable.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_string()));
        self
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// `sysmaint <subcommand>` as it would be started here.
    pub(crate) fn command(&self, subcommand: &str) -> Command {
        let mut command = Command::new(sysmaint());
        command.arg(subcommand).current_dir(self.directory.path());
        for name in ["MEGA_PASSPHRASE", "MEGA_PASSPHRASE_FILE", "NATS_URL", "OPENAI_API_KEY"] {
            command.env_remove(name);
        }
        command
            .env("SYSMAINT_DATA_DIR", self.data())
            .env("NATS_SERVER_BIN", nats_server())
            .envs(self.environment.iter().cloned());
        command
    }

    /// Starts `up` here, which must end by itself with a code other than 0.
    pub(crate) fn up(&self) -> Ending {
        end(self.command("up"))
    }

    /// Nothing of a failed start runs on.
    pub(crate) fn check_nothing_runs(&self) {
        let left = processes_of(self.directory.path());
        assert!(left.is_empty(), "still running: {left:?}");
    }
}

impl Ending {
    /// The code, and every one of these in what it said.
    #[track_caller]
    pub(crate) fn check(&self, code: i32, wanted: &[&str]) -> &Self {
        eprintln!("after {} ms: {}", self.took.as_millis(), self.said.trim());
        assert_eq!(self.code, Some(code), "{}", self.said);
        for wanted in wanted {
            assert!(self.said.contains(wanted), "{wanted:?} is not in: {}", self.said);
        }
        assert!(!self.said.contains("panicked"), "{}", self.said);
        self
    }
}

/// Runs a command to its end.
pub(crate) fn end(mut command: Command) -> Ending {
    let started = Instant::now();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut said = String::new();
        stderr.read_to_string(&mut said).unwrap();
        said
    });
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if started.elapsed() > ENDS_WITHIN {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("it runs instead of failing: {}", reader.join().unwrap());
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let took = started.elapsed();
    Ending { code: status.code(), said: reader.join().unwrap(), took }
}

/// Processes whose command line names a directory.
pub(crate) fn processes_of(directory: &Path) -> Vec<String> {
    let wanted = directory.display().to_string();
    fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().bytes().all(|b| b.is_ascii_digit()))
        .filter_map(|entry| fs::read(entry.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(&wanted))
        .collect()
}
