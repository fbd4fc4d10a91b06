//! A script that drives the browser, and asks for what only the test can do.

use std::process::Stdio;

use serde_json::{Value, json};
use sysmaint_tests::Web;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command},
    task::JoinHandle,
};

use crate::chromium::{Chromium, screenshots, scripts};

/// A running case of `tests/browser/cases`.
#[derive(Debug)]
pub(crate) struct Script {
    case: String,
    node: Child,
    answers: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    complaints: JoinHandle<String>,
}

impl Script {
    /// Starts it with what it needs to know beside the address.
    pub(crate) fn start(chromium: &Chromium, case: &str, web: &Web, more: &Value) -> Self {
        let mut told = json!({
            "url": web.url(""),
            "chromium": chromium.program(),
            "screenshots": screenshots(),
            "host": "diagprobe",
        });
        let more = more.as_object().into_iter().flatten();
        told.as_object_mut()
            .unwrap()
            .extend(more.map(|(name, value)| (name.clone(), value.clone())));
        let mut command = Command::new("node");
        command
            .args(["main.js", case])
            .current_dir(scripts())
            .env("SYSMAINT_CASE", told.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut node = command.spawn().unwrap();
        let lines = BufReader::new(node.stdout.take().unwrap()).lines();
        let answers = node.stdin.take().unwrap();
        let complaints = tokio::spawn(all(node.stderr.take().unwrap()));
        Self { case: case.to_owned(), node, answers, lines, complaints }
    }

    /// Runs one that wishes nothing, to its end.
    pub(crate) async fn run(chromium: &Chromium, case: &str, web: &Web, more: &Value) {
        let mut script = Self::start(chromium, case, web, more);
        assert_eq!(script.wish().await, None);
    }

    /// What it wishes next, which is to be [granted](Self::grant); nothing once it has ended well.
    pub(crate) async fn wish(&mut self) -> Option<String> {
        while let Some(line) = self.lines.next_line().await.unwrap() {
            let message: Value = serde_json::from_str(&line).unwrap();
            if let Some(wish) = message["wish"].as_str() {
                return Some(wish.to_owned());
            }
            println!("{}: {}", self.case, message["said"].as_str().unwrap());
        }
        let status = self.node.wait().await.unwrap();
        let complaints = (&mut self.complaints).await.unwrap();
        assert!(status.success(), "{} in the browser, {status}:\n{complaints}", self.case);
        None
    }

    /// Tells it that its wish was granted.
    pub(crate) async fn grant(&mut self) {
        self.answers.write_all(b"granted\n").await.unwrap();
    }
}

async fn all(mut from: ChildStderr) -> String {
    let mut text = String::new();
    from.read_to_string(&mut text).await.unwrap();
    text
}
