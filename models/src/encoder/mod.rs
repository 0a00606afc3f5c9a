//! The encoder engine: texts in, vectors out, on threads of its own.
//!
//! # Batches
//! One thread makes texts tokens, another computes. Whenever that one is free it forms a batch of whatever waits at that
//! moment, from as many requests as there are, packed one sequence behind the other without padding; nothing waits for a
//! batch to become full. A batch is as large as makes it nearly as quick as any, token for token, and no larger, which is
//! found out at start: a small one ends sooner, and what has come meanwhile is in the next.
//!
//! # What is not computed
//! Sequences that are in a batch twice or have been computed not long ago, and those of requests whose [`Pending`] result was dropped.

mod cache;
mod engine;
mod error;
mod forward;
mod intake;
mod outlook;
mod reader;
mod rehearsal;
mod requests;
mod size;
mod waiting;
mod worker;

pub use self::engine::{EncoderEngine, EncoderModel, EncoderSettings, Pending, StartError};
pub use self::error::EncodeError;
pub use self::forward::Encoder;
pub use crate::queue::SubmitError;

/// One thing to embed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A text, to which the model's own special tokens are added.
    Text(String),
    /// Token ids of this model's vocabulary, used exactly as they are, special tokens included.
    Tokens(Vec<u32>),
}

/// The vectors of one request.
#[derive(Debug, Clone, PartialEq)]
pub struct Encoded {
    /// One vector of unit length per input, in order.
    pub vectors: Vec<Vec<f32>>,
    /// Tokens of all inputs together, special tokens included.
    pub prompt_tokens: usize,
}

#[cfg(test)]
mod tests;
