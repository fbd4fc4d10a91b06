//! Moments that nobody chose, and the seed that brings them back.

use std::time::Duration;

use rand::{Rng, SeedableRng, rngs::StdRng};

/// Random moments; the seed is printed, and `SURVIVAL_SEED` repeats it.
pub(crate) struct Moments(StdRng);

impl Moments {
    pub(crate) fn new(test: &str) -> Self {
        let given = std::env::var("SURVIVAL_SEED").ok().and_then(|text| text.parse().ok());
        let seed = given.unwrap_or_else(rand::random);
        eprintln!("{test}: SURVIVAL_SEED={seed}");
        Self(StdRng::seed_from_u64(seed))
    }

    /// Lets a random while pass, which is what these tests are about.
    pub(crate) async fn pass(&mut self, millis: std::ops::Range<u64>) {
        let while_ = Duration::from_millis(self.0.random_range(millis));
        tokio::time::sleep(while_).await;
    }
}
