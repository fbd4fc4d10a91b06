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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_identities_are_handles() {
        for handle in [agent(), probe(), alice(), bob()] {
            assert_eq!(handle.as_str().parse::<Handle>().unwrap(), handle);
        }
    }
}
