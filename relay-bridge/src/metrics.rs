//! The bridge's own numbers; those of its listener are the listener's.

use std::sync::Arc;

use sysmaint_bus::Bus;
use sysmaint_service::metrics::Metrics;

use crate::counters::Counters;

/// Adds what the bridge counts and how it is connected.
pub(crate) fn register(metrics: &Metrics, counters: &Arc<Counters>, bus: &Bus) {
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
}
