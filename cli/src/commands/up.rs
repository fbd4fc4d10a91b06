//! `sysmaint up`: everything in one process, beside a nats-server of its own.

mod server_health;

use std::{sync::Arc, time::Duration};

use sysmaint_agent::run as run_agent;
use sysmaint_bus::{NatsServer, NatsServerConfig};
use sysmaint_probe::run as run_probe;
use sysmaint_relay_bridge::{Audit, Parts, run as run_relay};
use sysmaint_service::{
    data_dir::DataDir, http_server::Listener, metrics::Metrics, supervisor::Supervisor,
};
use sysmaint_store::Store;
use sysmaint_web::{Backend, SealedBackend, backend::Event};
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use super::{STOP_WITHIN, nats_context, relay, web};
use crate::{
    data_files,
    desk::{Desk, socket},
    device,
    device::Broker,
    failure::Failure,
    keyring::{self, Service},
    observation,
    settings::Settings,
    source,
};

/// After this long without a sample, something is said.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Runs everything until the token is cancelled.
pub(crate) async fn run(
    settings: Settings,
    metrics: Metrics,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    // What can fail at once fails before anything is started.
    let relay_listener =
        sysmaint_relay_bridge::bind(&settings.relay).await.map_err(Failure::unavailable)?;
    let web_listener = sysmaint_web::bind(&settings.web).await.map_err(Failure::unavailable)?;
    let data = data_files::open(&settings)?;
    let stores = Stores::open(&settings, &data).await?;
    let users = keyring::users(&settings, &data)?;
    let server = match settings.nats.url {
        Some(_) => None,
        None => Some(start_server(&settings, &data, users).await?),
    };
    let broker = match &server {
        Some(server) => Broker::local(server.url()),
        None => super::broker(&settings),
    };
    let listeners = Listeners { relay: relay_listener, web: web_listener };
    let services =
        run_services(settings, &data, stores, &broker, listeners, metrics, shutdown.clone());
    let services = Box::pin(services);
    let Some(server) = server else { return services.await };
    let outcome = tokio::select! {
        outcome = services => outcome,
        never = server_health::keep_writable(&server, &data, &shutdown) => match never {},
    };
    server.stop().await;
    outcome
}

struct Listeners {
    relay: Listener,
    web: Listener,
}

struct Stores {
    audit: Audit,
    authority: sysmaint_device::authority::Authority,
    agent: Store,
    probe: Store,
    web: Store,
}

impl Stores {
    /// All at once: each derives its own key.
    async fn open(settings: &Settings, data: &DataDir) -> Result<Self, Failure> {
        let passphrase = data_files::passphrase(settings, data)?;
        let open = |name| device::open_store(data.join(name), passphrase.clone());
        let authority = relay::authority(data.join(data_files::AUTHORITY), passphrase.clone());
        let audit = relay::open_audit(data_files::audit(settings, data), passphrase.clone());
        let (audit, authority, agent, probe, web) = tokio::join!(
            audit,
            authority,
            open(data_files::AGENT),
            open(data_files::PROBE),
            open(data_files::WEB),
        );
        Ok(Self { audit: audit?, authority: authority?, agent: agent?, probe: probe?, web: web? })
    }
}

async fn start_server(
    settings: &Settings,
    data: &DataDir,
    users: Vec<sysmaint_bus::conf::NatsUser>,
) -> Result<NatsServer, Failure> {
    let mut config = NatsServerConfig::new(data.path().to_owned(), settings.nats.port, users);
    config.durability = settings.nats.durability;
    config.issuer = Some(keyring::issuer(data)?.public_key().to_owned());
    let server = NatsServer::start(config).await.map_err(Failure::unavailable)?;
    nats_context::write(data, &server.url(), None)?;
    tracing::info!(url = server.url(), pid = server.pid(), adopted = server.was_adopted(), "nats");
    Ok(server)
}

async fn run_services(
    settings: Settings,
    data: &DataDir,
    stores: Stores,
    broker: &Broker,
    listeners: Listeners,
    metrics: Metrics,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    let root = stores.authority.trust_root();
    data_files::write_trust_root(data, &root)?;
    let bus = async |service| {
        let credentials = keyring::credentials(&settings, data, service)?;
        device::connect(broker, credentials, service, &shutdown).await
    };
    let relay_bus = bus(Service::Relay).await?;
    let (agent_bus, probe_bus) = (bus(Service::Agent).await?, bus(Service::Probe).await?);
    let (web_bus, tap_bus) = (bus(Service::Web).await?, bus(Service::Tap).await?);
    let agent =
        device::endpoint(&settings.agent.identity, &stores.agent, &agent_bus, &root).await?;
    let probe =
        device::endpoint(&settings.probe.identity, &stores.probe, &probe_bus, &root).await?;
    let web::Devices { backend, desk, watch: _web_watch } =
        web::devices(&settings, &stores.web, &web_bus, &root, &metrics).await?;
    let _desks = [
        socket::open(data, Service::Agent, Desk::new(vec![agent.clone()])),
        socket::open(data, Service::Probe, Desk::new(vec![probe.clone()])),
        socket::open(data, Service::Web, desk),
    ];
    let _agent_watch = observation::watch(&metrics, "agent", vec![agent.clone()]);
    let _probe_watch = observation::watch(&metrics, "probe", vec![probe.clone()]);
    let tap = web::watch(&settings, &tap_bus, &shutdown).await;
    let mut relay_config = settings.relay.clone();
    relay_config.durability = relay::durability(broker, data, &shutdown).await;

    let mut supervisor = Supervisor::new(shutdown.clone());
    let parts = Parts {
        audit: stores.audit,
        authority: Arc::new(stores.authority),
        bus: relay_bus,
        callout: relay::callout(broker, data, &shutdown).await,
        kick: relay::kick(broker, data, &shutdown).await,
        listener: listeners.relay,
        metrics: metrics.clone(),
        source: source::ARCHIVE,
    };
    supervisor.spawn("relay", run_relay(relay_config, parts, shutdown.clone()));
    supervisor.spawn("agent", run_agent(settings.agent.clone(), agent, shutdown.clone()));
    supervisor.spawn("probe", run_probe(settings.probe.clone(), probe, shutdown.clone()));
    let url = listeners.web.url().ok();
    let announcer = tokio::spawn(announce(backend.clone(), stores.agent, url, shutdown.clone()));
    let token = shutdown.clone();
    supervisor.spawn("web", async move {
        let served = web::serve(&settings, listeners.web, backend, tap, metrics, token).await;
        served.map_err(Failure::into_error)
    });
    let outcome = supervisor.join(STOP_WITHIN).await;
    announcer.abort();
    outcome.map_err(Failure::unavailable)
}

/// A question that is asked at once should find something to talk about.
async fn agent_has_a_sample(agent: &Store) {
    let hosts = || agent.read(|view| view.telemetry().hosts());
    while hosts().await.is_ok_and(|hosts| hosts.is_empty()) {
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Prints `ready http://…`, or `https`, on standard output once a sample has come all the way, to the pages
/// and to the agent.
#[expect(clippy::print_stdout, reason = "the one line that scripts wait for")]
async fn announce(
    backend: SealedBackend,
    agent: Store,
    url: Option<String>,
    shutdown: CancellationToken,
) {
    let mut events = backend.events();
    let first_sample = async {
        loop {
            match events.recv().await {
                Ok(Event::Host(_)) => return agent_has_a_sample(&agent).await,
                Err(RecvError::Closed) => return std::future::pending().await,
                Ok(_) | Err(RecvError::Lagged(_)) => {}
            }
        }
    };
    let slow = async {
        tokio::time::sleep(PATIENCE).await;
        tracing::warn!("no sample has arrived yet; the lines above say what is waited for");
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = slow => {}
        () = first_sample => {
            if let Some(url) = url {
                println!("ready {url}");
            }
        }
    }
}
