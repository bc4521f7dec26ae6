//! See `fuzz_cases::decoder_vs_peek`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz_cases::decoder_vs_peek(data));
