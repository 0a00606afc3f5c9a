//! What a decoder's forward pass is made of.
//!
//! The model is written once, over these operations. [`Cpu`](crate::cpu::Cpu) has kernels of its own for them;
//! [`Portable`](crate::portable::Portable) leaves them to candle, runs on any device, and is what the kernels are tested against.

use candle_core::Result;
use candle_core::quantized::QTensor;
use tradewind_models::decoder::{Batch, CacheLayout};

use crate::decoder::Activation;

/// A device with a pool of keys and values. Matrices are f32 and have a row for each token.
pub(crate) trait Backend: Send {
    /// Activations `[rows, width]`.
    type Matrix;
    /// One or more matrices `[out, in]` that share their input, their outputs one after the other.
    type Weights: Send;
    /// One number a column.
    type Vector: Send;
    /// What the operations need to know of a batch.
    type Step<'a>;

    /// Prepares matrices for multiplication.
    fn weights(&self, parts: Vec<QTensor>) -> Result<Self::Weights>;

    /// Prepares a vector, its parts one after the other.
    fn vector(&self, parts: Vec<QTensor>) -> Result<Self::Vector>;

    /// The pool.
    fn cache(&self) -> CacheLayout;

    /// Makes the pool anew.
    fn rebuild_cache(&mut self) -> Result<()>;

    /// Prepares a batch, which is sound.
    fn step<'a>(&self, batch: &'a Batch<'a>) -> Result<Self::Step<'a>>;

    /// The rows of a table `[vocabulary, width]` for the batch's tokens, times `scale`.
    fn embed(&self, table: &Self::Weights, tokens: &[u32], scale: f32) -> Result<Self::Matrix>;

    /// Divides each row by the root of its mean square, and multiplies by `weight`.
    fn rms_norm(&self, x: &Self::Matrix, weight: &Self::Vector, epsilon: f32) -> Result<Self::Matrix>;

    /// `x W^T`.
    fn linear(&self, weights: &Self::Weights, x: &Self::Matrix) -> Result<Self::Matrix>;

    /// Adds a vector to each row.
    fn add_bias(&self, x: Self::Matrix, bias: &Self::Vector) -> Result<Self::Matrix>;

    /// [`rms_norm`](Self::rms_norm) of each head of queries and of keys by itself, in rows `[t, (heads + 2 kv heads) d]`.
    fn norm_heads(&self, qkv: Self::Matrix, query: &Self::Vector, key: &Self::Vector, epsilon: f32) -> Result<Self::Matrix>;

    /// Rotates the queries and keys of `[t, (heads + 2 kv heads) d]` by their positions, stores keys and values, and mixes the values
    /// that each token sees: `[t, heads d]`.
    fn attend(&mut self, layer: usize, qkv: Self::Matrix, step: &Self::Step<'_>) -> Result<Self::Matrix>;

    /// The right half of each row, times what the left half becomes.
    fn gated(&self, gate_up: Self::Matrix, activation: Activation) -> Result<Self::Matrix>;

    /// `cap tanh(x / cap)`.
    fn soft_cap(&self, x: Self::Matrix, cap: f32) -> Result<Self::Matrix>;

    /// `x + y`.
    fn add(&self, x: Self::Matrix, y: &Self::Matrix) -> Result<Self::Matrix>;

    /// Those rows.
    fn rows(&self, x: &Self::Matrix, indices: &[u32]) -> Result<Self::Matrix>;

    /// The numbers, row by row.
    fn numbers(&self, x: Self::Matrix) -> Result<Vec<f32>>;
}
