//! Attention by candle's operations, on any device.
//!
//! Keys and values are gathered for each row of a batch, which copies them, and each row is attended to by itself: simple, right, and
//! as quick as candle's own kernels where rows are long.

use candle_core::{DType, Device, Result, Tensor, bail};
use candle_nn::ops::softmax_last_dim;
use tradewind_models::decoder::{Batch, CacheLayout, Row};

use super::{Attention, Projected, capped};
use crate::decoder::{Config, Heads};

/// Positions of a block.
const BLOCK_SIZE: usize = 32;

/// The keys and values of a model.
#[derive(Debug)]
pub(crate) struct Gathered {
    device: Device,
    config: Config,
    /// The keys and values of each layer, `[slots, kv heads x d]` each.
    pools: Vec<(Tensor, Tensor)>,
    blocks: usize,
}

/// A batch on the device.
#[derive(Debug)]
pub(crate) struct Step {
    /// Where each number of a token's keys goes: `[t, kv heads x d]`.
    slots: Tensor,
    rows: Vec<RowOnDevice>,
}

/// What is to be known of one row.
#[derive(Debug)]
struct RowOnDevice {
    tokens: usize,
    /// The slots of its positions: `[n]`.
    slots: Tensor,
    /// What keeps tokens from seeing later ones and those before their window, `[1, group x t, n]`, for each window that layers have.
    masks: Vec<Mask>,
}

/// What tokens see through one window.
#[derive(Debug)]
struct Mask {
    window: Option<usize>,
    /// None where each token sees all.
    hidden: Option<Tensor>,
}

impl Gathered {
    /// A pool with room for so many tokens.
    pub(crate) fn new(config: &Config, cache_tokens: usize, device: &Device) -> Result<Self> {
        let blocks = cache_tokens.div_ceil(BLOCK_SIZE);
        let mut pool = Self { device: device.clone(), config: config.clone(), pools: Vec::new(), blocks };
        pool.rebuild()?;
        Ok(pool)
    }

    fn row(&self, row: &Row<'_>) -> Result<RowOnDevice> {
        let size = BLOCK_SIZE as u32;
        let slots: Vec<u32> = row.blocks.iter().flat_map(|block| block * size..(block + 1) * size).take(row.length).collect();
        let mut windows: Vec<Option<usize>> = self.config.layers.iter().map(|reach| reach.window).collect();
        windows.sort_unstable();
        windows.dedup();
        let masks = windows.into_iter().map(|window| Ok(Mask { window, hidden: self.hidden(row, window)? }));
        let masks = masks.collect::<Result<_>>()?;
        Ok(RowOnDevice { tokens: row.tokens, slots: Tensor::new(slots, &self.device)?, masks })
    }

    fn hidden(&self, row: &Row<'_>, window: Option<usize>) -> Result<Option<Tensor>> {
        let window = window.unwrap_or(usize::MAX);
        if row.tokens == 1 && row.length <= window {
            return Ok(None);
        }
        let before = row.length - row.tokens;
        let seen = |token: usize| {
            let seen = (before + token + 1).saturating_sub(window)..before + token + 1;
            (0..row.length).map(move |key| if seen.contains(&key) { 0.0 } else { f32::NEG_INFINITY })
        };
        let group = self.config.heads.group();
        let mask: Vec<f32> = (0..group).flat_map(|_| (0..row.tokens).flat_map(seen)).collect();
        Tensor::from_vec(mask, (1, group * row.tokens, row.length), &self.device).map(Some)
    }

    /// Mixes the values that the tokens of one row see: `[h, t, d]` to `[t, h d]`.
    fn attend_row(
        &self,
        queries: &Tensor,
        (keys, values): &(Tensor, Tensor),
        row: &RowOnDevice,
        window: Option<usize>,
    ) -> Result<Tensor> {
        let Heads { query, kv, dimensions, scale, cap } = self.config.heads;
        let length = row.slots.dim(0)?;
        // [slots, k d] to [k, n, d]
        let by_head =
            |pool: &Tensor| pool.index_select(&row.slots, 0)?.reshape((length, kv, dimensions))?.transpose(0, 1)?.contiguous();
        // The query heads of a group are more rows for their one head of keys, which is thus never repeated.
        let queries = queries.contiguous()?.reshape((kv, query / kv * row.tokens, dimensions))?;
        let mut scores = (queries.matmul(&by_head(keys)?.transpose(1, 2)?)? * f64::from(scale))?;
        if let Some(cap) = cap {
            scores = capped(&scores, cap)?;
        }
        let mask = row.masks.iter().find(|mask| mask.window == window);
        if let Some(hidden) = mask.and_then(|mask| mask.hidden.as_ref()) {
            scores = scores.broadcast_add(hidden)?;
        }
        let mixed = softmax_last_dim(&scores)?.matmul(&by_head(values)?)?;
        mixed.reshape((query, row.tokens, dimensions))?.transpose(0, 1)?.reshape((row.tokens, query * dimensions))
    }
}

impl Attention for Gathered {
    type Step = Step;

    fn cache(&self) -> CacheLayout {
        CacheLayout { blocks: self.blocks, block_size: BLOCK_SIZE }
    }

    fn rebuild(&mut self) -> Result<()> {
        let heads = &self.config.heads;
        let pool = || Tensor::zeros((self.blocks * BLOCK_SIZE, heads.kv * heads.dimensions), DType::F32, &self.device);
        let pools = self.config.layers.iter().map(|_| Ok((pool()?, pool()?))).collect::<Result<_>>()?;
        self.pools = pools;
        Ok(())
    }

    fn step(&self, batch: &Batch<'_>) -> Result<Step> {
        let width = self.config.heads.kv * self.config.heads.dimensions;
        let slots = Tensor::new(batch.slots, &self.device)?.unsqueeze(1)?;
        Ok(Step {
            slots: slots.broadcast_as((batch.tokens.len(), width))?.contiguous()?,
            rows: batch.rows.iter().map(|row| self.row(row)).collect::<Result<_>>()?,
        })
    }

    fn attend(&self, layer: usize, projected: &Projected, step: &Step) -> Result<Tensor> {
        let Heads { kv, dimensions, .. } = self.config.heads;
        let (Some(pool), Some(reach)) = (self.pools.get(layer), self.config.layers.get(layer)) else {
            bail!("there is no layer {layer}")
        };
        let count = projected.values.dim(0)?;
        let flat = |x: &Tensor| x.contiguous()?.reshape((count, kv * dimensions));
        pool.0.scatter_set(&step.slots, &flat(&projected.keys)?, 0)?;
        pool.1.scatter_set(&step.slots, &flat(&projected.values)?, 0)?;

        let queries = projected.queries.transpose(0, 1)?;
        let mut mixed = Vec::with_capacity(step.rows.len());
        let mut first = 0;
        for row in &step.rows {
            mixed.push(self.attend_row(&queries.narrow(1, first, row.tokens)?, pool, row, reach.window)?);
            first += row.tokens;
        }
        Tensor::cat(&mixed, 0)
    }
}
