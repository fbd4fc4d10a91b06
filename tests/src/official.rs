//! The official client library in Node, as `scripts/provision --tests` installed it.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// `tests/official`.
#[derive(Debug)]
pub struct OfficialClient(PathBuf);

impl OfficialClient {
    /// The client, or why this machine cannot run it.
    pub fn find() -> Result<Self, String> {
        let room = Path::new(env!("CARGO_MANIFEST_DIR")).join("official");
        if !room.join("node_modules/@signalapp/libsignal-client").exists() {
            return Err("its npm packages are not installed: run `make provision-test`".into());
        }
        let client = Self(room);
        let loaded = client.node(&["--eval", "import('@signalapp/libsignal-client')"]).output();
        let loaded = loaded.map_err(|error| format!("there is no node: {error}"))?;
        if loaded.status.success() {
            Ok(client)
        } else {
            let said = String::from_utf8_lossy(&loaded.stderr);
            Err(format!("its library cannot be loaded here: {said}"))
        }
    }

    /// Runs all of it against a relay and a web server; its report.
    pub fn run(&self, relay: &str, web: &str, seed: u32) -> Value {
        let mut command = self.node(&["main.js"]);
        let run = command.env("RELAY", relay).env("WEB", web).env("SEED", seed.to_string());
        let run = run.output().unwrap();
        let (said, complaints) =
            (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
        assert!(run.status.success(), "with seed {seed}:\n{said}\n{complaints}");
        serde_json::from_str(&said).unwrap()
    }

    fn node(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("node");
        command.args(arguments).current_dir(&self.0);
        command
    }
}
