//! Everything that is said in a deployment, and an onlooker who sees all of it pass.

use std::{os::unix::process::CommandExt as _, process::Command};

use sysmaint_tests::{
    FixedModel, Process, RawNats, RemoteDevice, Service, Services, canary, eventually, plain_canary,
};
use tempfile::TempDir;

use crate::{ALICE, CAROL, ROBERTA};

/// Everything that was said while an onlooker watched from the first moment.
pub(crate) struct Evidence {
    pub(crate) services: Services,
    pub(crate) wire: RawNats,
    pub(crate) secrets: Vec<(&'static str, String)>,
    _busy: Busy,
    _model: FixedModel,
}

/// A program with a name that nobody else has, and so busy that telemetry names it.
struct Busy {
    _process: Process,
    _directory: TempDir,
}

impl Evidence {
    /// Chat, direct messages, telemetry and a device on the relay, with a secret in each.
    pub(crate) async fn gather() -> Self {
        let (prompt, answer) = (canary(), canary());
        let model = FixedModel::start(&format!("all is well, {answer}")).await;
        let mut services = Services::builder()
            .with("ALICE_ID", ALICE)
            .with("BOB_ID", ROBERTA)
            .with("OPENAI_BASE_URL", model.url())
            .with("RUST_LOG", "trace")
            .prepare();
        services.launch(Service::Nats);
        let wire = services.onlooker().await;
        wire.subscribe(">").await;
        services.launch(Service::Relay);
        eventually("the relay", async || services.relay().get("/readyz").await).await;
        for service in [Service::Agent, Service::Probe, Service::Web] {
            services.launch(service);
        }
        services.ready().await;
        let busy = Busy::start();
        let web = services.web();
        let said = web.ask(&format!("and what about {prompt}?")).await.unwrap();
        assert!(said["reply"].as_str().unwrap().contains(&answer), "{said}");

        let mut secrets = vec![("prompt", prompt), ("answer", answer), ("process", busy.0)];
        for (from, to) in [(ALICE, ROBERTA), (ROBERTA, ALICE)] {
            let text = canary();
            web.send(from, to, &text).await.unwrap();
            received(&services, to, &text).await;
            secrets.push(("direct message", text));
        }
        let mut carol = RemoteDevice::enrol(services.relay(), CAROL).await;
        let text = canary();
        let sealed = carol.seal(ALICE, &text).await;
        assert_eq!(carol.send(&sealed).await, 202);
        received(&services, ALICE, &text).await;
        let reply = canary();
        web.send(ALICE, CAROL, &reply).await.unwrap();
        let carols = carol.mailbox().sealed();
        eventually("alice's message", async || {
            let mut mail = wire.seen().into_iter().filter(|seen| seen.subject == carols);
            mail.any(|seen| carol.open(&seen.payload).as_ref() == Some(&reply)).then_some(())
        })
        .await;
        let token = ("bearer token", carol.token().to_owned());
        let passphrase = ("passphrase", services.passphrase().to_owned());
        secrets.extend([("text to alice", text), ("text to carol", reply), token, passphrase]);
        let named = &secrets[2].1;
        eventually("the busy program in the telemetry", async || {
            web.status().await?.to_string().contains(named).then_some(())
        })
        .await;
        Self { services, wire, secrets, _busy: busy.1, _model: model }
    }
}

impl Busy {
    /// Its name, and the program while it runs.
    fn start() -> (String, Self) {
        let (name, directory) = (plain_canary(), TempDir::new().unwrap());
        let program = directory.path().join(&name);
        std::fs::copy("/bin/sh", &program).unwrap();
        let mut command = Command::new(program);
        command.arg0("sh").args(["-c", "while :; do :; done"]);
        let process = Process::start(command, directory.path(), "busy");
        (name.clone(), Self { _process: process, _directory: directory })
    }
}

async fn received(services: &Services, who: &str, text: &str) {
    eventually("the direct message", async || {
        let all = services.web().received(who).await?;
        all.iter().any(|(_, received)| received == text).then_some(())
    })
    .await;
}
