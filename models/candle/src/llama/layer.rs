//! One layer: attention, then a gated feed-forward network, each added to what came in.

use candle_core::{Device, Result, Tensor};
use candle_nn::ops::{rms_norm, silu};

use super::attention::Attention;
use super::config::Config;
use super::rope::Rotation;
use crate::gguf::Gguf;
use crate::linear::Linear;
use crate::load::LoadError;

/// A layer with the cache of its attention.
#[derive(Debug)]
pub(super) struct Layer {
    attention_norm: Tensor,
    attention: Attention,
    feed_forward_norm: Tensor,
    /// Gate and up projections in one, since they share their input.
    gate_up: Linear,
    down: Linear,
    epsilon: f32,
}

impl Layer {
    pub(super) fn load(
        gguf: &mut Gguf,
        config: &Config,
        index: usize,
        device: &Device,
    ) -> std::result::Result<Self, LoadError> {
        let prefix = format!("blk.{index}");
        let name = |name: &str| format!("{prefix}.{name}.weight");
        Ok(Self {
            attention_norm: gguf.dense(&name("attn_norm"), device)?,
            attention: Attention::load(gguf, config, &prefix, device)?,
            feed_forward_norm: gguf.dense(&name("ffn_norm"), device)?,
            gate_up: Linear::new(vec![
                gguf.tensor(&name("ffn_gate"), device)?,
                gguf.tensor(&name("ffn_up"), device)?,
            ])?,
            down: Linear::new(vec![gguf.tensor(&name("ffn_down"), device)?])?,
            epsilon: config.epsilon,
        })
    }

    /// `[t, width]` to `[t, width]`.
    pub(super) fn forward(
        &mut self,
        x: &Tensor,
        rotation: &Rotation,
        mask: Option<&Tensor>,
        start: usize,
    ) -> Result<Tensor> {
        let normed = rms_norm(x, &self.attention_norm, self.epsilon)?;
        let x = (x + self.attention.forward(&normed, rotation, mask, start)?)?;
        let normed = rms_norm(&x, &self.feed_forward_norm, self.epsilon)?;
        let gate_up = self.gate_up.forward(&normed)?;
        let width = gate_up.dim(1)? / 2;
        let gated = (silu(&gate_up.narrow(1, 0, width)?)? * gate_up.narrow(1, width, width)?)?;
        x + self.down.forward(&gated)?
    }
}
