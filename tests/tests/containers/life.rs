//! Up, used, killed, down, and up again.

use std::time::Duration;

use serde_json::{Value, json};
use sysmaint_tests::{Composed, Engine, Web, eventually_within, free_ports, skip};

const PASSPHRASE: &str = "a passphrase that nobody else has";
/// Containers on a busy machine.
const PATIENCE: Duration = Duration::from_mins(3);

#[tokio::test(flavor = "multi_thread")]
async fn the_compose_file_comes_up_answers_survives_a_kill_and_carries_on_with_stand_in_images() {
    let engine = match Engine::find().await {
        Ok(engine) => engine,
        Err(reason) => return skip("docker-compose.yml on an engine", &reason),
    };
    let [relay, web] = free_ports();
    let (relay_port, web_port) = (relay.to_string(), web.to_string());
    let settings = [
        ("MEGA_PASSPHRASE", PASSPHRASE),
        ("OPENAI_API_KEY", ""),
        ("RELAY_PORT", relay_port.as_str()),
        ("WEB_PORT", web_port.as_str()),
        ("SYSMAINT_PROBE_INTERVAL_MS", "500"),
    ];
    let composed = Composed::up(engine, &settings);
    let (relay, web) = (Web::new(relay), Web::new(web));

    promised_by_the_documentation(&relay, &web).await;
    confined(&composed.inspected());
    nothing_told(&composed);

    composed.kill("sysmaint-agent").await;
    composed.kill("relay").await;
    let asked = async || web.ask("What is the load?").await;
    eventually_within(PATIENCE, "an answer after two kills", asked).await;

    let before = chats(&web).await;
    stops_in_time(&composed);
    composed.down();
    composed.start();
    let same = async || (chats(&web).await >= before).then_some(());
    eventually_within(PATIENCE, "the conversation of before", same).await;
    let asked = async || web.ask("And now?").await;
    eventually_within(PATIENCE, "an answer after down and up", asked).await;
    let link = web.get("/api/status/link").await.unwrap();
    assert_eq!(link["dead_letters"], 0, "{link}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "builds the image in a container, which takes a quarter of an hour"]
async fn an_image_that_was_built_in_a_container_takes_over_the_volumes_of_the_one_before() {
    let what = "building the image in a container";
    let engine = match Engine::find().await {
        Ok(engine) => engine,
        Err(reason) => return skip(what, &reason),
    };
    if let Some(image) = engine.lacks() {
        return skip(what, &format!("there is no image {image}, nor a registry that has it"));
    }
    let [relay, web] = free_ports().map(|port| port.to_string());
    let settings = [
        ("MEGA_PASSPHRASE", PASSPHRASE),
        ("OPENAI_API_KEY", ""),
        ("RELAY_PORT", relay.as_str()),
        ("WEB_PORT", web.as_str()),
    ];
    let mut composed = Composed::up(engine, &settings);
    let web = Web::new(web.parse().unwrap());
    let asked = async || web.ask("What is the load?").await;
    eventually_within(PATIENCE, "an answer", asked).await;
    let before = chats(&web).await;

    composed.build();
    composed.start();
    confined(&composed.inspected());
    let same = async || (chats(&web).await >= before).then_some(());
    eventually_within(PATIENCE, "the conversation of before", same).await;
    let asked = async || web.ask("And now?").await;
    eventually_within(PATIENCE, "an answer by the new image", asked).await;
    assert_eq!(web.get("/api/status/link").await.unwrap()["dead_letters"], 0);
}

/// The calls that the documentation has an operator make.
async fn promised_by_the_documentation(relay: &Web, web: &Web) {
    assert_eq!(relay.get("/health").await.unwrap()["status"], "ok");
    assert!(relay.get("/diagnostics").await.unwrap()["mailboxes"].is_object());
    let reported = async || {
        let status = web.get("/api/status/current").await?;
        (status["hosts"][0]["host"] == "diagprobe").then_some(())
    };
    eventually_within(PATIENCE, "a sample of the probe", reported).await;
    let (status, answer) =
        web.post("/api/chat", &json!({ "prompt": "System status summary" })).await.unwrap();
    assert_eq!(status, 200, "{answer}");
    assert!(answer["reply"].as_str().unwrap().contains("diagprobe"), "{answer}");
}

fn confined(containers: &[Value]) {
    assert_eq!(containers.len(), 6);
    for container in containers {
        let name = container["Config"]["Labels"]["com.docker.compose.service"].as_str().unwrap();
        let host = &container["HostConfig"];
        assert_eq!(container["Config"]["User"], "10001:10001", "{name}");
        assert_eq!(host["ReadonlyRootfs"], name != "setup", "{name}");
        assert_eq!(host["CapDrop"], json!(["ALL"]), "{name}");
        assert_eq!(host["Privileged"], false, "{name}");
        assert!(host["Memory"].as_u64().unwrap() > 0, "{name}");
        assert_eq!(host["LogConfig"]["Config"]["max-file"], "3", "{name}");
        if name == "setup" {
            assert_eq!(container["State"]["ExitCode"], 0);
        } else {
            assert_eq!(container["State"]["Health"]["Status"], "healthy", "{name}");
        }
        assert!(!container.to_string().contains(PASSPHRASE), "{name} tells the passphrase");
    }
}

fn nothing_told(composed: &Composed) {
    let logs = composed.said(&["logs", "--no-color"]);
    assert!(!logs.contains(PASSPHRASE) && logs.contains("the agent is up"), "{logs}");
    let process = composed.said(&["exec", "-T", "sysmaint-agent", "sysmaint", "health", "agent"]);
    assert_eq!(process.trim(), "agent  ok");
}

/// Each within the time that the file gives it, or the engine would have killed it.
fn stops_in_time(composed: &Composed) {
    composed.said(&["stop"]);
    for container in composed.inspected() {
        assert_ne!(container["State"]["ExitCode"], 137, "killed: {}", container["Name"]);
    }
}

async fn chats(web: &Web) -> usize {
    let history = web.get("/api/chat/history").await;
    history.map_or(0, |history| history["entries"].as_array().unwrap().len())
}
