//! See `fuzz_cases::message_decode`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz_cases::message_decode(data));
