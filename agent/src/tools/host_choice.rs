//! Which hosts a call is about.

use sysmaint_protocol::Handle;

use super::{ToolError, View};
use crate::telemetry::HostState;

/// Names in an error's list.
const NAMED_MAX: usize = 40;

/// The hosts that are meant, by name: the one that was named, or all.
pub(super) fn chosen(view: &View<'_>, host: Option<&Handle>) -> Result<Vec<HostState>, ToolError> {
    let mut hosts = view.telemetry.hosts()?;
    hosts.sort_by(|one, other| one.host.cmp(&other.host));
    let Some(name) = host else { return Ok(hosts) };
    match position(&hosts, name.as_str()) {
        Some(index) => Ok(vec![hosts.swap_remove(index)]),
        None => Err(ToolError::UnknownHost { host: name.to_string(), known: known(&hosts) }),
    }
}

/// The host of that name, or the only one whose name ends in it: `web1` for `diagprobe-web1`.
fn position(hosts: &[HostState], name: &str) -> Option<usize> {
    if let Some(exact) = hosts.iter().position(|state| state.host.as_str() == name) {
        return Some(exact);
    }
    let ends = |state: &HostState| {
        state.host.as_str().strip_suffix(name).is_some_and(|before| before.ends_with('-'))
    };
    let mut ending = hosts.iter().enumerate().filter(|(_, state)| ends(state));
    let (index, _) = ending.next()?;
    ending.next().is_none().then_some(index)
}

fn known(hosts: &[HostState]) -> String {
    if hosts.is_empty() {
        return "none".to_owned();
    }
    let names: Vec<_> = hosts.iter().take(NAMED_MAX).map(|state| state.host.as_str()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::made::Made;

    fn names(made: &Made, host: &str) -> Result<Vec<String>, ToolError> {
        let hosts = chosen(&made.view(), Some(&host.parse().unwrap()))?;
        Ok(hosts.iter().map(|state| state.host.to_string()).collect())
    }

    #[test]
    fn a_short_name_is_enough_while_it_is_clear() {
        let made = Made::named(&["diagprobe", "diagprobe-web1", "eu-web2", "us-web2"]);
        assert_eq!(names(&made, "web1").unwrap(), ["diagprobe-web1"]);
        assert_eq!(names(&made, "diagprobe").unwrap(), ["diagprobe"]);
        assert!(names(&made, "web2").is_err(), "two hosts end in it");
        assert!(names(&made, "eb1").is_err());
    }
}
