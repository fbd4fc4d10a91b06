//! The documented identities, where nobody says otherwise.

use crate::Handle;

/// `SYSMAINT_ID`: the agent.
pub fn agent() -> Handle {
    Handle::documented("sysmaint")
}

/// `DIAG_PROBE_ID`: the first host's probe.
pub fn probe() -> Handle {
    Handle::documented("diagprobe")
}

/// `ALICE_ID`: the operator.
pub fn alice() -> Handle {
    Handle::documented("alice")
}

/// `BOB_ID`: the other side of the demo.
pub fn bob() -> Handle {
    Handle::documented("bob")
}

/// `SYSMAINT_CLI_ID`: the command line's own device.
pub fn cli() -> Handle {
    Handle::documented("cli")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_identities_are_handles() {
        for handle in [agent(), probe(), alice(), bob(), cli()] {
            assert_eq!(handle.as_str().parse::<Handle>().unwrap(), handle);
        }
    }
}
