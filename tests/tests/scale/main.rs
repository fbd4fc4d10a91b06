//! What a bridge holds: ten thousand open WebSockets over a hundred thousand mailboxes, and how
//! fast a message passes through one. Prints numbers, and asserts only that nothing is missing.
//!
//! Too long for every run: `make test-heavy`.
#![expect(clippy::unwrap_used, clippy::print_stdout, clippy::panic, reason = "a test that reports")]

mod client;
mod crowd;
mod latency;
mod mailboxes;

use std::time::{Duration, Instant};

use sysmaint_tests::{Process, Service, Services, Web, eventually_within};

/// Setting up takes minutes, not seconds.
const PATIENCE: Duration = Duration::from_mins(5);

/// Services without probe, agent and web, and without the limits that one machine alone meets.
fn relay_alone(durability: &str) -> Services {
    let settings = [
        ("SYSMAINT_DURABILITY", durability),
        ("RELAY_MAX_SOCKETS", "12000"),
        ("RELAY_MAX_CONNECTIONS", "16000"),
        ("RELAY_MAX_CONNECTIONS_PER_PEER", "16000"),
        ("RELAY_MESSAGE_BURST", "100000"),
        ("RELAY_MESSAGES_PER_S", "100000"),
    ];
    let with = |services: sysmaint_tests::ServicesBuilder, (name, value): (&str, &str)| {
        services.with(name, value)
    };
    let mut services = settings.into_iter().fold(Services::builder(), with).prepare();
    services.launch(Service::Nats);
    services.launch(Service::Relay);
    services
}

async fn ready(relay: &Web) -> Duration {
    let started = Instant::now();
    eventually_within(PATIENCE, "a relay that is ready", async || relay.get("/readyz").await).await;
    started.elapsed()
}

fn megabytes(process: &Process) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let bytes = process.memory_bytes() as f64;
    bytes / 1e6
}

/// The value below which so many percent lie.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
}
