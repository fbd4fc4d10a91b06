//! What goes wrong on a link.

use rand::{Rng, SeedableRng, rngs::StdRng};

/// What goes wrong, each as a chance from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Faults {
    /// An envelope is never stored, and its sender hears nothing.
    pub lost: f64,
    /// An envelope is stored, and its sender hears nothing.
    pub unconfirmed: f64,
    /// An envelope is handed out twice at once.
    pub doubled: f64,
    /// An envelope stays behind for a turn, and what came after it overtakes it.
    pub late: f64,
    /// An acknowledgement gets lost, so that the envelope comes again.
    pub unacknowledged: f64,
}

/// What went wrong so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// See [`Faults::lost`].
    pub lost: u32,
    /// See [`Faults::unconfirmed`].
    pub unconfirmed: u32,
    /// See [`Faults::doubled`].
    pub doubled: u32,
    /// See [`Faults::late`].
    pub late: u32,
    /// See [`Faults::unacknowledged`].
    pub unacknowledged: u32,
}

/// Decides. The same seed decides the same.
#[derive(Debug)]
pub(crate) struct Dice {
    pub(crate) faults: Faults,
    pub(crate) counts: Counts,
    rng: StdRng,
}

impl Dice {
    pub(crate) fn new(seed: u64, faults: Faults) -> Self {
        Self { faults, counts: Counts::default(), rng: StdRng::seed_from_u64(seed) }
    }

    pub(crate) fn is_lost(&mut self) -> bool {
        roll(&mut self.rng, self.faults.lost, &mut self.counts.lost)
    }

    pub(crate) fn is_unconfirmed(&mut self) -> bool {
        roll(&mut self.rng, self.faults.unconfirmed, &mut self.counts.unconfirmed)
    }

    pub(crate) fn is_doubled(&mut self) -> bool {
        roll(&mut self.rng, self.faults.doubled, &mut self.counts.doubled)
    }

    pub(crate) fn is_late(&mut self) -> bool {
        roll(&mut self.rng, self.faults.late, &mut self.counts.late)
    }

    pub(crate) fn is_unacknowledged(&mut self) -> bool {
        roll(&mut self.rng, self.faults.unacknowledged, &mut self.counts.unacknowledged)
    }
}

/// Whether it happens; counted.
fn roll(rng: &mut StdRng, chance: f64, count: &mut u32) -> bool {
    let happens = rng.random_bool(chance);
    *count += u32::from(happens);
    happens
}
