//! Several values in few numbers.

/// The values of a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// The smallest.
    pub low: f64,
    /// The largest.
    pub high: f64,
    /// All of them together. Kept in place of the mean, which would be rounded at each level.
    pub sum: f64,
    /// How many there are; at least one.
    pub count: u32,
}

impl Summary {
    /// A single value.
    pub const fn one(value: f64) -> Self {
        Self { low: value, high: value, sum: value, count: 1 }
    }

    /// The same value several times.
    pub fn steady(value: f64, count: u32) -> Self {
        Self { low: value, high: value, sum: value * f64::from(count), count }
    }

    /// Takes in what belongs to the same stretch.
    pub fn add(&mut self, other: &Self) {
        self.low = self.low.min(other.low);
        self.high = self.high.max(other.high);
        self.sum += other.sum;
        self.count = self.count.saturating_add(other.count);
    }

    /// The mean, which never leaves the bounds.
    pub fn mean(&self) -> f64 {
        (self.sum / f64::from(self.count)).clamp(self.low, self.high)
    }
}
