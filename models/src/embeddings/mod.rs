//! The embedding engine: texts in, vectors out, on a thread of its own.
//!
//! All inputs of a request are computed together, packed one after the other without padding, in forward passes of
//! bounded size. Dropping the [`Pending`] result cancels the work before its next forward pass.

mod engine;
mod rehearsal;
mod size;
mod worker;

pub use self::engine::{EmbeddingEngine, EmbeddingModel, EmbeddingSettings, Pending, StartError};
pub use self::worker::EmbedError;
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
pub struct Embeddings {
    /// One vector of unit length per input, in order.
    pub vectors: Vec<Vec<f32>>,
    /// Tokens of all inputs together, special tokens included.
    pub prompt_tokens: usize,
}

#[cfg(test)]
mod tests;
