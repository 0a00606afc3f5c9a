//! The seam to a text generator's forward pass.
//!
//! One sequence at a time: the implementation owns the key/value cache of that one sequence. A batching engine will
//! need positions and cache slots per row; it will be a second trait, so that this one stays easy to implement.

use std::error::Error;

/// A model that predicts the next token of one sequence.
pub trait Decoder: Send {
    /// The most tokens, prompt and answer together, that one sequence can hold.
    fn context_length(&self) -> usize;

    /// Appends `tokens` to the sequence, whose first `start` tokens the cache already holds, and returns the logits
    /// after the last of them: one finite number per token of the vocabulary.
    ///
    /// # Errors
    /// When the arithmetic fails, or the call does not continue the cached sequence.
    fn forward(&mut self, tokens: &[u32], start: usize) -> Result<Vec<f32>, ForwardError>;

    /// Forgets the sequence.
    fn reset(&mut self);
}

/// A forward pass that could not be computed: always this side's fault, never the request's.
#[derive(Debug, thiserror::Error)]
#[error("the forward pass failed: {0}")]
pub struct ForwardError(#[source] Box<dyn Error + Send + Sync>);

impl ForwardError {
    /// Wraps the error of the library that computes.
    pub fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}
