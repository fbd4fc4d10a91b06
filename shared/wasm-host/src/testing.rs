//! One test, with its panic told to the host.

#[link(wasm_import_module = "sysmaint")]
unsafe extern "C" {
    fn panicked(at: *const u8, length: usize);
}

/// Runs a test; if it panics, the host hears what it said, and the module traps.
pub fn run(test: fn()) {
    std::panic::set_hook(Box::new(|panic| {
        let said = panic.to_string();
        // SAFETY: the host reads `length` bytes at `at`, which is this text.
        unsafe { panicked(said.as_ptr(), said.len()) };
    }));
    test();
}
