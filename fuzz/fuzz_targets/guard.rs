#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    sysmaint_device::fuzzing::guard(bytes);
});
