//! See `fuzz_cases::router_messages`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz_cases::router_messages(data));
