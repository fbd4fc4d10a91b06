//! Which CPU code the post-quantum ratchet runs on.
//!
//! The ML-KEM of libsignal 0.85.3 keeps its intermediate state in the byte order of the code that
//! computed it, and portable, AVX2 and NEON code differ. A session record that moves between them
//! fails after a few messages, so each store remembers the tag, and a device on another one starts
//! fresh sessions.

/// The tag of the code that this process uses.
pub fn tag() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        return "x86_64-avx2";
    }
    #[cfg(target_arch = "aarch64")]
    if std::arch::is_aarch64_feature_detected!("neon") {
        return "aarch64-neon";
    }
    "portable"
}
