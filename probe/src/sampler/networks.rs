//! Network interfaces.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use sysmaint_protocol::sample::Network;

use super::{Elapsed, name::plain, rate::per_second};

/// Interfaces in a sample.
pub(super) const NETWORKS_MAX: usize = 64;

/// Bytes of an interface's name; Linux has at most 15.
pub(super) const INTERFACE_MAX: usize = 64;

/// All interfaces in one file; the directories in `/sys` take a dozen for each.
const COUNTERS: &str = "proc/self/net/dev";

/// The interfaces and their counters at the sample before.
pub(super) struct Networks {
    file: PathBuf,
    before: HashMap<String, Counters>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Counters {
    received: u64,
    sent: u64,
    errors: u64,
}

impl Networks {
    /// Of the host whose files these are.
    pub(super) fn below(root: &Path) -> Self {
        Self { file: root.join(COUNTERS), before: HashMap::new() }
    }

    /// Reads all interfaces.
    pub(super) fn read(&mut self, elapsed: Elapsed) -> Vec<Network> {
        let read = fs::read(&self.file).unwrap_or_default();
        self.take(&String::from_utf8_lossy(&read), elapsed)
    }

    fn take(&mut self, read: &str, elapsed: Elapsed) -> Vec<Network> {
        let mut now: Vec<_> = read.lines().filter_map(interface).collect();
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

/// A line of the file: a name, then sixteen counters, of which the first eight are of what was
/// received. The lines of the heading have no such name.
fn interface(line: &str) -> Option<(String, Counters)> {
    let (name, counters) = line.rsplit_once(':')?;
    let counters: Vec<u64> =
        counters.split_ascii_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
    let counters = Counters {
        received: *counters.first()?,
        sent: *counters.get(8)?,
        errors: counters.get(2)?.saturating_add(*counters.get(10)?),
    };
    Some((plain(name, INTERFACE_MAX), counters))
}

fn rank(interface: &str) -> (bool, &str) {
    (interface.starts_with("veth"), interface)
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
    fn an_interface_is_read_from_its_line() {
        let file = "Inter-|   Receive                        |  Transmit\n \
             face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets\n    \
             lo: 1000 10 0 0 0 0 0 0 1000 10 0 0 0 0 0 0\n  eth0: 5000 9 2 1 0 0 0 7 700 8 3 0 0 0 0 0\n\
             bad0: 1 2 x\n";
        let mut networks = Networks::below(Path::new("/"));
        let first = networks.take(file, None);
        let names: Vec<_> = first.iter().map(|network| network.interface.as_str()).collect();
        assert_eq!(names, ["eth0", "lo"]);
        assert_eq!(networks.before["eth0"], at(5_000, 700, 5));
    }

    #[test]
    fn interfaces_that_cannot_be_read_are_absent() {
        let mut networks = Networks::below(Path::new("/no such place"));
        assert_eq!(networks.read(TEN_SECONDS), []);
    }

    #[test]
    fn virtual_pairs_rank_behind_real_interfaces() {
        let mut names = ["veth01", "wlan0", "eth0", "lo"];
        names.sort_unstable_by_key(|name| rank(name));
        assert_eq!(names, ["eth0", "lo", "wlan0", "veth01"]);
    }
}
