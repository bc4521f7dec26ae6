//! See `fuzz_cases::connection_pair`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz_cases::connection_pair(data));
