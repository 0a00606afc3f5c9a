//! Translating Bedrock's streams: a hundred chunks of text of ConverseStream.

#![expect(missing_docs, unused_qualifications, reason = "of what the macros of the benchmarks write")]

use std::hint::black_box;

use gungraun::prelude::*;
use tradewind_protocol::{
    bedrock::{ConverseDecoder, ToolNames},
    chat::{StreamDecoder as _, StreamEvent},
    eventstream::{HeaderValue, encode},
};

const CHUNKS: usize = 100;

fn stream() -> Vec<u8> {
    let event = |kind: &str, payload: &str| {
        let headers = [(":event-type", kind), (":content-type", "application/json"), (":message-type", "event")];
        encode(&headers.map(|(name, value)| (name, HeaderValue::Text(value))), payload.as_bytes()).unwrap_or_default()
    };
    let mut stream = event("messageStart", r#"{"p":"abcdefgh","role":"assistant"}"#);
    for _ in 0..CHUNKS {
        stream.extend(event("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":" the"},"p":"abcdefghijklmnop"}"#));
    }
    stream.extend(event("contentBlockStop", r#"{"contentBlockIndex":0,"p":"abc"}"#));
    stream.extend(event("messageStop", r#"{"p":"abcdefg","stopReason":"end_turn"}"#));
    stream
        .extend(event("metadata", r#"{"metrics":{"latencyMs":9},"usage":{"inputTokens":5,"outputTokens":7,"totalTokens":12}}"#));
    stream
}

#[library_benchmark]
#[bench::hundred_chunks(stream())]
fn decode_a_converse_stream(stream: Vec<u8>) -> usize {
    let mut decoder = ConverseDecoder::new(ToolNames::default());
    let mut events = 0;
    let outcome = decoder.push(&stream, &mut |event: StreamEvent<'_>| {
        black_box(&event);
        events += 1;
    });
    assert!(outcome.is_ok() && events > CHUNKS);
    events
}

library_benchmark_group!(name = bedrock, benchmarks = [decode_a_converse_stream]);

main!(library_benchmark_groups = bedrock);
