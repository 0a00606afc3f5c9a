//! What is done with bytes of any kind, one exercise a fuzz target. An exercise fails by panicking; what it returns without is right.
//!
//! The fuzz targets and `tests/corpus.rs`, which replays the corpus on stable Rust, share this folder.

mod answers;
mod frames;
mod lists;
mod order;
mod requests;
mod server_sent_events;
mod streams;

use serde::de::IgnoredAny;
use tradewind_protocol::openai::Identity;

pub(crate) use answers::{answers, errors};
pub(crate) use frames::frames;
pub(crate) use lists::{embeddings, rerank};
pub(crate) use requests::requests;
pub(crate) use server_sent_events::server_sent_events;
pub(crate) use streams::{
    anthropic_stream, bedrock_events, bedrock_invoke, bedrock_stream, cohere_stream, gemini_stream, openai_stream, tgi_stream,
};

/// What is done with some bytes.
pub(crate) type Exercise = fn(&[u8]);

/// Every exercise, by the name of its target and of its folder of the corpus.
pub(crate) const ALL: [(&str, Exercise); 15] = [
    ("requests", requests),
    ("answers", answers),
    ("errors", errors),
    ("embeddings", embeddings),
    ("rerank", rerank),
    ("sse", server_sent_events),
    ("openai_stream", openai_stream),
    ("anthropic_stream", anthropic_stream),
    ("gemini_stream", gemini_stream),
    ("cohere_stream", cohere_stream),
    ("tgi_stream", tgi_stream),
    ("eventstream", frames),
    ("bedrock_stream", bedrock_stream),
    ("bedrock_events", bedrock_events),
    ("bedrock_invoke", bedrock_invoke),
];

const IDENTITY: Identity<'static> = Identity { id: "fuzz", created: 1, model: "alias" };

/// The sizes of the pieces in which a body of so many bytes is read: whole, byte by byte, and across every kind of boundary.
fn sizes_of_pieces(length: usize) -> [usize; 3] {
    [length.max(1), 1, 7]
}

fn is_json(bytes: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(bytes).is_ok()
}

fn assert_json(bytes: &[u8]) {
    assert!(is_json(bytes), "no JSON: {}", String::from_utf8_lossy(bytes));
}
