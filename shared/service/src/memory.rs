//! Memory that only the start needed.
//!
//! Deriving keys, TLS and the first handshakes allocate what they free again, and the allocator
//! keeps it for the process: the system counts it as resident for as long as that lives.

use std::time::Duration;

/// After which a process has started, and its sessions are open.
pub const STARTED_AFTER: Duration = Duration::from_secs(15);

/// Gives freed memory back to the system, where the allocator can.
#[cfg_attr(target_env = "gnu", expect(unsafe_code, reason = "there is no safe call for it"))]
pub fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: the allocator locks itself, and returns nothing but what is free.
    unsafe {
        libc::malloc_trim(0);
    }
}
