//! Randomness for unit tests.

use rand::{SeedableRng, rngs::StdRng};

pub(crate) fn rng() -> StdRng {
    StdRng::from_os_rng()
}
