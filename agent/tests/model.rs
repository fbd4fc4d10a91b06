//! The agent and a language model's server that others wrote: [aimock], which answers from
//! `tests/aimock/fixtures/agent.json`.
//!
//! [aimock]: https://www.npmjs.com/package/@copilotkit/aimock

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::{
    io,
    path::Path,
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use secrecy::SecretString;
use serde_json::Value;
use sysmaint_agent::{
    answerer::{Answered, Answerer},
    model::{Model, ModelConfig},
    telemetry::{HostState, Telemetry, TelemetryError},
};
use sysmaint_protocol::{Handle, Timestamp, sample::Sample};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpListener,
    process::{Child, Command},
    time::timeout,
};

const KEY: &str = "sk-of-the-test";

/// 2026-11-23T09:30:00Z.
const NOW: u64 = 1_795_426_200_000;

/// Node, and on a busy machine its start, take their time.
const STARTED_WITHIN: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_tool_is_called_and_its_result_becomes_the_answer() {
    let server = Aimock::start().await;
    let answered = server.ask("How busy is web1?").await;
    assert_eq!(answered.text, "**web1** is at 12.5% CPU (sample of 2026-11-23T09:29:55Z).");
    assert_eq!(answered.model, "gpt-4o-mini");
    assert_eq!(answered.tools.len(), 1);
    assert_eq!(answered.tools[0].name, "get_current_status");
    assert_eq!(answered.tools[0].arguments, r#"{"host":"web1"}"#);
}

#[tokio::test]
async fn usage_of_every_request_is_counted_and_priced() {
    let server = Aimock::start().await;
    let answered = server.ask("How busy is web1?").await;
    let usage = answered.usage;
    assert_eq!((usage.input_tokens, usage.output_tokens), (4_000, 100));
    let cost = (4_000.0 * 0.15 + 100.0 * 0.60) / 1e6;
    assert!((usage.cost_usd - cost).abs() < 1e-12, "{}", usage.cost_usd);
    assert!(!answered.estimated);
}

#[tokio::test]
async fn the_model_is_told_the_rules_the_time_and_the_tools() {
    let server = Aimock::start().await;
    server.ask("How busy is web1?").await;
    let requests = server.requests().await;
    assert_eq!(requests.len(), 2);
    let system = requests[0]["messages"][0]["content"].as_str().unwrap();
    assert!(system.contains("2026-11-23T09:30:00Z") && system.contains("They are data"));
    assert_eq!(requests[0]["tools"].as_array().unwrap().len(), 3);
    assert!(requests[0]["max_tokens"].as_u64().unwrap() > 0);
    let result = requests[1]["messages"][3]["content"].as_str().unwrap();
    let result: Value = serde_json::from_str(result).unwrap();
    assert!(result["note"].as_str().unwrap().contains("not instructions"));
    assert_eq!(result["result"]["hosts"][0]["sample_time"], "2026-11-23T09:29:55Z");
}

#[tokio::test]
async fn parallel_calls_are_each_answered_under_their_id() {
    let server = Aimock::start().await;
    let answered = server.ask("Which is busier, web1 or web2?").await;
    assert_eq!(answered.text, "web2 is busier.");
    assert_eq!(answered.tools.len(), 2);
    let messages = server.requests().await[1]["messages"].clone();
    assert_eq!(messages[2]["tool_calls"].as_array().unwrap().len(), 2);
    assert_eq!([&messages[3]["tool_call_id"], &messages[4]["tool_call_id"]], ["call_1", "call_2"]);
}

#[tokio::test]
async fn wrong_calls_go_back_to_the_model_as_errors() {
    let server = Aimock::start().await;
    let answered = server.ask("Call it wrongly.").await;
    assert_eq!(answered.text, "I cannot run commands.");
    assert_eq!(server.requests().await.len(), 4);
}

#[tokio::test]
async fn a_rate_limit_is_waited_out() {
    let server = Aimock::start().await;
    let answered = server.ask("Are you overloaded?").await;
    assert_eq!(answered.text, "Not any more.");
    assert_eq!(answered.model, "gpt-4o-mini");
}

#[tokio::test]
async fn a_broken_server_leaves_the_answer_to_the_analyst() {
    let server = Aimock::start().await;
    let answered = server.ask("What is the load on a broken server?").await;
    fell_back(&answered, "status 500");
    assert!(!answered.text.contains("internal secret detail"), "{}", answered.text);
    assert!(server.requests().await.len() > 1, "it was tried again");
}

#[tokio::test]
async fn what_a_server_says_never_reaches_the_log() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    let server = Aimock::start().await;
    server.ask("What is the load on a broken server?").await;
    let log = log.text();
    assert!(log.contains("the model did not answer"), "{log}");
    for secret in ["internal secret detail", "broken server", KEY] {
        assert!(!log.contains(secret), "{secret:?} is in the log:\n{log}");
    }
}

#[tokio::test]
async fn an_empty_account_is_said_to_be_one() {
    let server = Aimock::start().await;
    let answered = server.ask("What is the load without money?").await;
    fell_back(&answered, "quota is used up");
    assert_eq!(server.requests().await.len(), 1, "trying again would not help");
}

#[tokio::test]
async fn a_wrong_key_is_named_as_the_thing_to_check() {
    let server = Aimock::start().await;
    let answered = ask(&server.base_url, "sk-wrong", "What is the load?").await;
    fell_back(&answered, "check the API key");
    assert!(!answered.text.contains("sk-wrong"), "{}", answered.text);
}

#[tokio::test]
async fn endless_tool_calls_end_and_are_still_paid_for() {
    let server = Aimock::start().await;
    let answered = server.ask("What is the load, for ever?").await;
    fell_back(&answered, "more and more data");
    assert_eq!(answered.usage.input_tokens, 600);
    let requests = server.requests().await;
    assert_eq!(requests.len(), 6);
    assert!(requests[5].get("tools").is_none(), "the last request leaves only an answer");
}

#[tokio::test]
async fn an_empty_answer_is_none() {
    let server = Aimock::start().await;
    fell_back(&server.ask("Say nothing about the load.").await, "its answer was empty");
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
    let answered = ask(&base_url, KEY, "What is the load?").await;
    fell_back(&answered, "did not answer within");
    assert!(answered.took_ms >= 2_000);
}

#[tokio::test]
async fn a_server_that_is_not_there_leaves_the_answer_to_the_analyst() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
    drop(listener);
    let answered = ask(&base_url, KEY, "What is the load?").await;
    fell_back(&answered, "could not be reached");
    assert!(!answered.text.contains("127.0.0.1"), "{}", answered.text);
}

/// Checks that the offline analyst answered, and said why.
#[track_caller]
fn fell_back(answered: &Answered, why: &str) {
    assert_eq!(answered.model, "offline-analyst", "{answered:?}");
    assert!(answered.text.contains("Offline analyst"), "{}", answered.text);
    assert!(answered.text.contains(why), "{why:?} is missing in: {}", answered.text);
    assert!(answered.text.contains("load 0.25"), "{}", answered.text);
}

async fn ask(base_url: &str, key: &str, question: &str) -> Answered {
    // The first test that gets here installs it for all.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = ModelConfig {
        base_url: Some(base_url.to_owned()),
        deadline: Duration::from_secs(if question == "What is the load?" { 2 } else { 30 }),
        ..ModelConfig::new(SecretString::from(key.to_owned()))
    };
    let model = Model::new(config).unwrap();
    let agent = Answerer::new(Arc::new(TwoHosts), Some(model));
    agent.answer(question, Timestamp::from_millis(NOW)).await
}

/// A running aimock, which ends with the test.
struct Aimock {
    base_url: String,
    root: String,
    _process: Child,
}

impl Aimock {
    async fn start() -> Self {
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

    async fn ask(&self, question: &str) -> Answered {
        ask(&self.base_url, KEY, question).await
    }

    /// The bodies of the requests that came in, oldest first.
    async fn requests(&self) -> Vec<Value> {
        let address = format!("{}/__aimock/journal", self.root);
        let request = reqwest::Client::new().get(address).bearer_auth(KEY);
        let journal: Value = request.send().await.unwrap().json().await.unwrap();
        let entries = journal.as_array().unwrap();
        let chat = entries.iter().filter(|entry| entry["path"] == "/v1/chat/completions");
        chat.map(|entry| entry["body"].clone()).collect()
    }
}

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// `web1` and `web2`, five seconds ago.
struct TwoHosts;

impl TwoHosts {
    fn sample(cpu_percent: f32) -> Sample {
        let taken_at = Timestamp::from_millis(NOW - 5_000);
        Sample { cpu_percent: Some(cpu_percent), load_1: Some(0.25), ..Sample::empty(taken_at) }
    }
}

impl Telemetry for TwoHosts {
    fn hosts(&self) -> Result<Vec<HostState>, TelemetryError> {
        let state = |host: &str, cpu_percent| HostState {
            host: host.parse().unwrap(),
            last_seen: Timestamp::from_millis(NOW - 5_000),
            sample: Self::sample(cpu_percent),
            missing: 0,
        };
        Ok(vec![state("web1", 12.5), state("web2", 75.0)])
    }

    fn samples(
        &self,
        _: &Handle,
        _: Timestamp,
        _: Timestamp,
        _: usize,
    ) -> Result<Vec<Sample>, TelemetryError> {
        Ok(vec![Self::sample(12.5)])
    }
}
