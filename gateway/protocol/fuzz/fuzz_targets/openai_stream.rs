#![no_main]
//! See `exercises::openai_stream`.

#[path = "../exercises/mod.rs"]
#[expect(dead_code, reason = "the exercises of the other targets")]
mod exercises;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| exercises::openai_stream(bytes));
