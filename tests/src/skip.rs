//! What a machine cannot run is said aloud, or fails where that is wished.

use std::io::Write as _;

/// In whose environment nothing may be skipped.
const INSIST: &str = "SYSMAINT_TESTS_INSIST";

/// Says that a test is skipped, and why. It goes to the terminal itself: what is merely printed is
/// shown for failed tests alone. With `SYSMAINT_TESTS_INSIST` set, the test fails.
pub fn skip(what: &str, reason: &str) {
    assert!(std::env::var_os(INSIST).is_none(), "{INSIST} is set, and {what} cannot run: {reason}");
    let line = "=".repeat(78);
    let said = format!("\n{line}\nSKIPPED: {what}\n  {reason}\n{line}\n");
    // Whoever closed standard error does not want to hear it.
    let _ = std::io::stderr().write_all(said.as_bytes());
}
