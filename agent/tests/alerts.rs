//! Alerts over a real nats-server: what a host's samples set off reaches an operator once, sealed,
//! with its cause, and so does its end, whatever happens to the agent in between.

#![expect(clippy::unwrap_used, reason = "a test: a failure here is a failed test")]

use std::{sync::Arc, time::Duration};

use sysmaint_agent::Config;
use sysmaint_bus::{Mailbox, conf::Durability};
use sysmaint_endpoint::{Endpoint, Inbox};
use sysmaint_protocol::{
    Alert, ContentId, Handle, Kind, Timestamp,
    alert::{Severity, State},
    body::{self, NumberedSample, Telemetry},
    sample::{Process, Processes, Sample},
};
use sysmaint_service::config::{Layers, Reader};
use sysmaint_testkit::{Detour, Faults, Moment, Nats, Participant, World, eventually, open_store};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const AGENT: &str = "sysmaint";
/// Between two samples, and between two looks at most.
const STEP: Duration = Duration::from_secs(10);

/// A probe, an operator, and an agent that can be killed.
struct Stage {
    moment: Moment,
    world: World,
    mailbox: Arc<dyn Mailbox>,
    probe: Participant,
    inbox: Inbox,
    directory: TempDir,
    agent: Option<(Endpoint, JoinSet<()>)>,
    sequence: u64,
    alerts: &'static str,
    _alice: Participant,
    _nats: Nats,
}

impl Stage {
    async fn new(alerts: &'static str) -> Self {
        let nats = Nats::start(Durability::Process, &["alice", "diagprobe", AGENT]).await;
        let moment = Moment::default();
        let detour = Detour::new(1, Faults::default(), moment.clock());
        let world = World::at(moment.clock());
        let participant =
            async |handle| world.participant(handle, detour.to(nats.mailbox(handle).await)).await;
        let (probe, alice) = (participant("diagprobe").await, participant("alice").await);
        let mailbox = detour.to(nats.mailbox(AGENT).await);
        let mut stage = Self {
            moment,
            mailbox,
            probe,
            inbox: alice.inbox(),
            directory: TempDir::new().unwrap(),
            agent: None,
            sequence: 0,
            alerts,
            world,
            _alice: alice,
            _nats: nats,
        };
        stage.start_agent().await;
        Endpoint::meet(&stage.probe, &handle(AGENT)).await.unwrap();
        stage
    }

    async fn start_agent(&mut self) {
        let store = open_store(&self.directory.path().join("agent.db")).await;
        let config = self.world.endpoint_config(handle(AGENT), store, Arc::clone(&self.mailbox));
        let endpoint = Endpoint::start(config).await.unwrap();
        let variables = [("SYSMAINT_ALERTS".to_owned(), self.alerts.to_owned())];
        let config = Config::read(&mut Reader::new(Layers::new().variables(variables)));
        let running = endpoint.clone();
        let mut task = JoinSet::new();
        task.spawn(async move {
            sysmaint_agent::run(config, running, CancellationToken::new()).await.unwrap();
        });
        let receives = |status: &sysmaint_endpoint::Status| status.receiving;
        endpoint.status().wait_for(receives).await.unwrap();
        self.agent = Some((endpoint, task));
    }

    /// In the middle of whatever it does.
    async fn kill_agent(&mut self) {
        let (endpoint, mut task) = self.agent.take().unwrap();
        task.shutdown().await;
        drop(endpoint);
    }

    /// The probe takes and sends a sample, and the agent has it.
    async fn sample(&mut self, change: impl FnOnce(&mut Sample)) {
        self.moment.forward(STEP);
        let mut sample = Sample::empty(self.now());
        change(&mut sample);
        let taken_at = sample.taken_at;
        self.sequence += 1;
        let samples = vec![NumberedSample { sequence: self.sequence, sample }];
        let stream = ContentId::from_bytes([7; 16]);
        let telemetry = Telemetry { stream, samples, lost: Vec::new() };
        self.probe.send(&handle(AGENT), &telemetry).await.unwrap();
        let store = self.agent.as_ref().unwrap().0.store().clone();
        eventually("the agent has the sample", async || {
            let hosts = store.read(|view| view.telemetry().hosts()).await.unwrap();
            (hosts.first()?.sample.taken_at == taken_at).then_some(())
        })
        .await;
    }

    async fn samples(&mut self, count: usize, cpu_percent: f32) {
        for _ in 0..count {
            self.sample(|sample| {
                sample.cpu_percent = Some(cpu_percent);
                let busy = Process {
                    pid: 4_711,
                    name: "cc1plus".into(),
                    cpu_percent: cpu_percent * 4.0,
                    memory_bytes: 1 << 30,
                };
                let top_cpu = vec![busy];
                sample.processes = Some(Processes { count: 100, top_cpu, top_memory: Vec::new() });
            })
            .await;
        }
    }

    /// What is firing, by the agent's own ledger, once that is so many things.
    async fn firing(&self, count: usize) {
        let store = self.agent.as_ref().unwrap().0.store().clone();
        eventually("the agent's ledger", async || {
            let rows = store.read(|view| view.firing().all()).await.unwrap();
            (rows.len() == count).then_some(())
        })
        .await;
    }

    /// The next alert that reaches the operator.
    async fn told(&mut self) -> Alert {
        let message =
            tokio::time::timeout(Duration::from_mins(1), self.inbox.next()).await.unwrap();
        assert_eq!(message.kind, Kind::Alert);
        assert_eq!(message.sender_handle, handle(AGENT));
        body::decode(&message.body).unwrap()
    }

    fn now(&self) -> Timestamp {
        self.moment.clock().now()
    }
}

fn handle(text: &str) -> Handle {
    text.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_host_is_told_once_with_its_cause_and_its_end_too() {
    let mut stage = Stage::new("cpu_percent>90/10m").await;
    stage.samples(64, 97.0).await;
    stage.firing(1).await;
    // It may die before it has sealed what it found, or after.
    stage.kill_agent().await;
    stage.start_agent().await;
    let told = stage.told().await;
    assert_eq!((told.state, told.severity), (State::Firing, Severity::Warning));
    assert_eq!((told.host.as_str(), told.rule.as_str()), ("diagprobe", "cpu_percent>90/10m"));
    assert_eq!(told.summary, "CPU averaged 97% over 10 min, the limit is 90%");
    assert_eq!(told.cause.as_deref(), Some("`cc1plus` (pid 4711) with 388% of one core"));

    stage.samples(64, 5.0).await;
    stage.firing(0).await;
    let over = stage.told().await;
    assert_eq!((over.state, over.id), (State::Resolved, told.id));
    assert!(over.until.unwrap() > told.since);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_falls_silent_and_comes_back_is_told_both_times() {
    let mut stage = Stage::new("silent/2m!").await;
    stage.samples(3, 5.0).await;
    for _ in 0..14 {
        stage.moment.forward(STEP);
        tokio::task::yield_now().await;
    }
    stage.firing(1).await;
    let told = stage.told().await;
    assert_eq!((told.state, told.severity), (State::Firing, Severity::Critical));
    assert!(told.summary.starts_with("nothing was heard for 2 min"), "{}", told.summary);
    assert!(told.cause.unwrap().contains("CPU 5%"));

    stage.samples(1, 5.0).await;
    stage.moment.forward(Duration::from_secs(15));
    stage.firing(0).await;
    let over = stage.told().await;
    assert_eq!((over.state, over.id), (State::Resolved, told.id));
}
