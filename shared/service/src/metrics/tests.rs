use super::*;

fn metrics() -> Metrics {
    Metrics::start("1.2.3", None).unwrap()
}

#[test]
fn the_text_has_every_number_once_with_help_and_kind() {
    let metrics = metrics();
    metrics.counter("sysmaint_test_events", "what happened", |observe| {
        observe(3, &[("event", "one")]);
        observe(4, &[("event", "other")]);
    });
    metrics.histogram("sysmaint_test_duration", "s", "how long", &[0.1, 1.0]).record(0.5, &[]);
    let text = metrics.text();
    for line in [
        "# HELP sysmaint_test_events_total what happened",
        "# TYPE sysmaint_test_events_total counter",
        "sysmaint_test_events_total{event=\"one\"} 3",
        "sysmaint_test_events_total{event=\"other\"} 4",
        "# TYPE sysmaint_test_duration_seconds histogram",
        "sysmaint_test_duration_seconds_bucket{le=\"0.1\"} 0",
        "sysmaint_test_duration_seconds_bucket{le=\"1\"} 1",
        "sysmaint_build_info{version=\"1.2.3\"} 1",
    ] {
        assert_eq!(text.lines().filter(|found| *found == line).count(), 1, "{line}\n{text}");
    }
    for name in ["resident_memory_bytes", "cpu_seconds_total", "open_fds", "start_time_seconds"] {
        assert!(text.contains(&format!("\nsysmaint_process_{name} ")), "{name}\n{text}");
    }
}

#[test]
fn two_services_share_an_instrument() {
    let metrics = metrics();
    for (service, value) in [("relay", 1.0), ("web", 2.0)] {
        metrics.gauge("sysmaint_test_open", "open", move |observe| {
            observe(value, &[("service", service)]);
        });
    }
    let text = metrics.text();
    assert!(text.contains("sysmaint_test_open{service=\"relay\"} 1\n"), "{text}");
    assert!(text.contains("sysmaint_test_open{service=\"web\"} 2\n"), "{text}");
    assert_eq!(text.matches("# TYPE sysmaint_test_open ").count(), 1, "{text}");
}
