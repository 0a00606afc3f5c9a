//! One layer: attention, then a gated feed-forward network, each added to what came in.

use candle_core::Result;

use crate::backend::Backend;
use crate::gguf::Gguf;
use crate::load::LoadError;

/// The weights of a layer.
pub(super) struct Layer<B: Backend> {
    attention_norm: B::Vector,
    /// Query, key and value projections in one, since they share their input.
    qkv: B::Weights,
    output: B::Weights,
    feed_forward_norm: B::Vector,
    /// Gate and up projections in one, since they share their input.
    gate_up: B::Weights,
    down: B::Weights,
}

impl<B: Backend> Layer<B> {
    pub(super) fn load(gguf: &mut Gguf, backend: &B, index: usize) -> std::result::Result<Self, LoadError> {
        let mut tensor = |name: &str| gguf.tensor(&format!("blk.{index}.{name}.weight"), backend.device());
        Ok(Self {
            attention_norm: backend.vector(tensor("attn_norm")?)?,
            qkv: backend.weights(vec![tensor("attn_q")?, tensor("attn_k")?, tensor("attn_v")?])?,
            output: backend.weights(vec![tensor("attn_output")?])?,
            feed_forward_norm: backend.vector(tensor("ffn_norm")?)?,
            gate_up: backend.weights(vec![tensor("ffn_gate")?, tensor("ffn_up")?])?,
            down: backend.weights(vec![tensor("ffn_down")?])?,
        })
    }

    /// `[t, width]` to `[t, width]`.
    pub(super) fn forward(
        &self,
        backend: &mut B,
        index: usize,
        x: B::Matrix,
        epsilon: f32,
        step: &B::Step<'_>,
    ) -> Result<B::Matrix> {
        let normed = backend.rms_norm(&x, &self.attention_norm, epsilon)?;
        let qkv = backend.linear(&self.qkv, &normed)?;
        let mixed = backend.attend(index, qkv, step)?;
        let x = backend.add(x, &backend.linear(&self.output, &mixed)?)?;

        let normed = backend.rms_norm(&x, &self.feed_forward_norm, epsilon)?;
        let gated = backend.gated(backend.linear(&self.gate_up, &normed)?)?;
        backend.add(x, &backend.linear(&self.down, &gated)?)
    }
}
