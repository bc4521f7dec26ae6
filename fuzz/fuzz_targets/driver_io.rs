//! See `fuzz_cases::driver_io`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz_cases::driver_io(data));
