//! A real language model, on this machine: small, so what it says is no measure, but its server is
//! one that people run, and nobody wrote down what it answers.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use sysmaint_agent::{live::Live, query::Query};
use sysmaint_protocol::Timestamp;
use tokio::{
    net::TcpListener,
    process::{Child, Command},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{KEY, NOW, agent};

/// One thread of a busy machine reads some 60 tokens a second.
const ANSWERED_WITHIN: Duration = Duration::from_mins(5);

const STARTED_WITHIN: Duration = Duration::from_mins(2);

/// The server, which ends with the test.
struct Llama {
    base_url: String,
    _process: Child,
}

#[tokio::test]
#[ignore = "a real language model takes minutes; make test-heavy has it"]
async fn a_real_model_calls_a_tool_and_answers_in_a_stream_that_is_counted() {
    let Some(server) = Llama::start().await else { return };
    let live = Live::new(1, CancellationToken::new());
    let agent = agent(&server.base_url, KEY, ANSWERED_WITHIN);
    let query = Query::new("How busy is web1?");
    let answered = agent.answer_query(&query, &live, Timestamp::from_millis(NOW)).await;
    assert_eq!(answered.model, "gpt-4o-mini", "{answered:?}");
    assert!(!answered.text.is_empty() && !answered.stopped, "{answered:?}");
    assert!(answered.tools.iter().any(|tool| tool.name == "get_current_status"), "{answered:?}");
    assert!(answered.usage.input_tokens > 500 && answered.usage.output_tokens > 10);
    assert!(!answered.estimated, "{answered:?}");
    assert!(!live.follow().borrow().text.is_empty());
}

impl Llama {
    /// `None` where there is none, which is said aloud.
    async fn start() -> Option<Self> {
        let (program, model) = installed()?;
        let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/llama/template.jinja");
        let port = free_port().await;
        let process = Command::new(program)
            .arg("-m")
            .arg(model)
            .args(["--jinja", "--chat-template-file"])
            .arg(template)
            .args(["--host", "127.0.0.1", "--port", &port.to_string(), "--alias", "gpt-4o-mini"])
            .args(["-c", "8192", "-t", "1", "--temp", "0", "--offline", "--no-webui"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let health = format!("http://127.0.0.1:{port}/health");
        let _ = rustls::crypto::ring::default_provider().install_default();
        let healthy = async {
            while !reqwest::get(&health).await.is_ok_and(|answer| answer.status().is_success()) {
                sleep(Duration::from_millis(100)).await;
            }
        };
        timeout(STARTED_WITHIN, healthy).await.expect("llama-server loads its model");
        Some(Self { base_url: format!("http://127.0.0.1:{port}/v1"), _process: process })
    }
}

/// Program and model: those of the environment, or those that `scripts/provision-llama` fetched.
fn installed() -> Option<(PathBuf, PathBuf)> {
    let named = |name: &str| std::env::var_os(name).map(PathBuf::from);
    if let (Some(program), Some(model)) = (named("LLAMA_SERVER"), named("LLAMA_MODEL")) {
        return Some((program, model));
    }
    let room = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/llama");
    let (program, model) = (room.join("llama-server"), room.join("model.gguf"));
    if program.exists() && model.exists() {
        return Some((program, model));
    }
    assert!(
        std::env::var_os("SYSMAINT_TESTS_INSIST").is_none(),
        "there is no llama-server: run scripts/provision-llama"
    );
    let line = "=".repeat(78);
    let said = "SKIPPED: a real language model\n  scripts/provision-llama could not fetch one";
    // Whoever closed standard error does not want to hear it.
    let _ = std::io::stderr().write_all(format!("\n{line}\n{said}\n{line}\n").as_bytes());
    None
}

async fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().port()
}
