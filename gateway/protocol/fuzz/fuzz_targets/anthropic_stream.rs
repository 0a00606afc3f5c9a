#![no_main]
//! See `exercises::anthropic_stream`.

#[path = "../exercises/mod.rs"]
#[expect(dead_code, reason = "the exercises of the other targets")]
mod exercises;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| exercises::anthropic_stream(bytes));
