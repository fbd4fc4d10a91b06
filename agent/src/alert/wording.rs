//! Alerts in words: one line of what is so, and one of what may cause it.

use std::time::Duration;

use sysmaint_protocol::{
    Timestamp,
    alert::LINE_MAX,
    sample::{Disk, Network, Sample},
};

use crate::{
    anomaly::cause_of,
    host_text::HostText,
    metric::Metric,
    wording::{bytes, duration, percent, time, value},
};

/// An average over its limit.
pub(super) fn above(metric: Metric, average: f64, limit: f64, over: Duration) -> String {
    let told = |number| value(number, metric.unit());
    let (label, over) = (metric.label(), duration(over));
    format!("{label} averaged {} over {over}, the limit is {}", told(average), told(limit))
}

/// What may have driven a metric up in the latest of `samples`.
pub(super) fn above_cause(metric: Metric, newest: &Sample, samples: &[Sample]) -> Option<String> {
    match metric {
        Metric::DiskUsedPercentMax => {
            newest.disks.iter().max_by(|one, other| share(one).total_cmp(&share(other))).map(full)
        }
        Metric::ReceivedBytesPerS => busiest(newest, |network| network.received_bytes_per_s),
        Metric::SentBytesPerS => busiest(newest, |network| network.sent_bytes_per_s),
        _ => cause_of(metric, newest, samples).map(|cause| cause.phrase(metric)),
    }
}

/// Nothing was heard.
pub(super) fn silent(last_seen: Timestamp, after: Duration) -> String {
    let (at, after) = (time(last_seen), duration(after));
    format!("nothing was heard for {after}, the last time at {at}")
}

/// What the last sample said, which may be why it was the last.
pub(super) fn silent_cause(newest: &Sample) -> String {
    let last: Vec<_> = Metric::ALL
        .into_iter()
        .filter_map(|metric| {
            Some(format!("{} {}", metric.label(), value(metric.value(newest)?, metric.unit())))
        })
        .take(5)
        .collect();
    let last = if last.is_empty() { "no numbers".to_owned() } else { last.join(", ") };
    format!("unknown; its last sample said: {last}")
}

/// At most as long as an alert's lines may be.
pub(super) fn bounded(mut line: String) -> String {
    if line.len() > LINE_MAX {
        line.truncate(line.floor_char_boundary(LINE_MAX - '…'.len_utf8()));
        line.push('…');
    }
    line
}

fn full(disk: &Disk) -> String {
    let free = disk.total_bytes.saturating_sub(disk.used_bytes);
    let (mount, total) = (HostText::new(&disk.mount).code(), bytes(disk.total_bytes));
    format!("{mount} is {} full, {} of {total} are free", percent(share(disk)), bytes(free))
}

fn share(disk: &Disk) -> f64 {
    disk.used_percent().unwrap_or_default()
}

fn busiest(newest: &Sample, rate: impl Fn(&Network) -> Option<f64>) -> Option<String> {
    let rates = newest.networks.iter().filter_map(|network| Some((network, rate(network)?)));
    let (network, rate) = rates.max_by(|one, other| one.1.total_cmp(&other.1))?;
    let rate = value(rate, Metric::ReceivedBytesPerS.unit());
    Some(format!("{} with {rate}", HostText::new(&network.interface).code()))
}
