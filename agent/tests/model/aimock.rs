//! A language model's server that others wrote.

use std::{path::Path, process::Stdio, time::Duration};

use serde_json::Value;
use sysmaint_agent::answerer::Answered;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

use crate::KEY;

/// Node, and on a busy machine its start, take their time.
const STARTED_WITHIN: Duration = Duration::from_mins(1);

/// A running aimock, which ends with the test.
pub(crate) struct Aimock {
    pub(crate) base_url: String,
    root: String,
    _process: Child,
}

impl Aimock {
    pub(crate) async fn start() -> Self {
        let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/aimock");
        let program = home.join("node_modules/@copilotkit/aimock/dist/cli.js");
        assert!(
            program.exists(),
            "the test server aimock is not installed; run `make test`, which installs it"
        );
        let mut process = Command::new("node")
            .arg(program)
            .args(["-p", "0", "--strict", "-f"])
            .arg(home.join("fixtures/agent.json"))
            .env("AIMOCK_API_KEYS", KEY)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .expect("node is on the PATH");
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let root = timeout(STARTED_WITHIN, async {
            while let Some(line) = lines.next_line().await.unwrap() {
                if let Some((_, address)) = line.split_once("listening on ") {
                    return address.trim().to_owned();
                }
            }
            panic!("aimock ended before it listened");
        })
        .await
        .expect("aimock listens within a minute");
        // Whoever does not read on would in the end block the server.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { base_url: format!("{root}/v1"), root, _process: process }
    }

    pub(crate) async fn ask(&self, question: &str) -> Answered {
        crate::ask(&self.base_url, question).await
    }

    /// The bodies of the requests that came in, oldest first.
    pub(crate) async fn requests(&self) -> Vec<Value> {
        let address = format!("{}/__aimock/journal", self.root);
        let request = reqwest::Client::new().get(address).bearer_auth(KEY);
        let journal: Value = request.send().await.unwrap().json().await.unwrap();
        let entries = journal.as_array().unwrap();
        let chat = entries.iter().filter(|entry| entry["path"] == "/v1/chat/completions");
        chat.map(|entry| entry["body"].clone()).collect()
    }
}
