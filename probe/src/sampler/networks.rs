//! Network interfaces.

use std::collections::HashMap;

use sysinfo::NetworkData;
use sysmaint_protocol::sample::Network;

use super::{Elapsed, name::plain, rate::per_second};

/// Interfaces in a sample.
pub(super) const NETWORKS_MAX: usize = 64;

/// Bytes of an interface's name; Linux has at most 15.
pub(super) const INTERFACE_MAX: usize = 64;

/// The interfaces and their counters at the sample before.
pub(super) struct Networks {
    interfaces: Option<sysinfo::Networks>,
    before: HashMap<String, Counters>,
}

#[derive(Clone, Copy)]
struct Counters {
    received: u64,
    sent: u64,
    errors: u64,
}

impl Networks {
    pub(super) fn new() -> Self {
        Self { interfaces: sysinfo::Networks::new().ok(), before: HashMap::new() }
    }

    /// Reads all interfaces.
    pub(super) fn read(&mut self, elapsed: Elapsed) -> Vec<Network> {
        let Some(interfaces) = &mut self.interfaces else { return Vec::new() };
        interfaces.refresh(true);
        let mut now: Vec<_> = interfaces
            .iter()
            .map(|(name, data)| (plain(&name.to_string_lossy(), INTERFACE_MAX), counters(data)))
            .collect();
        // A host of containers has hundreds of virtual pairs; they go first where not all fit.
        now.sort_unstable_by(|(one, _), (other, _)| rank(one).cmp(&rank(other)));
        now.truncate(NETWORKS_MAX);
        let read =
            now.iter().map(|(name, now)| network(name, *now, self.before.get(name), elapsed));
        let read = read.collect();
        self.before.clear();
        self.before.extend(now);
        read
    }
}

fn rank(interface: &str) -> (bool, &str) {
    (interface.starts_with("veth"), interface)
}

fn counters(data: &NetworkData) -> Counters {
    Counters {
        received: data.total_received(),
        sent: data.total_transmitted(),
        errors: data.total_errors_on_received().saturating_add(data.total_errors_on_transmitted()),
    }
}

fn network(name: &str, now: Counters, before: Option<&Counters>, elapsed: Elapsed) -> Network {
    let since = before.copied().zip(elapsed);
    Network {
        interface: name.to_owned(),
        received_bytes_per_s: since
            .and_then(|(before, elapsed)| per_second(before.received, now.received, elapsed)),
        sent_bytes_per_s: since
            .and_then(|(before, elapsed)| per_second(before.sent, now.sent, elapsed)),
        errors: since.and_then(|(before, _)| now.errors.checked_sub(before.errors)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const TEN_SECONDS: Elapsed = Some(Duration::from_secs(10));

    fn at(received: u64, sent: u64, errors: u64) -> Counters {
        Counters { received, sent, errors }
    }

    #[test]
    fn rates_come_from_the_difference() {
        let read = network("eth0", at(3_000, 500, 3), Some(&at(1_000, 500, 1)), TEN_SECONDS);
        assert_eq!(read.received_bytes_per_s, Some(200.0));
        assert_eq!(read.sent_bytes_per_s, Some(0.0));
        assert_eq!(read.errors, Some(2));
    }

    #[test]
    fn a_new_interface_and_a_counter_begun_anew_have_no_rate() {
        let new = network("eth0", at(3_000, 500, 3), None, TEN_SECONDS);
        assert_eq!((new.received_bytes_per_s, new.errors), (None, None));
        let anew = network("eth0", at(10, 600, 0), Some(&at(1_000, 500, 1)), TEN_SECONDS);
        assert_eq!((anew.received_bytes_per_s, anew.errors), (None, None));
        assert_eq!(anew.sent_bytes_per_s, Some(10.0));
    }

    #[test]
    fn virtual_pairs_rank_behind_real_interfaces() {
        let mut names = ["veth01", "wlan0", "eth0", "lo"];
        names.sort_unstable_by_key(|name| rank(name));
        assert_eq!(names, ["eth0", "lo", "wlan0", "veth01"]);
    }
}
