//! Amazon Bedrock: Converse and ConverseStream, and what InvokeModel takes for embeddings and for Claude.
//!
//! Converse is one dialect for all chat models of Bedrock; what a vendor has of its own travels in `additionalModelRequestFields`, so
//! this module knows the vendors as [`Family`]. Answers have neither an id nor a model; usage excludes what a prompt cache read or
//! wrote.
//!
//! Source: the service model of `bedrock-runtime` in botocore, and Amazon's user guide.

mod additional;
mod answer;
mod body;
mod content;
mod decoder;
mod embeddings;
mod embeddings_answer;
mod exception;
mod family;
mod format;
mod invoke;
mod messages;
mod names;
mod reasoning;
mod request;
mod rerank;
mod stop_reason;
mod tools;
mod usage;

pub use answer::read_chat;
pub use decoder::ConverseDecoder;
pub use embeddings::{EncodedEmbeddings, encode_embeddings};
pub use embeddings_answer::read_embeddings;
pub use family::Family;
pub use invoke::InvokeDecoder;
pub use names::ToolNames;
pub use request::{Encoded, Guardrail, encode_chat};
pub use rerank::{encode_rerank, read_rerank};
