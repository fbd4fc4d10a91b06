//! How far a counter may jump.

/// Steps that a counter may be ahead of the last authentic message of its chain.
///
/// Each skipped step derives a key and moves a growing list, before anything is authenticated.
/// Honest gaps come from lost messages only: a telemetry window holds 30 of them, and receipts
/// start a new chain at least every 50.
pub(crate) const JUMP_MAX: u32 = 256;

/// The counter is at most [`JUMP_MAX`] ahead of the last one seen; else by how much it is ahead.
pub(crate) fn check(seen: Option<u32>, counter: u32) -> Result<(), u32> {
    let ahead = counter.saturating_sub(seen.unwrap_or(0));
    if ahead > JUMP_MAX { Err(ahead) } else { Ok(()) }
}
