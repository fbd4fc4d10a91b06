//! Series whose truth is known.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "made series have small numbers"
)]

use super::*;
use crate::telemetry::made::{Made, noise};

const HOUR: u64 = 3_600;

/// `count` samples, one each `step` seconds up to now, changed by `change(sample, index)`.
fn judged(count: u64, step: u64, change: impl Fn(&mut Sample, u64)) -> Judgement {
    let mut made = Made::two_hosts();
    made.course("web1", count, step, change);
    let state = made.state("web1");
    let samples = made.view().telemetry.samples(
        &state.host,
        Timestamp::default(),
        made.view().now,
        usize::MAX,
    );
    judge(&state, &samples.unwrap(), made.view().now, Duration::from_mins(1))
}

fn only(judgement: &Judgement) -> &Finding {
    assert_eq!(judgement.findings.len(), 1, "{:#?}", judgement.findings);
    &judgement.findings[0]
}

#[test]
fn a_flat_series_is_not_unusual() {
    let judgement = judged(360, 10, |_, _| {});
    assert!(judgement.enough_history);
    assert!(judgement.findings.is_empty(), "{:#?}", judgement.findings);
}

#[test]
fn a_noisy_series_without_event_is_not_unusual() {
    for seed in 0..50 {
        let judgement = judged(720, 10, |sample, index| {
            let wave = noise(seed, index);
            sample.cpu_percent = Some((20.0 + 15.0 * wave) as f32);
            sample.load_1 = Some(0.5 + 0.4 * wave);
        });
        assert!(judgement.findings.is_empty(), "seed {seed}: {:#?}", judgement.findings);
    }
}

#[test]
fn a_spike_is_found_with_its_start_and_its_cause() {
    let judgement = judged(360, 10, |sample, index| {
        let busy = index >= 348;
        sample.cpu_percent = Some(if busy { 96.0 } else { 8.0 + (index % 3) as f32 });
        let top = &mut sample.processes.as_mut().unwrap().top_cpu[0];
        top.name = "backup".to_owned();
        top.cpu_percent = if busy { 190.0 } else { 3.0 };
    });
    let finding = only(&judgement);
    assert_eq!(finding.kind, Kind::Unusual);
    assert_eq!(finding.metric, Some(Metric::CpuPercent));
    assert_eq!((finding.value, finding.usual), (Some(96.0), Some(9.0)));
    assert_eq!(judgement.sample_time.since(finding.since).as_secs(), 110);
    assert_eq!(finding.likely_cause.as_ref().unwrap().process.as_str(), "backup");
    assert!(finding.score.unwrap() > 20.0);
}

#[test]
fn one_wild_sample_is_not_news() {
    let judgement = judged(360, 10, |sample, index| {
        sample.cpu_percent = Some(if index == 359 { 99.0 } else { 10.0 });
    });
    assert!(judgement.findings.is_empty(), "{:#?}", judgement.findings);
}

#[test]
fn a_spike_that_is_over_is_not_reported_as_present() {
    let judgement = judged(360, 10, |sample, index| {
        sample.cpu_percent = Some(if (100..150).contains(&index) { 99.0 } else { 10.0 });
    });
    assert!(judgement.findings.is_empty(), "{:#?}", judgement.findings);
}

#[test]
fn a_leak_is_found_and_its_end_foretold() {
    let judgement = judged(360, 60, |sample, index| {
        let total = sample.memory_total_bytes.unwrap();
        sample.memory_used_bytes = Some(total / 1_000 * (300 + index));
        let top = &mut sample.processes.as_mut().unwrap().top_memory[0];
        top.name = "leaky".to_owned();
        top.memory_bytes = total / 4;
    });
    let finding = only(&judgement);
    assert_eq!(finding.kind, Kind::Growing);
    assert_eq!(finding.metric, Some(Metric::MemoryUsedPercent));
    assert_eq!(finding.likely_cause.as_ref().unwrap().process.as_str(), "leaky");
    // 0.1 points a minute, and 34 points to go from the last stretch's median.
    let truth = 355.0 * 60.0;
    let foretold = finding.full_in_s.unwrap() as f64;
    assert!((foretold / truth - 1.0).abs() < 0.05, "{foretold} instead of {truth}");
    assert_eq!(finding.severity, Severity::Warning);
}

#[test]
fn waves_are_no_leak() {
    let judgement = judged(360, 60, |sample, index| {
        let total = sample.memory_total_bytes.unwrap();
        sample.memory_used_bytes = Some(total / 1_000 * (300 + index % 120));
    });
    assert!(judgement.findings.is_empty(), "{:#?}", judgement.findings);
}

#[test]
fn too_little_history_is_said_and_limits_still_hold() {
    let judgement = judged(12, 10, |sample, index| {
        sample.cpu_percent = Some(if index > 8 { 99.0 } else { 1.0 });
        sample.disks[0].used_bytes = sample.disks[0].total_bytes / 100 * 95;
    });
    assert!(!judgement.enough_history);
    let finding = only(&judgement);
    assert_eq!((finding.kind, finding.metric), (Kind::OverLimit, Some(Metric::DiskUsedPercentMax)));
    assert_eq!(finding.subject.as_ref().unwrap().as_str(), "/");
    assert_eq!(judgement.sample_time.since(finding.since).as_secs(), 110);
}

#[test]
fn many_samples_of_a_short_while_are_too_little_history() {
    assert!(!judged(60, 1, |_, _| {}).enough_history);
}

#[test]
fn every_limit_is_checked() {
    let judgement = judged(360, 10, |sample, _| {
        sample.memory_used_bytes = Some(sample.memory_total_bytes.unwrap() / 100 * 98);
        sample.swap_total_bytes = Some(1_000);
        sample.swap_used_bytes = Some(600);
        sample.load_1 = Some(4.1);
        sample.temperatures[0].celsius = 88.0;
        sample.disks[1].used_bytes = sample.disks[1].total_bytes / 100 * 99;
    });
    let found: Vec<_> = judgement.findings.iter().filter_map(|finding| finding.metric).collect();
    let limits = [
        Metric::MemoryUsedPercent,
        Metric::SwapUsedPercent,
        Metric::Load1,
        Metric::CelsiusMax,
        Metric::DiskUsedPercentMax,
    ];
    assert!(limits.iter().all(|metric| found.contains(metric)), "{found:?}");
    assert_eq!(found.len(), limits.len());
    assert_eq!(judgement.severity(), Some(Severity::Critical));
}

#[test]
fn without_a_count_of_cores_a_load_is_not_judged() {
    let judgement = judged(12, 10, |sample, _| {
        sample.load_1 = Some(50.0);
        sample.cpu_cores_percent.clear();
    });
    assert!(judgement.findings.is_empty());
}

#[test]
fn a_silent_host_is_found_and_its_old_numbers_are_not_news() {
    let mut made = Made::two_hosts();
    made.course("web1", 360, 10, |sample, index| {
        sample.cpu_percent = Some(if index > 300 { 99.0 } else { 1.0 });
    });
    made.hush("web1", 2 * HOUR);
    let state = made.state("web1");
    let samples = made.view().telemetry.samples(
        &state.host,
        Timestamp::default(),
        made.view().now,
        usize::MAX,
    );
    let judgement = judge(&state, &samples.unwrap(), made.view().now, Duration::from_mins(1));
    let finding = only(&judgement);
    assert_eq!((finding.kind, finding.since), (Kind::Silent, state.last_seen));
}

#[test]
fn a_job_of_every_hour_is_usual_and_a_spike_beside_it_is_not() {
    let busy = |index: u64| index % 60 < 6;
    let quiet = judged(1_440, 60, |sample, index| {
        sample.cpu_percent = Some(if busy(index + 57) { 85.0 } else { 10.0 + (index % 3) as f32 });
    });
    assert!(quiet.findings.is_empty(), "{:#?}", quiet.findings);
    let spiked = judged(1_440, 60, |sample, index| {
        let spike = index >= 1_430;
        let usual = if busy(index + 30) { 85.0 } else { 10.0 + (index % 3) as f32 };
        sample.cpu_percent = Some(if spike { 95.0 } else { usual });
    });
    assert_eq!(only(&spiked).metric, Some(Metric::CpuPercent));
}

#[test]
fn a_level_that_rose_and_stayed_on_a_restless_host_is_told_with_its_beginning() {
    let judgement = judged(720, 60, |sample, index| {
        let level = if index >= 660 { 58.0 } else { 30.0 };
        sample.cpu_percent = Some((level + 12.0 * noise(3, index)) as f32);
    });
    let finding = only(&judgement);
    assert_eq!((finding.kind, finding.metric), (Kind::Shifted, Some(Metric::CpuPercent)));
    let began = judgement.sample_time.since(finding.since).as_secs() / 60;
    assert!(began.abs_diff(59) <= 5, "{began} minutes ago");
    assert!(finding.score.unwrap() > 2.5);
}

#[test]
fn a_temperature_that_wavers_about_its_limit_is_one_finding() {
    let mut changes = 0;
    let mut before = false;
    for end in 100..360 {
        let found = judged(end, 10, |sample, index| {
            sample.temperatures[0].celsius = if index % 4 < 2 { 85.6 } else { 84.4 };
            if index < 60 {
                sample.temperatures[0].celsius = 84.0;
            }
            if (60..80).contains(&index) {
                sample.temperatures[0].celsius = 86.0;
            }
        });
        let over = found.findings.iter().any(|finding| finding.kind == Kind::OverLimit);
        changes += usize::from(over != before);
        before = over;
    }
    assert_eq!(changes, 1, "it begins once and does not end");
}

#[test]
fn the_process_that_grew_is_the_cause_and_not_the_largest() {
    let judgement = judged(360, 10, |sample, index| {
        let busy = index >= 330;
        sample.cpu_percent = Some(if busy { 96.0 } else { 50.0 });
        let top = &mut sample.processes.as_mut().unwrap().top_cpu;
        top[0].name = "database".to_owned();
        top[0].cpu_percent = 100.0;
        top[1].name = if busy { "report" } else { "cron" }.to_owned();
        top[1].cpu_percent = if busy { 90.0 } else { 1.0 };
    });
    assert_eq!(only(&judgement).likely_cause.as_ref().unwrap().process.as_str(), "report");
}
