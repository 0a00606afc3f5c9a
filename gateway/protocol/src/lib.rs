//! Wire types and codecs of the model APIs that Tradewind speaks: no I/O, no async, no clock.
//!
//! A request that stays in its dialect is never parsed in full: [`openai::Head`] reads the few fields that routing needs and
//! remembers where the model name stands, and [`openai::StreamSniffer`] watches a stream go by. Where dialects differ, [`chat`]
//! is the canonical form between them; [`Payload`] makes it when the first target asks for it.

#![forbid(unsafe_code)]

pub mod anthropic;
pub mod bedrock;
mod capabilities;
pub mod chat;
pub mod cohere;
mod embeddings;
pub mod eventstream;
mod few;
pub mod gemini;
pub mod oip;
pub mod openai;
mod operation;
mod payload;
pub mod rerank;
pub mod sse;
mod text;
pub mod tgi;
mod usage;

pub use capabilities::{Capabilities, MaxTokensField, Reasoning, Support};
pub use embeddings::Embeddings;
pub use operation::Operation;
pub use payload::Payload;
pub use usage::{BrokenOff, Usage};
