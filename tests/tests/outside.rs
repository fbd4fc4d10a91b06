//! Tools that others wrote look at sysmaint from outside, as a stranger would.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use sysmaint_bus::Credentials;
use sysmaint_protocol::{DeviceId, subject::Mailbox};
use sysmaint_tests::{
    RemoteDevice, Scanner, Service, Services, ServicesBuilder, canary, eventually, python_tool,
};

/// What every sealed envelope begins with: version, field 1 of 33 bytes, a Curve25519 key.
const ENVELOPE: &str = "110a2105";
/// Seconds that schemathesis may take with a valid token, and with another.
const CONTRACT_SECONDS: [(&str, u32); 2] = [("valid", 40), ("invalid", 10)];

#[tokio::test(flavor = "multi_thread")]
async fn the_relay_answers_as_its_openapi_document_says() {
    let mut services = unlimited().prepare();
    services.launch(Service::Nats);
    services.launch(Service::Relay);
    eventually("the relay", async || services.relay().get("/readyz").await).await;
    // The document's examples are hers.
    let carol = RemoteDevice::enrol(services.relay(), "carol").await;
    for (token, seconds) in CONTRACT_SECONDS {
        let token = if token == "valid" { carol.token() } else { token };
        let looked = Command::new(python_tool("schemathesis"))
            .arg("--config-file")
            .arg(outside("schemathesis.toml"))
            .args(["--no-color", "run", &services.relay().url("/openapi.json")])
            .args(["--max-time", &seconds.to_string()])
            .current_dir(services.directory())
            .env("OUTSIDE", outside(""))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("RELAY_TOKEN", token)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&looked.stdout);
        assert!(looked.status.success(), "{said}\n{}", String::from_utf8_lossy(&looked.stderr));
    }
    // Still there, and nothing of it was beyond its handlers.
    assert!(services.relay().get("/readyz").await.is_some());
    let log = services.process(Service::Relay).stderr();
    assert!(!log.contains("panicked"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_with_natss_own_client_sees_ciphertext_or_nothing() {
    let services = Services::start().await;
    let web = services.web();
    let keys = services.data().join("keys");
    let user = |name: &str, listen: &[&str], ask: &[(&str, &str)]| {
        let seed = keys.join(format!("{name}.nk"));
        let inbox_prefix = Credentials::read(&seed).unwrap().inbox_prefix();
        json!({ "seed": seed, "inbox_prefix": inbox_prefix, "listen": listen, "ask": ask })
    };
    let (alice, bob, agent) = (mailbox("alice"), mailbox("bob"), mailbox("sysmaint"));
    let everything = ["sealed.>", "wake.>", "otpk.>", "$KV.>", "relay.v1.>", "_INBOX.>", ">"];
    let next = format!("$JS.API.CONSUMER.MSG.NEXT.{}.{}", agent.stream(8), agent.consumer());
    let forbidden = [
        ("$JS.API.DIRECT.GET.KV_IDENTITIES", r#"{"seq":1}"#),
        ("$JS.API.DIRECT.GET.KV_TOKENS", r#"{"seq":1}"#),
        ("$JS.API.STREAM.MSG.GET.KV_IDENTITIES", r#"{"seq":1}"#),
        ("$JS.API.STREAM.MSG.GET.MAILBOX_1", r#"{"seq":1}"#),
        (next.as_str(), ""),
        ("$JS.API.STREAM.PURGE.MAILBOX_1", "{}"),
        ("$JS.API.STREAM.DELETE.MAILBOX_1", "{}"),
        ("relay.v1.sysmaint.bundle.alice", "{}"),
    ];
    let (alices, bobs) = (alice.sealed(), bob.sealed());
    let task = json!({ "url": services.nats_url(), "users": {
        "tap": user("tap", &[&alices, &bobs, "sealed.>", "wake.>", "$KV.>"], &forbidden),
        "operator": user("operator", &["sealed.>", "wake.>", "$KV.>", "otpk.>"], &forbidden),
        "web": user("web", &everything, &forbidden),
    }});

    let mut stranger = outsider();
    let (mut input, mut output) =
        (stranger.stdin.take().unwrap(), BufReader::new(stranger.stdout.take().unwrap()));
    writeln!(input, "{task}").unwrap();
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    assert_eq!(line, "listening\n");
    let secrets = [canary(), canary(), canary()];
    web.ask(&format!("and what about {}?", secrets[0])).await.unwrap();
    for (from, to, text) in [("alice", "bob", &secrets[1]), ("bob", "alice", &secrets[2])] {
        web.send(from, to, text).await.unwrap();
        eventually("the direct message", async || {
            web.received(to).await?.iter().any(|(_, received)| received == text).then_some(())
        })
        .await;
    }
    writeln!(input).unwrap();
    line.clear();
    output.read_line(&mut line).unwrap();
    assert!(stranger.wait().unwrap().success());
    let report: Value = serde_json::from_str(&line).unwrap();

    let anonymous = report["anonymous"].as_str().unwrap();
    assert!(anonymous.starts_with("refused: "), "{anonymous}");
    let scanner = secrets.iter().fold(Scanner::new(), |all, text| all.disguised("secret", text));
    assert_eq!(scanner.find(line.as_bytes()), [""; 0]);
    for name in ["tap", "operator", "web"] {
        let seen = &report[name];
        for message in seen["heard"].as_array().unwrap() {
            let payload = message["payload"].as_str().unwrap();
            assert_eq!(scanner.find(&bytes(payload)), [""; 0], "{message}");
            let subject = message["subject"].as_str().unwrap();
            match subject.split('.').next().unwrap() {
                "sealed" => assert!(payload.starts_with(ENVELOPE), "{name}: {message}"),
                "wake" => assert_eq!(payload, "", "{name}: {message}"),
                _ => panic!("{name} hears {message}"),
            }
            let theirs = [&alices, &bobs].iter().any(|own| subject == own.as_str());
            assert!(name == "operator" || (name == "tap" && theirs), "{name} hears {subject}");
        }
        for (subject, _) in forbidden {
            let answer = seen["answers"][subject].as_str().unwrap();
            assert!(answer.starts_with("none: "), "{name} asks {subject}: {answer}");
            let complaint = format!("permissions violation for publish to \"{subject}\"");
            let complaint = complaint.to_lowercase();
            let refused = seen["refused"].as_array().unwrap().iter();
            let mut refused = refused.map(|text| text.as_str().unwrap().to_lowercase());
            assert!(refused.any(|text| text.contains(&complaint)), "{name}: {subject}: {seen}");
        }
    }
    let heard = |name: &str| report[name]["heard"].as_array().unwrap().len();
    assert!(heard("tap") >= 2 && heard("operator") > heard("tap"), "{report}");
    assert_eq!(heard("web"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_nats_cli_asks_is_answered_to_the_users_of_its_contexts() {
    let services = Services::start().await;
    let contexts = services.data().join("nats-cli/nats/context");
    let context = |name: &str| -> Value {
        let text = std::fs::read(contexts.join(format!("{name}.json"))).unwrap();
        serde_json::from_slice(&text).unwrap()
    };
    let user = |context: &Value, ask: &[(&str, &str)]| {
        json!({ "seed": context["nkey"], "inbox_prefix": context["inbox_prefix"], "listen": [],
                "ask": ask })
    };
    let (operator, system) = (context("sysmaint"), context("sysmaint-system"));
    assert_eq!(operator["url"], services.nats_url());
    // `stream ls`, `info`, `subjects`, `consumer ls`, `micro ls`, `micro stats`.
    let asked = [
        ("$JS.API.STREAM.LIST", "{}"),
        ("$JS.API.STREAM.NAMES", "{}"),
        ("$JS.API.STREAM.INFO.MAILBOX_1", r#"{"subjects_filter":">"}"#),
        ("$JS.API.CONSUMER.LIST.MAILBOX_1", "{}"),
        ("$SRV.INFO", ""),
        ("$SRV.STATS.relay-directory", ""),
    ];
    let reports = [("$SYS.REQ.SERVER.PING.JSZ", ""), ("$SYS.REQ.SERVER.PING.STATSZ", "")];
    let task = json!({ "url": operator["url"], "users": {
        "operator": user(&operator, &asked), "system": user(&system, &reports),
    }});
    let mut stranger = outsider();
    writeln!(stranger.stdin.take().unwrap(), "{task}\n").unwrap();
    let said = stranger.wait_with_output().unwrap();
    let report = String::from_utf8(said.stdout).unwrap();
    let report: Value = serde_json::from_str(report.lines().nth(1).unwrap()).unwrap();
    for (name, subjects) in [("operator", asked.as_slice()), ("system", reports.as_slice())] {
        for (subject, _) in subjects {
            let answer = report[name]["answers"][*subject].as_str().unwrap();
            assert!(!answer.starts_with("none"), "{name} asks {subject}: {answer}");
            let answer: Value = serde_json::from_slice(&bytes(answer)).unwrap();
            assert!(answer.get("error").is_none(), "{name} asks {subject}: {answer}");
        }
    }
}

/// NATS's own Python client, about to be told what to try.
fn outsider() -> std::process::Child {
    Command::new(python_tool("python"))
        .arg(outside("outsider.py"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Limits are another test's matter.
fn unlimited() -> ServicesBuilder {
    ["MESSAGE_BURST", "MESSAGES_PER_S", "PREKEY_FETCHES", "REGISTRATIONS", "REQUESTS_PER_S"]
        .iter()
        .fold(Services::builder(), |all, name| all.with(&format!("RELAY_{name}"), 1_000_000))
}

fn outside(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("outside").join(name)
}

fn mailbox(handle: &str) -> Mailbox {
    Mailbox::new(handle.parse().unwrap(), DeviceId::FIRST)
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<_> = hex.chars().map(|digit| digit.to_digit(16).unwrap()).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
}
