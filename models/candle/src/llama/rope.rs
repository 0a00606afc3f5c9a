//! Rotary position embedding: Su et al., <https://arxiv.org/abs/2104.09864>.
//!
//! GGUF stores Llama's query and key rows so that the two values of a pair are neighbours; hence `rope_i`.

use candle_core::{Device, Result, Tensor};
use candle_nn::rotary_emb::rope_i;

use super::config::Config;

/// Cosines and sines of every position, each `[context, d / 2]`.
#[derive(Debug)]
pub(super) struct Rope {
    cos: Tensor,
    sin: Tensor,
}

/// The rotations of the positions of one call, each `[t, d / 2]`.
#[derive(Debug)]
pub(super) struct Rotation {
    cos: Tensor,
    sin: Tensor,
}

impl Rope {
    pub(super) fn new(config: &Config, device: &Device) -> Result<Self> {
        #[expect(clippy::cast_precision_loss, reason = "a head has some hundred values")]
        let frequency = |pair: usize| config.rope_base.powf(-2.0 * pair as f32 / config.head as f32);
        let pairs = config.head / 2;
        let frequencies = Tensor::from_iter((0..pairs).map(frequency), device)?.reshape((1, pairs))?;
        #[expect(clippy::cast_precision_loss, reason = "exact up to 2^24 positions")]
        let positions = (0..config.context).map(|position| position as f32);
        let positions = Tensor::from_iter(positions, device)?.reshape((config.context, 1))?;
        let angles = positions.matmul(&frequencies)?;
        Ok(Self {
            cos: angles.cos()?,
            sin: angles.sin()?,
        })
    }

    /// The rotations of `count` positions from `start` on.
    pub(super) fn at(&self, start: usize, count: usize) -> Result<Rotation> {
        Ok(Rotation {
            cos: self.cos.narrow(0, start, count)?,
            sin: self.sin.narrow(0, start, count)?,
        })
    }
}

impl Rotation {
    /// Rotates `[1, h, t, d]`.
    pub(super) fn apply(&self, x: &Tensor) -> Result<Tensor> {
        rope_i(x, &self.cos, &self.sin)
    }
}
