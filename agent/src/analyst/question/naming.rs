//! Which hosts a question names.

use sysmaint_protocol::Handle;

use super::Topic;
use crate::analyst::period;

/// Hosts that one question can name.
const NAMED_MAX: usize = 6;

pub(super) fn named(words: &[&str], hosts: &[Handle]) -> Vec<Handle> {
    let mut named: Vec<Handle> = Vec::new();
    for host in words.iter().filter_map(|word| host_of(word, hosts)) {
        if !named.contains(host) && named.len() < NAMED_MAX {
            named.push(host.clone());
        }
    }
    named
}

/// The host that a word means: by its name, or by the end of it if that is clear. A word that
/// names a topic means a host only by its whole name.
pub(super) fn host_of<'a>(word: &str, hosts: &'a [Handle]) -> Option<&'a Handle> {
    if let Some(exact) = hosts.iter().find(|host| host.as_str() == word) {
        return Some(exact);
    }
    if Topic::of(word).is_some() || period::is_period(word) {
        return None;
    }
    let ends = |host: &&Handle| {
        host.as_str().strip_suffix(word).is_some_and(|before| before.ends_with('-'))
    };
    let mut ending = hosts.iter().filter(ends);
    let first = ending.next()?;
    ending.next().is_none().then_some(first)
}

/// A word where a host is expected that is shaped like one and is none of them. Without a digit
/// or a hyphen it could be any word, so that is not enough to contradict.
pub(super) fn unknown_host(words: &[&str], hosts: &[Handle]) -> Option<String> {
    let expected = |before: &str| {
        matches!(
            before,
            "on" | "for"
                | "host"
                | "server"
                | "machine"
                | "compare"
                | "and"
                | "vs"
                | "versus"
                | "with"
                | "between"
                | "is"
                | "of"
                | "does"
        )
    };
    let device = |word: &str| {
        ["eth", "ens", "enp", "sd", "vd", "nvme", "load", "ipv", "wlan", "docker", "br-"]
            .iter()
            .any(|prefix| word.starts_with(prefix))
    };
    let shaped = |word: &str| {
        word.starts_with(|first: char| first.is_ascii_alphabetic())
            && word.contains(|character: char| character.is_ascii_digit() || character == '-')
            && word.contains(|character: char| character.is_ascii_digit())
            && word.parse::<Handle>().is_ok()
    };
    let pair = words.windows(2).find(|pair| {
        let word = pair[1];
        expected(pair[0]) && shaped(word) && !device(word) && host_of(word, hosts).is_none()
    })?;
    Some(pair[1].to_owned())
}
