//! What a module for wasm32 takes from whoever runs it.
//!
//! A browser's module has no operating system below it. Time is an argument of every step, so all
//! that is left is randomness, which libsignal also wants by itself: `sysmaint.random(at, length)`
//! fills memory with random bytes. Nothing else is imported. Tests report a panic through
//! `sysmaint.panicked(at, length)` before they trap.
//!
//! Everywhere else this crate is empty.

#![cfg(target_arch = "wasm32")]
#![expect(unsafe_code, reason = "imports are foreign functions, and exports have names")]

mod random;
#[doc(hidden)]
pub mod testing;

pub use sysmaint_wasm_test::test;
