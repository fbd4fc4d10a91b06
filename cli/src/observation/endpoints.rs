//! How the devices of a service are doing, as numbers. Who they are is not said: a service with
//! two devices has one set of numbers.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use sysmaint_endpoint::Endpoint;
use sysmaint_protocol::{Timestamp, body::Usage};
use sysmaint_service::metrics::Metrics;
use sysmaint_store::{SqlError, View, WriteError};
use tokio_util::task::AbortOnDropHandle;

/// How often the store is asked. Whoever reads the numbers must not wait for it.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// What was last found.
#[derive(Clone, Debug, Default)]
struct Found {
    registered: bool,
    receiving: bool,
    stands_by: bool,
    last_sent: Option<Timestamp>,
    last_opened: Option<Timestamp>,
    outbox: u64,
    held: u64,
    missing: u64,
    dead_letters: Vec<(String, u64)>,
    usage: Option<Usage>,
}

/// Shows numbers of these devices, which share one store, as those of `service`, until the handle
/// is dropped.
pub(crate) fn watch(
    metrics: &Metrics,
    service: &'static str,
    endpoints: Vec<Endpoint>,
) -> AbortOnDropHandle<()> {
    let latest = Arc::new(Mutex::new(Found::default()));
    register(metrics, service, &latest);
    AbortOnDropHandle::new(tokio::spawn(async move {
        loop {
            match look(&endpoints).await {
                Ok(found) => *latest.lock().unwrap_or_else(PoisonError::into_inner) = found,
                Err(error) => tracing::debug!(service, %error, "the store could not be asked"),
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }))
}

async fn look(endpoints: &[Endpoint]) -> Result<Found, WriteError<SqlError>> {
    let Some(first) = endpoints.first() else { return Ok(Found::default()) };
    let slots: Vec<i64> = endpoints.iter().map(Endpoint::slot).collect();
    let read = move |view: &View<'_>| -> Result<Found, SqlError> {
        let (mut outbox, mut missing) = (0_u64, 0_u64);
        for slot in slots {
            outbox = outbox.saturating_add(view.outbox().waiting(slot)?.0);
            missing = missing.saturating_add(view.repairs().counts(slot)?.missing);
        }
        let (dead_letters, held) = (view.dead_letters().counts()?, view.dead_letters().held()?);
        let usage = view.usage().get()?;
        Ok(Found { outbox, held, missing, dead_letters, usage, ..Found::default() })
    };
    let stored = first.store().read(read).await?;
    let statuses: Vec<_> = endpoints.iter().map(|each| each.status().borrow().clone()).collect();
    Ok(Found {
        registered: statuses.iter().all(|status| status.registered),
        receiving: statuses.iter().all(|status| status.receiving),
        stands_by: statuses.iter().any(|status| status.stands_by),
        last_sent: statuses.iter().filter_map(|status| status.last_sent).max(),
        last_opened: statuses.iter().filter_map(|status| status.last_opened).max(),
        ..stored
    })
}

fn register(metrics: &Metrics, service: &'static str, latest: &Arc<Mutex<Found>>) {
    let gauge = |name, description, value: fn(&Found) -> Option<f64>| {
        let latest = Arc::clone(latest);
        metrics.gauge(name, description, move |observe| {
            let found = latest.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(value) = value(&found) {
                observe(value, &[("service", service)]);
            }
        });
    };
    gauge("sysmaint_endpoint_registered", "1 once the directory knows the devices", |found| {
        Some(flag(found.registered))
    });
    gauge("sysmaint_endpoint_receiving", "1 while the mailboxes are open", |found| {
        Some(flag(found.receiving))
    });
    gauge("sysmaint_endpoint_standing_by", "1 while another process serves a device", |found| {
        Some(flag(found.stands_by))
    });
    gauge("sysmaint_endpoint_outbox_envelopes", "sealed and not yet confirmed", |found| {
        Some(number(found.outbox))
    });
    gauge("sysmaint_endpoint_held_envelopes", "held for a changed identity key", |found| {
        Some(number(found.held))
    });
    gauge(
        "sysmaint_endpoint_missing_messages",
        "never arrived, as far as the sequences of later ones tell",
        |found| Some(number(found.missing)),
    );
    gauge(
        "sysmaint_endpoint_last_sent_timestamp_seconds",
        "when an envelope was last confirmed, in seconds since 1970",
        |found| found.last_sent.map(seconds),
    );
    gauge(
        "sysmaint_endpoint_last_opened_timestamp_seconds",
        "when an envelope was last opened, in seconds since 1970",
        |found| found.last_opened.map(seconds),
    );
    let dead = Arc::clone(latest);
    metrics.counter(
        "sysmaint_endpoint_dead_letters",
        "envelopes that could not be opened or were turned away",
        move |observe| {
            let found = dead.lock().unwrap_or_else(PoisonError::into_inner);
            for (reason, count) in &found.dead_letters {
                observe(*count, &[("service", service), ("reason", reason)]);
            }
        },
    );
    // The agent's own numbers; the web server's copy of them would count everything twice.
    if service == "agent" {
        register_usage(metrics, latest);
    }
}

fn register_usage(metrics: &Metrics, latest: &Arc<Mutex<Found>>) {
    let usage = |latest: &Mutex<Found>| {
        latest.lock().unwrap_or_else(PoisonError::into_inner).usage.unwrap_or_default()
    };
    let answers = Arc::clone(latest);
    metrics.counter("sysmaint_agent_answers", "answers since the last reset", move |observe| {
        observe(usage(&answers).answers, &[]);
    });
    let tokens = Arc::clone(latest);
    metrics.counter("sysmaint_agent_tokens", "tokens since the last reset", move |observe| {
        let usage = usage(&tokens);
        observe(usage.input_tokens, &[("direction", "input")]);
        observe(usage.output_tokens, &[("direction", "output")]);
    });
    let cost = Arc::clone(latest);
    metrics.sum("sysmaint_agent_cost_usd", "cost since the last reset", move |observe| {
        observe(usage(&cost).cost_usd, &[]);
    });
}

fn flag(set: bool) -> f64 {
    f64::from(u8::from(set))
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn number(count: u64) -> f64 {
    count as f64
}

fn seconds(time: Timestamp) -> f64 {
    number(time.as_millis()) / 1000.0
}
