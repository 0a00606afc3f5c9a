//! Cohere's API, version 2: chat, embed and rerank.
//!
//! Its chat looks like OpenAI's and is not: content has types of its own, a tool can be demanded but not named, the plan behind a call
//! (`tool_plan`) stands beside the thoughts, and a stream is made of typed events in which the same field is a list, an object or absent.
//!
//! Source: Cohere's API reference, and what its Python SDK sends and reads.

mod answer;
mod decoder;
mod embed;
mod event;
mod extensions;
mod finish;
mod messages;
mod request;
mod rerank;
mod sampling;
mod thinking;
mod tools;
mod usage;

pub use answer::read_chat;
pub use decoder::ChatDecoder;
pub use embed::{encode_embed, read_embed};
pub use request::encode_chat;
pub use rerank::{encode_rerank, read_rerank};
