//! One layer: attention, then a gated feed-forward network, each added to what came in.

use candle_core::Result;

use super::config::Config;
use super::parts::{Part, Piece, Projection};
use super::source::Weights;
use crate::backend::Backend;
use crate::load::LoadError;

/// The weights of a layer.
pub(super) struct Layer<B: Backend> {
    attention_norm: B::Vector,
    /// Query, key and value projections in one, since they share their input.
    qkv: Linear<B>,
    head_norms: Option<HeadNorms<B>>,
    output: Linear<B>,
    after_attention: Option<B::Vector>,
    feed_forward_norm: B::Vector,
    /// Gate and up projections in one, since they share their input.
    gate_up: Linear<B>,
    down: Linear<B>,
    after_feed_forward: Option<B::Vector>,
}

/// What each head of queries and of keys is normed by (Qwen 3, Gemma 3).
struct HeadNorms<B: Backend> {
    query: B::Vector,
    key: B::Vector,
}

/// `x W^T + b`.
struct Linear<B: Backend> {
    weights: B::Weights,
    bias: Option<B::Vector>,
}

/// Loads the parts of one layer.
struct Loader<'a, 'b, B> {
    weights: &'a mut Weights<'b>,
    backend: &'a B,
    layer: usize,
}

impl<B: Backend> Layer<B> {
    pub(super) fn load(weights: &mut Weights<'_>, backend: &B, layer: usize) -> std::result::Result<Self, LoadError> {
        let mut loader = Loader { weights, backend, layer };
        let query = loader.optional(Piece::QueryNorm)?;
        Ok(Self {
            attention_norm: loader.vector(Piece::AttentionNorm)?,
            qkv: loader.stacked(Projection::QueryKeyValue, &[Projection::Query, Projection::Key, Projection::Value])?,
            head_norms: match query {
                Some(query) => Some(HeadNorms { query, key: loader.vector(Piece::KeyNorm)? }),
                None => None,
            },
            output: loader.linear(&[Projection::Output])?,
            after_attention: loader.around(Piece::AfterAttentionNorm)?,
            feed_forward_norm: loader.vector(Piece::FeedForwardNorm)?,
            gate_up: loader.stacked(Projection::GateUp, &[Projection::Gate, Projection::Up])?,
            down: loader.linear(&[Projection::Down])?,
            after_feed_forward: loader.around(Piece::AfterFeedForwardNorm)?,
        })
    }

    /// `[t, width]` to `[t, width]`.
    pub(super) fn forward(
        &self,
        backend: &mut B,
        index: usize,
        x: B::Matrix,
        config: &Config,
        step: &B::Step<'_>,
    ) -> Result<B::Matrix> {
        let epsilon = config.epsilon;
        let normed = backend.rms_norm(&x, &self.attention_norm, epsilon)?;
        let mut qkv = self.qkv.forward(backend, &normed)?;
        if let Some(HeadNorms { query, key }) = &self.head_norms {
            qkv = backend.norm_heads(qkv, query, key, epsilon)?;
        }
        let mixed = backend.attend(index, qkv, step)?;
        let mut attended = self.output.forward(backend, &mixed)?;
        if let Some(norm) = &self.after_attention {
            attended = backend.rms_norm(&attended, norm, epsilon)?;
        }
        let x = backend.add(x, &attended)?;

        let normed = backend.rms_norm(&x, &self.feed_forward_norm, epsilon)?;
        let gated = backend.gated(self.gate_up.forward(backend, &normed)?, config.activation)?;
        let mut fed = self.down.forward(backend, &gated)?;
        if let Some(norm) = &self.after_feed_forward {
            fed = backend.rms_norm(&fed, norm, epsilon)?;
        }
        backend.add(x, &fed)
    }
}

impl<B: Backend> Linear<B> {
    fn forward(&self, backend: &B, x: &B::Matrix) -> Result<B::Matrix> {
        let y = backend.linear(&self.weights, x)?;
        match &self.bias {
            Some(bias) => backend.add_bias(y, bias),
            None => Ok(y),
        }
    }
}

impl<B: Backend> Loader<'_, '_, B> {
    fn part(&self, piece: Piece) -> Part {
        Part::Layer(self.layer, piece)
    }

    fn vector(&mut self, piece: Piece) -> std::result::Result<B::Vector, LoadError> {
        let part = self.part(piece);
        Ok(self.backend.vector(vec![self.weights.tensor(part)?])?)
    }

    fn optional(&mut self, piece: Piece) -> std::result::Result<Option<B::Vector>, LoadError> {
        if self.weights.has(self.part(piece)) { self.vector(piece).map(Some) } else { Ok(None) }
    }

    /// A norm that only some models have, and under a name that in others means something else.
    fn around(&mut self, piece: Piece) -> std::result::Result<Option<B::Vector>, LoadError> {
        if self.weights.have_norms_around() { self.vector(piece).map(Some) } else { Ok(None) }
    }

    /// The matrix that has them all, if the file has it, or else each of them.
    fn stacked(&mut self, whole: Projection, parts: &[Projection]) -> std::result::Result<Linear<B>, LoadError> {
        let is_whole = match parts.first() {
            Some(first) => !self.weights.has(self.part(Piece::Matrix(*first))),
            None => true,
        };
        if is_whole { self.linear(&[whole]) } else { self.linear(parts) }
    }

    fn linear(&mut self, parts: &[Projection]) -> std::result::Result<Linear<B>, LoadError> {
        let matrices = parts.iter().map(|part| self.weights.tensor(self.part(Piece::Matrix(*part))));
        let matrices = matrices.collect::<std::result::Result<Vec<_>, _>>()?;
        let weights = self.backend.weights(matrices)?;
        let has_bias = parts.iter().any(|part| self.weights.has(self.part(Piece::Bias(*part))));
        if !has_bias {
            return Ok(Linear { weights, bias: None });
        }
        let biases = parts.iter().map(|part| self.weights.tensor(self.part(Piece::Bias(*part))));
        let biases = biases.collect::<std::result::Result<Vec<_>, _>>()?;
        Ok(Linear { weights, bias: Some(self.backend.vector(biases)?) })
    }
}
