//! Local inference without the arithmetic: what a model is, where its files come from, and the engines that run it.
//!
//! The way of a request: an engine's handle puts it on a bounded queue, and the engine's own threads take it,
//! render the [template], turn text into [tokens](tokenizer), drive a [`Decoder`](decoder::Decoder) or an
//! [`Encoder`](encoder::Encoder), [sample], and send text back. No step runs inside the async runtime, so a
//! long forward pass never delays the proxy.
//!
//! The forward passes live in another crate (`tradewind-candle`), which implements the two traits. Everything here
//! builds and is tested without it, and without weights.

#![forbid(unsafe_code)]

pub mod bench;
pub mod chat;
pub mod classify;
pub mod constrain;
pub mod decoder;
pub mod encoder;
pub mod fetch;
pub mod load;
pub mod manifest;
pub mod memory;
pub mod perplexity;
pub mod queue;
pub mod registry;
pub mod sample;
pub mod template;
pub mod tokenizer;
pub mod tools;

pub use chat::ChatEngine;
pub use classify::{Classifier, Reranker, TokenClassifier};
pub use encoder::EncoderEngine;
pub use load::{Forecast, Full};
pub use registry::Registry;
