//! Causal attention of one sequence, with grouped queries.

use candle_core::{Device, Result, Tensor};
use candle_nn::ops::softmax_last_dim;

use super::cache::Cache;
use super::config::Config;
use super::rope::Rotation;
use crate::gguf::Gguf;
use crate::linear::Linear;
use crate::load::LoadError;

/// The attention of one layer, with its cache.
#[derive(Debug)]
pub(super) struct Attention {
    /// Query, key and value projections in one, since they share their input.
    qkv: Linear,
    output: Linear,
    heads: usize,
    kv_heads: usize,
    head: usize,
    cache: Cache,
}

impl Attention {
    pub(super) fn load(
        gguf: &mut Gguf,
        config: &Config,
        prefix: &str,
        device: &Device,
    ) -> std::result::Result<Self, LoadError> {
        let mut tensor = |name: &str| gguf.tensor(&format!("{prefix}.attn_{name}.weight"), device);
        Ok(Self {
            qkv: Linear::new(vec![tensor("q")?, tensor("k")?, tensor("v")?])?,
            output: Linear::new(vec![tensor("output")?])?,
            heads: config.heads,
            kv_heads: config.kv_heads,
            head: config.head,
            cache: Cache::default(),
        })
    }

    /// `[t, h d]` to `[t, h d]`.
    pub(super) fn forward(
        &mut self,
        x: &Tensor,
        rotation: &Rotation,
        mask: Option<&Tensor>,
        start: usize,
    ) -> Result<Tensor> {
        let count = x.dim(0)?;
        let (q_width, kv_width) = (self.heads * self.head, self.kv_heads * self.head);
        let qkv = self.qkv.forward(x)?;
        // [t, h d] to [1, h, t, d]
        let by_head = |first: usize, heads: usize| {
            let part = qkv
                .narrow(1, first, heads * self.head)?
                .reshape((1, count, heads, self.head))?;
            part.transpose(1, 2)?.contiguous()
        };
        let queries = rotation.apply(&by_head(0, self.heads)?)?;
        let keys = rotation.apply(&by_head(q_width, self.kv_heads)?)?;
        let values = by_head(q_width + kv_width, self.kv_heads)?;
        let (keys, values) = self.cache.append(&keys.squeeze(0)?, &values.squeeze(0)?, start)?;

        // The query heads of a group are more rows for their one head of keys, which is thus never repeated.
        let queries = queries.reshape((self.kv_heads, self.heads / self.kv_heads * count, self.head))?;
        #[expect(clippy::cast_precision_loss, reason = "a head has some hundred values")]
        let scale = 1.0 / (self.head as f64).sqrt();
        let scores = (queries * scale)?.matmul(&keys.transpose(1, 2)?)?;
        let scores = match mask {
            Some(mask) => scores.broadcast_add(mask)?,
            None => scores,
        };
        let mixed = softmax_last_dim(&scores)?.matmul(&values)?;
        // [k, g t, d] to [t, h d]
        let mixed = mixed
            .reshape((self.heads, count, self.head))?
            .transpose(0, 1)?
            .reshape((count, q_width))?;
        self.output.forward(&mixed)
    }
}

/// Keeps tokens from seeing later ones: `[1, g t, n]`, the same for each query head of a group. A single token sees all.
pub(super) fn causal_mask(
    start: usize,
    count: usize,
    group: usize,
    device: &Device,
) -> Result<Option<Tensor>> {
    if count == 1 {
        return Ok(None);
    }
    let total = start + count;
    let row = |query: usize| {
        (0..total).map(move |key| {
            if key <= start + query {
                0.0
            } else {
                f32::NEG_INFINITY
            }
        })
    };
    let mask: Vec<f32> = (0..group).flat_map(|_| (0..count).flat_map(row)).collect();
    Tensor::from_vec(mask, (1, group * count, total), device).map(Some)
}
