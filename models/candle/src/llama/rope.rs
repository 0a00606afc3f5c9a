//! Rotary position embedding: Su et al., <https://arxiv.org/abs/2104.09864>.
//!
//! GGUF stores Llama's query and key rows so that the two values of a pair are neighbours.

use super::config::Config;

/// Cosines and sines of every position, each `[context, d / 2]`.
#[derive(Debug, Clone)]
pub(crate) struct RopeTable {
    cos: Vec<f32>,
    sin: Vec<f32>,
    pairs: usize,
}

impl RopeTable {
    pub(super) fn new(config: &Config) -> Self {
        let pairs = config.heads.dimensions / 2;
        let frequency = |pair: usize| f64::from(config.rope_base).powf(-(pair as f64) / pairs as f64);
        let frequencies: Vec<f64> = (0..pairs).map(frequency).collect();
        let angles =
            (0..config.context).flat_map(|position| frequencies.iter().map(move |frequency| position as f64 * frequency));
        let (cos, sin) = angles.map(|angle| (angle.cos() as f32, angle.sin() as f32)).unzip();
        Self { cos, sin, pairs }
    }

    /// The cosines and sines of a position; none if it lies beyond the context.
    pub(crate) fn at(&self, position: u32) -> (&[f32], &[f32]) {
        let start = position as usize * self.pairs;
        let pairs = start..start + self.pairs;
        (self.cos.get(pairs.clone()).unwrap_or_default(), self.sin.get(pairs).unwrap_or_default())
    }

    pub(crate) fn positions(&self) -> usize {
        self.cos.len().checked_div(self.pairs).unwrap_or(0)
    }

    pub(crate) fn cos(&self) -> &[f32] {
        &self.cos
    }

    pub(crate) fn sin(&self) -> &[f32] {
        &self.sin
    }
}
