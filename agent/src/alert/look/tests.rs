use super::*;
use crate::telemetry::made::Made;

fn look(made: &Made, rules: &str) -> Vec<Observed> {
    look_since(made, rules, made.now().before(Duration::from_hours(48)))
}

fn look_since(made: &Made, rules: &str, hearing_since: Timestamp) -> Vec<Observed> {
    let (rules, view) = (rules.parse().unwrap(), made.view());
    let mut eye = Eye {
        telemetry: view.telemetry,
        rules: &rules,
        silent_after: view.silent_after,
        searched: &mut BTreeMap::new(),
    };
    eye.look(made.now(), hearing_since).unwrap()
}

fn of<'a>(observed: &'a [Observed], host: &str) -> &'a Observed {
    observed.iter().find(|one| one.host.as_str() == host).unwrap()
}

fn firing(observed: &[Observed], host: &str) -> bool {
    !of(observed, host).firing.is_empty()
}

const CPU: &str = "cpu_percent>90/10m";

#[test]
fn an_average_over_its_limit_fires_and_names_the_process() {
    let mut made = Made::two_hosts();
    made.course("web2", 61, 10, |sample, _| {
        sample.cpu_percent = Some(95.0);
        let busy = &mut sample.processes.as_mut().unwrap().top_cpu[0];
        (busy.name, busy.cpu_percent) = ("cc1plus`<b>".into(), 380.0);
    });
    made.course("web1", 61, 10, |sample, _| sample.cpu_percent = Some(20.0));
    let observed = look(&made, CPU);

    assert!(!firing(&observed, "web1"));
    let reading = &of(&observed, "web2").firing[""];
    assert_eq!(reading.summary, "CPU averaged 95% over 10 min, the limit is 90%");
    let cause = reading.cause.as_ref().unwrap();
    assert!(cause.starts_with("`cc1plus'<b>` (pid"), "{cause}");
    assert!(cause.ends_with("with 380% of one core"), "{cause}");
}

#[test]
fn a_peak_is_not_an_average() {
    let mut made = Made::two_hosts();
    made.course("web1", 61, 10, |sample, index| {
        sample.cpu_percent = Some(if index > 55 { 100.0 } else { 10.0 });
    });
    assert!(!firing(&look(&made, CPU), "web1"));
}

#[test]
fn between_its_limit_and_relief_nothing_is_said() {
    let mut made = Made::named(&["web1"]);
    made.course("web1", 61, 10, |sample, _| sample.cpu_percent = Some(89.0));
    assert!(look(&made, CPU).is_empty());
}

#[test]
fn samples_that_do_not_cover_the_stretch_say_nothing() {
    let mut made = Made::named(&["web1"]);
    made.course("web1", 20, 10, |sample, _| sample.cpu_percent = Some(99.0));
    assert!(look(&made, CPU).is_empty(), "three minutes are not ten");
    made.course("web1", 61, 10, |sample, _| sample.cpu_percent = None);
    assert!(look(&made, CPU).is_empty(), "unknown is not zero");
}

#[test]
fn a_silent_host_fires_and_its_numbers_say_nothing_any_more() {
    let mut made = Made::named(&["web1"]);
    made.course("web1", 61, 10, |sample, _| sample.cpu_percent = Some(99.0));
    made.hush("web1", 300);
    let observed = look(&made, "silent/2m!,cpu_percent>90/10m");
    assert_eq!(observed.len(), 1);
    let reading = &observed[0].firing[""];
    assert!(reading.summary.starts_with("nothing was heard for 2 min"), "{}", reading.summary);
    assert!(reading.cause.as_ref().unwrap().contains("CPU 99%"));
}

#[test]
fn whoever_has_just_begun_to_listen_calls_nobody_silent() {
    let mut made = Made::named(&["web1"]);
    made.hush("web1", 300);
    let lately = made.time_before(60);
    assert!(look_since(&made, "silent/2m", lately).is_empty());
    let observed = look_since(&made, "silent/2m", made.time_before(121));
    assert!(firing(&observed, "web1"));
}

#[test]
fn an_anomaly_fires_when_it_has_lasted_and_not_what_a_rule_watches() {
    let mut made = Made::named(&["web1"]);
    made.course("web1", 1_000, 30, |sample, index| {
        sample.load_1 = Some(if index > 940 { 12.0 } else { 0.5 });
        sample.cpu_cores_percent = vec![1.0; 4];
    });
    let observed = look(&made, "anomaly/10m");
    let firing = &of(&observed, "web1").firing;
    assert!(firing.keys().any(|subject| subject.starts_with("load_1")), "{firing:?}");
    let observed = look(&made, "anomaly/45m");
    assert!(of(&observed, "web1").firing.is_empty(), "it has not lasted so long");
    let observed = look(&made, "anomaly/10m,load_1>8/10m");
    let anomalies = observed.iter().find(|one| one.rule == "anomaly/10m".parse().unwrap());
    assert!(anomalies.unwrap().firing.is_empty(), "the other rule tells it");
}
