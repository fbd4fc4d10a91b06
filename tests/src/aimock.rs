//! A language model's server that others wrote, with answers from `tests/aimock/fixtures`.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::{Process, eventually, free_port};

/// A running [aimock](https://www.npmjs.com/package/@copilotkit/aimock).
#[derive(Debug)]
pub struct Aimock {
    _process: Process,
    _directory: TempDir,
    port: u16,
}

impl Aimock {
    /// Starts it with one of the fixtures and waits until it answers.
    pub async fn start(fixture: &str) -> Self {
        let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("aimock");
        let program = home.join("node_modules/@copilotkit/aimock/dist/cli.js");
        assert!(program.exists(), "aimock is not installed: run `make test`, which installs it");
        let (directory, port) = (TempDir::new().unwrap(), free_port());
        let mut command = Command::new("node");
        command
            .arg(program)
            .args(["-p", &port.to_string(), "--strict", "-f"])
            .arg(fixture_path(&home, fixture));
        let process = Process::start(command, directory.path(), "aimock");
        eventually("aimock", async || std::net::TcpStream::connect(("127.0.0.1", port)).ok()).await;
        Self { _process: process, _directory: directory, port }
    }

    /// The bodies of the requests that came in, oldest first.
    pub async fn requests(&self) -> Vec<serde_json::Value> {
        let journal = format!("http://127.0.0.1:{}/__aimock/journal", self.port);
        let journal: Vec<serde_json::Value> =
            reqwest::get(journal).await.unwrap().json().await.unwrap();
        let chat = journal.into_iter().filter(|entry| entry["path"] == "/v1/chat/completions");
        chat.map(|entry| entry["body"].clone()).collect()
    }

    /// For `OPENAI_BASE_URL`.
    pub fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}/v1", self.port)
    }
}

fn fixture_path(home: &Path, fixture: &str) -> PathBuf {
    home.join("fixtures").join(format!("{fixture}.json"))
}
