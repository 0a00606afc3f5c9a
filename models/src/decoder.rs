//! The seam to a text generator's forward pass.
//!
//! One pass computes a batch: some tokens of many sequences, the next token of those that are being answered and pieces of the prompts
//! that are being read, one behind the other without padding. Keys and values of past tokens lie in a pool of blocks that the
//! implementation owns and the engine hands out, so that sequences come and go between two passes without anything being moved, and
//! two that begin alike can share what they have in common (paged attention: Kwon et al., SOSP 2023).

use std::error::Error;

/// The size of the cache for keys and values. Block `b` holds the slots `b * block_size .. (b + 1) * block_size`, each of them a position
/// of one sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheLayout {
    /// How many blocks there are.
    pub blocks: usize,
    /// Positions that a block holds.
    pub block_size: usize,
}

/// What a batch computes of one sequence.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// Its tokens in this batch, at least one. They attend to each other and to all before them, never to what comes after them.
    pub tokens: usize,
    /// Positions of it that the cache holds after the batch: those before, and `tokens`.
    pub length: usize,
    /// The blocks that hold its positions, in order; enough of them for `length`.
    pub blocks: &'a [u32],
}

/// One forward pass over `T` tokens of one or more sequences.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    /// `[T]`: the tokens of the first row, then those of the second, and so on.
    pub tokens: &'a [u32],
    /// `[T]`: where each stands in its sequence, from 0.
    pub positions: &'a [u32],
    /// `[T]`: where its key and value are written, block × block size + offset. None is another's, nor seen by another row.
    pub slots: &'a [u32],
    /// What belongs together.
    pub rows: &'a [Row<'a>],
    /// Places in `tokens`, ascending, after which the next token is wanted.
    pub outputs: &'a [u32],
}

/// A model that predicts the next tokens of many sequences at once.
pub trait Decoder: Send {
    /// The most tokens, prompt and answer together, that one sequence can hold.
    fn context_length(&self) -> usize;

    /// How many tokens there are.
    fn vocabulary_size(&self) -> usize;

    /// The cache that [`forward`](Self::forward) reads and writes. It does not change.
    fn cache(&self) -> CacheLayout;

    /// Computes the batch and returns the logits after each of its outputs: `[outputs, vocabulary]`, row by row.
    ///
    /// # Errors
    /// When the arithmetic fails, or the batch contradicts itself. What the cache holds after that is undefined.
    fn forward(&mut self, batch: &Batch<'_>) -> Result<Vec<f32>, ForwardError>;

    /// Makes a fresh, empty cache, after a forward pass that failed or panicked.
    ///
    /// # Errors
    /// When there is no memory for it.
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
