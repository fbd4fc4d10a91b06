//! The operator's commands about keys and devices, beside a running `sysmaint up`.

use sysmaint_tests::{RemoteDevice, Stack, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn devices_are_listed_revoked_and_readmitted_while_everything_runs() {
    let mut stack = Stack::builder().start().await;
    let carol = RemoteDevice::enrol(stack.relay(), "carol").await;
    let listed = stack.said(&["device", "list", "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let handles: Vec<_> =
        listed.as_array().unwrap().iter().map(|one| one["identity"].as_str().unwrap()).collect();
    assert_eq!(handles, ["alice", "bob", "carol", "diagprobe", "sysmaint"]);
    assert!(!listed.to_string().contains(carol.token()));

    let unasked = stack.command(&["device", "revoke", "carol"]);
    assert_eq!(unasked.status.code(), Some(64), "nobody was asked, and it was done");
    let revoked = stack.said(&["device", "revoke", "carol.1", "--yes"]);
    assert!(revoked.contains("carol.1: revoke done"), "{revoked}");
    let counted = reqwest::Client::new().get(stack.relay().url("/v1/prekeys/count"));
    let refused = counted.bearer_auth(carol.token()).send().await.unwrap();
    assert_eq!(refused.status(), 401);
    assert!(stack.said(&["device", "list"]).contains("carol.1  revoked 20"));
    let readmitted = stack.said(&["device", "readmit", "carol", "--yes", "--json"]);
    assert!(readmitted.contains("\"decision\": \"readmit\""), "{readmitted}");
    let nobody = stack.command(&["device", "revoke", "nobody", "--yes"]);
    assert!(!nobody.status.success());
    assert!(stack.stop().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_services_key_is_rotated_and_the_service_goes_on() {
    let mut stack = Stack::builder().start().await;
    let (web, nats) = (stack.web(), stack.nats_pid());
    let key = stack.data().join("keys/agent.nk");
    let before = std::fs::read_to_string(&key).unwrap();
    let said = stack.said(&["nats-conf", "--rotate", "agent"]);
    assert!(said.contains("reads its configuration again"), "{said}");
    assert_ne!(std::fs::read_to_string(&key).unwrap(), before);
    eventually("an answer by the agent", async || web.ask("what is the load?").await).await;
    assert_eq!(stack.nats_pid(), nats, "nats-server was restarted");

    // What is rendered at the next start is what the rotation wrote: the server is adopted.
    let pid = stack.nats_pid();
    stack.kill();
    stack.restart().await;
    assert_eq!(stack.nats_pid(), pid, "the server was not adopted");
    eventually("another answer", async || web.ask("what is the load?").await).await;
    assert!(stack.stop().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_directory_of_before_gets_the_keys_that_it_lacks() {
    let mut stack = Stack::builder().start().await;
    assert!(stack.stop().await);
    for key in ["callout.nk", "kick.nk", "issuer.nk"] {
        std::fs::remove_file(stack.data().join("keys").join(key)).unwrap();
    }
    stack.restart().await;
    let web = stack.web();
    eventually("an answer by the agent", async || web.ask("what is the load?").await).await;
    for key in ["callout.nk", "kick.nk", "issuer.nk"] {
        let mode = std::fs::metadata(stack.data().join("keys").join(key)).unwrap();
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode.permissions()) & 0o777, 0o600);
    }
    assert!(stack.stop().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_removed_is_forgotten_and_comes_back_when_it_is_readmitted() {
    let mut stack = Stack::builder().start().await;
    let web = stack.web();
    let listed = stack.said(&["host", "list"]);
    for reader in ["sysmaint", "alice"] {
        assert!(listed.contains(&format!("diagprobe  heard by {reader} 20")), "{listed}");
    }
    let unasked = stack.command(&["host", "remove", "diagprobe"]);
    assert_eq!(unasked.status.code(), Some(64), "nobody was asked, and it was done");
    let removed = stack.said(&["host", "remove", "diagprobe", "--yes", "--json"]);
    let removed: serde_json::Value = serde_json::from_str(&removed).unwrap();
    assert_eq!(removed["revoked_devices"], 1);
    assert_eq!(removed["forgotten_by"], serde_json::json!(["sysmaint", "alice"]));
    // Its login is in `nats.conf` and goes on: what it still sends is turned away, and counted.
    let turned_away =
        async || web.dead_letters().await.is_some_and(|count| count > 2).then_some(());
    eventually("what a removed host still sends", turned_away).await;
    assert_eq!(web.status().await.unwrap()["hosts"], serde_json::json!([]));
    assert_eq!(stack.said(&["host", "list", "--json"]).trim(), "[]");

    stack.said(&["device", "readmit", "diagprobe", "--yes"]);
    eventually("a sample of the host that is back", async || web.newest_sample().await).await;
    assert!(stack.stop().await);
}
