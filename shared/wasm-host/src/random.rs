//! Random bytes, for both versions of getrandom.

#[link(wasm_import_module = "sysmaint")]
unsafe extern "C" {
    fn random(at: *mut u8, length: usize);
}

#[expect(clippy::unnecessary_wraps, reason = "what getrandom asks for")]
fn fill(bytes: &mut [u8]) -> Result<(), getrandom02::Error> {
    // SAFETY: the host writes `length` bytes at `at`, which is this slice.
    unsafe { random(bytes.as_mut_ptr(), bytes.len()) };
    Ok(())
}

getrandom02::register_custom_getrandom!(fill);

/// # Safety
///
/// `at` is valid for writing `length` bytes; getrandom says so.
#[unsafe(no_mangle)]
unsafe extern "Rust" fn __getrandom_v03_custom(
    at: *mut u8,
    length: usize,
) -> Result<(), getrandom03::Error> {
    // SAFETY: as promised by the caller; the host writes no more than that.
    unsafe { random(at, length) };
    Ok(())
}
