//! The bridge's own numbers; those of its listener are the listener's.

use std::sync::Arc;

use sysmaint_bus::Bus;
use sysmaint_service::metrics::Metrics;

use crate::{counters::Counters, socket::Sockets};

/// Adds what the bridge counts and how it is connected.
pub(crate) fn register(
    metrics: &Metrics,
    counters: &Arc<Counters>,
    bus: &Bus,
    sockets: &Arc<Sockets>,
) {
    let counters = Arc::clone(counters);
    metrics.counter(
        "sysmaint_relay_events",
        "what the relay has done and refused",
        move |observe| {
            for (event, count) in counters.all() {
                observe(count, &[("event", event)]);
            }
        },
    );
    let bus = bus.clone();
    metrics.gauge("sysmaint_relay_nats_connected", "1 while NATS is connected", move |observe| {
        observe(f64::from(u8::from(bus.is_connected())), &[]);
    });
    let sockets = Arc::clone(sockets);
    metrics.gauge("sysmaint_relay_sockets", "open WebSockets", move |observe| {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let open = sockets.count() as f64;
        observe(open, &[]);
    });
}
