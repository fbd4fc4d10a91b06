//! `kill -9` of each service in turn, while the others go on.

use sysmaint_tests::{Service, Services};

use crate::{
    evidence::{Evidence, caught_up},
    first_chat::first_chat,
    random::Moments,
    traffic::Traffic,
};

#[tokio::test(flavor = "multi_thread")]
async fn each_service_can_be_killed_amid_traffic_and_nothing_is_lost_or_doubled() {
    let mut moments = Moments::new("kills of services");
    let mut services = Services::start().await;
    let web = services.web();
    let traffic = Traffic::start(&web);
    for service in [Service::Relay, Service::Agent, Service::Probe, Service::Web, Service::Nats] {
        moments.pass(200..1500).await;
        services.kill(service);
        moments.pass(50..800).await;
        services.launch(service);
        first_chat(&web, &format!("kill -9 of {service:?}")).await;
    }
    caught_up(&web).await;
    let ledger = traffic.stop().await;
    let prompts = ledger.check(5).await;
    check_stores(services, prompts).await;
}

/// Stops everything and looks into the stores; returns the agent's view and alice's.
pub(crate) async fn check_stores(mut services: Services, prompts: usize) -> [Evidence; 2] {
    let link = services.web().get("/api/status/link").await.unwrap();
    assert_eq!(link["dead_letters"], 0, "{link}");
    for service in [Service::Probe, Service::Agent, Service::Web, Service::Relay] {
        services.kill(service);
    }
    let (data, passphrase) = (services.data(), "a passphrase for a test");
    let agent = Evidence::of(&data, "agent.db", passphrase).await;
    agent.check_complete().check_answers(prompts);
    let alice = Evidence::of(&data, "state.db", passphrase).await;
    alice.check_complete();
    [agent, alice]
}
