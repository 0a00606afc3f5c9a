//! The seam to an encoder's forward pass.

use crate::decoder::ForwardError;

/// A model that turns token sequences into vectors.
pub trait Encoder: Send {
    /// The length of every vector.
    fn dimensions(&self) -> usize;

    /// The longest sequence, special tokens included, that the model was made for.
    fn max_tokens(&self) -> usize;

    /// How many token ids there are; every id is below this number.
    fn vocabulary_size(&self) -> usize;

    /// One vector of unit length per sequence, in order. What shares the call must not change a vector by more than
    /// rounding: implementations pack sequences rather than pad them.
    ///
    /// The caller promises sequences that are not empty, not longer than [`max_tokens`](Self::max_tokens), and made of
    /// ids below [`vocabulary_size`](Self::vocabulary_size).
    ///
    /// # Errors
    /// When the arithmetic fails.
    fn encode(&mut self, sequences: &[Vec<u32>]) -> Result<Vec<Vec<f32>>, ForwardError>;
}
