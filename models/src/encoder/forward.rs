//! The seam to an encoder's forward pass.

use crate::decoder::ForwardError;

/// A model that turns token sequences into numbers: a vector, or scores.
pub trait Encoder: Send {
    /// How many numbers a row has: the length of a vector, or as many as there are labels.
    fn dimensions(&self) -> usize;

    /// How many rows a sequence becomes.
    fn rows(&self) -> Rows;

    /// The longest sequence, special tokens included, that the model was made for.
    fn max_tokens(&self) -> usize;

    /// How many token ids there are; every id is below this number.
    fn vocabulary_size(&self) -> usize;

    /// The rows of each sequence, in order, one behind the other. What shares the call must not change a number by more than
    /// rounding: implementations pack sequences rather than pad them.
    ///
    /// The caller promises sequences that are not empty, not longer than [`max_tokens`](Self::max_tokens), and made of
    /// ids below [`vocabulary_size`](Self::vocabulary_size).
    ///
    /// # Errors
    /// When the arithmetic fails.
    fn encode(&mut self, sequences: &[TokenSequence]) -> Result<Vec<Vec<f32>>, ForwardError>;
}

/// How many rows a sequence becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// One for all of it.
    One,
    /// One for each token, special tokens included.
    PerToken,
}

/// A sequence of tokens: one text, or two.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TokenSequence {
    /// The token ids.
    pub ids: Vec<u32>,
    /// How many of them, from the front, are of token type 0. The others are of type 1, where the model knows types.
    pub first: usize,
}

impl TokenSequence {
    /// All of one type.
    pub fn of(ids: Vec<u32>) -> Self {
        Self { first: ids.len(), ids }
    }

    /// How many tokens there are.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}
