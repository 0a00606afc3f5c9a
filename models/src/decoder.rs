//! The seam to a text generator's forward pass.
//!
//! One pass computes the next tokens of many sequences: pieces of prompts and single tokens of answers, packed one after the other.
//! Keys and values lie in a pool of blocks that whoever schedules hands out. A sequence names its blocks in each pass, so sequences
//! that begin alike can share the blocks of their beginning, and the implementation knows no sequences at all.

use std::error::Error;

/// The pool of cached keys and values: the position `i` of block `b` is slot `b * block_size + i`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheLayout {
    /// How many blocks there are.
    pub blocks: usize,
    /// How many positions a block holds.
    pub block_size: usize,
}

/// The part of one sequence in a batch.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// New tokens, at least one. The rows' tokens lie one row after the other in [`Batch::tokens`].
    pub tokens: usize,
    /// Positions of the sequence in the cache after this pass: those before it and the new ones.
    pub length: usize,
    /// The sequence's blocks in order, enough for `length` positions.
    pub blocks: &'a [u32],
}

/// The tokens of one forward pass, `t` in all.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    /// `[t]`
    pub tokens: &'a [u32],
    /// `[t]`, each token's position in its sequence.
    pub positions: &'a [u32],
    /// `[t]`, where each token's key and value are written.
    pub slots: &'a [u32],
    /// Whose they are.
    pub rows: &'a [Row<'a>],
    /// Which tokens' logits are wanted: indices into `tokens`, ascending.
    pub outputs: &'a [u32],
}

/// A model that predicts the next tokens of sequences.
pub trait Decoder: Send {
    /// The most tokens, prompt and answer together, that one sequence can hold.
    fn context_length(&self) -> usize;

    /// How many logits a token has.
    fn vocabulary_size(&self) -> usize;

    /// The pool of keys and values.
    fn cache(&self) -> CacheLayout;

    /// Writes the batch's keys and values to their slots and returns the logits after the tokens that `outputs` names,
    /// `[outputs, vocabulary]`, all finite. Every token sees the positions of its row up to its own.
    ///
    /// # Errors
    /// When the arithmetic fails, or the batch contradicts itself or the cache.
    fn forward(&mut self, batch: &Batch<'_>) -> Result<Vec<f32>, ForwardError>;

    /// Makes the cache anew, and empty, after a forward pass that failed or panicked.
    ///
    /// # Errors
    /// When the device has no room.
    fn rebuild_cache(&mut self) -> Result<(), ForwardError>;
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
