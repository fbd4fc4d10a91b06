//! A machine elsewhere joins with one line, and what is killed on the way loses nothing.

use std::{path::Path, process::Command};

use serde_json::Value;
use sysmaint_tests::{
    Elsewhere, Process, Service, Services, copy_files, eventually, free_port, make_certificate,
    said,
};

use crate::evidence::Evidence;

const PROBE: &str = "diagprobe-far";
const PERSON: &str = "cli-far";

/// A site whose relay other machines can reach, and so asks for codes.
async fn open_site() -> Services {
    let builder = Services::builder().with("RELAY_BIND", "0.0.0.0");
    builder.with("SYSMAINT_OPERATORS", format!("alice,{PERSON}")).start().await
}

/// A second bridge of the same relay: the same authority, the same key, another port.
fn second_bridge(site: &Services, port: u16, settings: &[(&str, &Path)]) -> Process {
    let data = site.directory().join("second");
    copy_files(&site.data(), &data, "authority.db");
    copy_files(&site.data(), &data, "VERSION");
    copy_files(&site.data().join("keys"), &data.join("keys"), "relay.nk");
    let mut command: Command = site.command("relay");
    command.env("SYSMAINT_DATA_DIR", &data).env("RELAY_PORT", port.to_string());
    command.envs(settings.iter().copied());
    Process::start(command, site.directory(), "second")
}

fn invite(site: &Services, handle: &str, relays: &str) -> String {
    let line = site.said(&["invite", "--handle", handle, "--relay", relays]);
    assert_eq!(line.lines().count(), 1, "{line}");
    line
}

/// When the far host's newest sample was taken.
async fn newest_far_sample(site: &Services) -> Option<String> {
    let status: Value = site.web().status().await?;
    let far = status["hosts"].as_array()?.iter().find(|host| host["host"] == PROBE)?;
    Some(far["sample"]["taken_at"].as_str()?.to_owned())
}

async fn more_samples(site: &Services, what: &str) {
    let before = newest_far_sample(site).await;
    eventually(what, async || {
        let now = newest_far_sample(site).await?;
        (Some(&now) != before.as_ref()).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_elsewhere_joins_with_one_line_and_survives_kills_on_both_sides() {
    let mut site = open_site().await;
    let second_port = free_port();
    let first = format!("http://127.0.0.1:{}", site.relay().port());
    let relays = format!("{first},http://127.0.0.1:{second_port}");

    let mut host = Elsewhere::new(&[]);
    let line = invite(&site, PROBE, &relays);
    assert!(said(&host.run(&["join"], &line)).contains(PROBE));
    host.launch("probe");
    more_samples(&site, "the far probe's samples").await;

    // The first bridge is killed and comes back.
    site.kill(Service::Relay);
    site.launch(Service::Relay);
    more_samples(&site, "samples after the bridge was killed").await;
    // So is the probe.
    host.kill();
    host.launch("probe");
    more_samples(&site, "samples after the probe was killed").await;

    // A person elsewhere, with another line.
    let person = Elsewhere::new(&[("SYSMAINT_CLI_ID", PERSON)]);
    let line = invite(&site, PERSON, &relays);
    said(&person.run(&["join"], &line));
    let answer = said(&person.run(&["chat", "--json", "what is the load?"], ""));
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert!(answer["reply"].as_str().unwrap().contains("diagprobe"), "{answer}");
    said(&person.run(&["send", "--to", "bob"], "hello from afar\n"));
    eventually("the text at bob's", async || {
        let texts = site.web().received("bob").await?;
        texts.iter().any(|(_, text)| text == "hello from afar").then_some(())
    })
    .await;

    // The second bridge takes over from the first.
    let second = second_bridge(&site, second_port, &[]);
    let ready = sysmaint_tests::Web::new(second_port);
    eventually("the second bridge", async || ready.get("/readyz").await).await;
    site.kill(Service::Relay);
    more_samples(&site, "samples through the second bridge").await;
    said(&person.run(&["chat", "what is the load?"], ""));
    drop(second);

    host.kill();
    for service in [Service::Probe, Service::Agent, Service::Web] {
        site.kill(service);
    }
    let agent = Evidence::of_host(PROBE, &site.data(), "agent.db", site.passphrase()).await;
    agent.check_complete();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_cannot_be_used_is_refused_with_the_reason() {
    let site = open_site().await;
    let relay = format!("http://127.0.0.1:{}", site.relay().port());
    let machine = Elsewhere::new(&[("SYSMAINT_CLI_ID", PERSON)]);
    let refused = |line: &str| {
        let output = machine.run(&["join"], line);
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let line = invite(&site, PERSON, &relay);
    assert!(refused("hello").contains("sysmaint1."));
    assert!(refused(&line[..line.len() / 2]).contains("damaged"));
    let nowhere = format!("http://127.0.0.1:{}", free_port());
    assert!(refused(&invite(&site, PERSON, &nowhere)).contains("cannot reach the relay"));
    // Another relay answers at the line's address.
    let other = open_site().await;
    let elsewhere = format!("http://127.0.0.1:{}", other.relay().port());
    assert!(refused(&invite(&site, PERSON, &elsewhere)).contains("another trust root"));
    assert!(!machine.data().join("relay.json").exists());

    // A used code lets nobody else in, and says so.
    said(&machine.run(&["join"], &line));
    said(&machine.run(&["send", "--to", "bob", "hello"], ""));
    let late = Elsewhere::new(&[("SYSMAINT_CLI_ID", "cli-late")]);
    said(&late.run(&["join"], &line));
    let output = late.run(&["send", "--to", "bob", "hello"], "");
    let reason = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && reason.contains("code"), "{reason}");
    assert!(!reason.contains("sysmaint1."), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_elsewhere_needs_nothing_but_https() {
    let site = open_site().await;
    let (certificate, key) = make_certificate(site.directory());
    let port = free_port();
    let files = [("RELAY_TLS_CERT_FILE", &*certificate), ("RELAY_TLS_KEY_FILE", &*key)];
    let _bridge = second_bridge(&site, port, &files);
    let relay = format!("https://localhost:{port}");

    let stranger = Elsewhere::new(&[("SYSMAINT_CLI_ID", PERSON)]);
    let line = invite(&site, PERSON, &relay);
    let mut refused = String::new();
    eventually("a bridge whose certificate nobody knows", async || {
        refused = String::from_utf8(stranger.run(&["join"], &line).stderr).unwrap();
        refused.contains("certificate").then_some(())
    })
    .await;
    assert!(!stranger.data().join("relay.json").exists());

    let ca = certificate.to_str().unwrap();
    let mut host = Elsewhere::new(&[("RELAY_CA_FILE", ca)]);
    said(&host.run(&["join"], &invite(&site, PROBE, &relay)));
    host.launch("probe");
    more_samples(&site, "samples over a WebSocket in TLS").await;
    let person = Elsewhere::new(&[("SYSMAINT_CLI_ID", PERSON), ("RELAY_CA_FILE", ca)]);
    said(&person.run(&["join"], &line));
    let answer = said(&person.run(&["chat", "what is the load?"], ""));
    assert!(answer.contains(PROBE), "{answer}");
    host.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_of_one_image_join_by_themselves_as_often_as_the_line_allows() {
    let site = open_site().await;
    let relay = format!("http://127.0.0.1:{}", site.relay().port());
    let line = site.said(&["invite", "--uses", "2", "--expires", "10m", "--relay", &relay]);
    let started = |name: &str| {
        let settings = [("SYSMAINT_JOIN", line.trim()), ("DIAG_PROBE_ID", name)];
        let mut machine = Elsewhere::new(&settings);
        machine.launch("probe");
        machine
    };
    let mut machines = [started("diagprobe-one"), started("diagprobe-two")];
    let reports = async |name: &str| {
        let status = site.web().status().await?;
        status["hosts"].as_array()?.iter().find(|host| host["host"] == name).cloned()
    };
    for name in ["diagprobe-one", "diagprobe-two"] {
        eventually("a machine that has joined by itself", async || reports(name).await).await;
    }
    // One that has joined needs the line no more, and a third one is not let in.
    machines[0].kill();
    let before = reports("diagprobe-one").await.unwrap()["last_seen"].clone();
    machines[0].launch("probe");
    eventually("it goes on after a restart", async || {
        reports("diagprobe-one").await.filter(|host| host["last_seen"] != before)
    })
    .await;
    let third = started("diagprobe-three");
    eventually("the third machine is refused", async || {
        let listed = site.said(&["device", "list"]);
        assert!(!listed.contains("diagprobe-three"), "{listed}");
        third.log().contains("code").then_some(())
    })
    .await;
    assert!(!third.log().contains("sysmaint1."));
}
