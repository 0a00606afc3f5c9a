//! Attention by fused kernels over the blocks where keys and values lie: FlashAttention-2, <https://arxiv.org/abs/2307.08691>.
//!
//! One call computes the pieces of prompts and the single tokens of a batch together, and nothing is gathered. The kernels are those of
//! `candle-flash-attn`, which ask for much ([`fits`]): what does not fit is computed as by [`Gathered`](super::Gathered). Keys and values
//! are kept in 16 bits, queries are rounded to them, and sums are of 32.

mod contract;
mod kernel;
mod layout;
#[cfg(test)]
pub(crate) mod reference;

use candle_core::{DType, Device, Result, Tensor, bail};
use tradewind_models::decoder::{Batch, CacheLayout};

pub(crate) use self::contract::PAGE;
use self::contract::padded;
pub(crate) use self::kernel::kernel_for;
use self::layout::Layout;
use super::{Attention, Projected};
use crate::decoder::{Config, Heads};

/// What keys, values and queries are computed in: eleven significant bits, as of a cache on a CPU. Scores beyond 65 504 would need `bf16`,
/// which has eight.
const NUMBERS: DType = DType::F16;

/// A kernel that attends to paged keys and values.
pub(crate) trait Kernel: Send {
    /// Mixes the values that each query sees: `[t, heads, d]`.
    fn attend(&self, call: &Call<'_>) -> Result<Tensor>;
}

/// What a kernel is called with. Each row's last query stands at its last key; a query sees the keys up to its own place.
#[derive(Debug)]
#[cfg_attr(not(any(feature = "flash-attn", test)), expect(dead_code, reason = "read by the kernels alone"))]
pub(crate) struct Call<'a> {
    /// `[t, heads, d]`.
    pub(crate) queries: &'a Tensor,
    /// `[blocks, page, kv heads, d]`.
    pub(crate) keys: &'a Tensor,
    /// The same.
    pub(crate) values: &'a Tensor,
    pub(crate) step: &'a Step,
    /// By which products are multiplied.
    pub(crate) scale: f32,
    /// How many keys before its own place a query sees; all without a number.
    pub(crate) before: Option<usize>,
    /// Beyond which no score goes.
    pub(crate) cap: Option<f32>,
}

/// A batch on the device.
#[derive(Debug)]
#[cfg_attr(not(any(feature = "flash-attn", test)), expect(dead_code, reason = "read by the kernels alone"))]
pub(crate) struct Step {
    /// Where each number of a token's keys goes: `[t, kv heads x d]`.
    slots: Tensor,
    /// Where each row's queries begin, and where the last end: `[rows + 1]`.
    pub(crate) queries: Tensor,
    /// The same of keys, as if they lay one behind the other.
    pub(crate) keys: Tensor,
    /// The blocks of each row: `[rows, blocks]`.
    pub(crate) table: Tensor,
    /// Queries of the row that has most.
    pub(crate) most_queries: usize,
    /// The same of keys.
    pub(crate) most_keys: usize,
}

/// The keys and values of a model, and a kernel.
#[derive(Debug)]
pub(crate) struct Flash<K> {
    kernel: K,
    device: Device,
    config: Config,
    /// The keys and values of each layer, `[slots, kv heads x d]` each, with `d` as the kernel wants it.
    pools: Vec<(Tensor, Tensor)>,
    blocks: usize,
}

impl<K: Kernel> Flash<K> {
    /// A pool with room for so many tokens.
    pub(crate) fn new(kernel: K, config: &Config, cache_tokens: usize, device: &Device) -> Result<Self> {
        let blocks = cache_tokens.div_ceil(PAGE);
        let mut pool = Self { kernel, device: device.clone(), config: config.clone(), pools: Vec::new(), blocks };
        pool.rebuild()?;
        Ok(pool)
    }

    /// Numbers of a head, as the kernel wants them.
    fn dimensions(&self) -> usize {
        padded(self.config.heads.dimensions)
    }

    /// `[t, heads, d]` for the kernel: zeros behind a head change neither products nor what is mixed of the rest.
    fn fitted(&self, x: &Tensor) -> Result<Tensor> {
        let missing = self.dimensions() - self.config.heads.dimensions;
        x.to_dtype(NUMBERS)?.pad_with_zeros(2, 0, missing)?.contiguous()
    }
}

impl<K: Kernel> Attention for Flash<K> {
    type Step = Step;

    fn cache(&self) -> CacheLayout {
        CacheLayout { blocks: self.blocks, block_size: PAGE }
    }

    fn rebuild(&mut self) -> Result<()> {
        let width = self.config.heads.kv * self.dimensions();
        let pool = || Tensor::zeros((self.blocks * PAGE, width), NUMBERS, &self.device);
        let pools = self.config.layers.iter().map(|_| Ok((pool()?, pool()?))).collect::<Result<_>>()?;
        self.pools = pools;
        Ok(())
    }

    fn step(&self, batch: &Batch<'_>) -> Result<Step> {
        let layout = Layout::of(batch.rows, PAGE);
        let slots = Tensor::new(batch.slots, &self.device)?.unsqueeze(1)?;
        let width = self.config.heads.kv * self.dimensions();
        Ok(Step {
            slots: slots.broadcast_as((batch.tokens.len(), width))?.contiguous()?,
            queries: Tensor::new(layout.queries, &self.device)?,
            keys: Tensor::new(layout.keys, &self.device)?,
            table: Tensor::from_vec(layout.table, (batch.rows.len(), layout.blocks), &self.device)?,
            most_queries: layout.most_queries,
            most_keys: layout.most_keys,
        })
    }

    fn attend(&self, layer: usize, projected: &Projected, step: &Step) -> Result<Tensor> {
        let Heads { query, kv, dimensions, scale, cap } = self.config.heads;
        let (Some((keys, values)), Some(reach)) = (self.pools.get(layer), self.config.layers.get(layer)) else {
            bail!("there is no layer {layer}")
        };
        let count = projected.values.dim(0)?;
        let width = kv * self.dimensions();
        keys.scatter_set(&step.slots, &self.fitted(&projected.keys)?.reshape((count, width))?, 0)?;
        values.scatter_set(&step.slots, &self.fitted(&projected.values)?.reshape((count, width))?, 0)?;

        let paged = |pool: &Tensor| pool.reshape((self.blocks, PAGE, kv, self.dimensions()));
        let mixed = self.kernel.attend(&Call {
            queries: &self.fitted(&projected.queries)?,
            keys: &paged(keys)?,
            values: &paged(values)?,
            step,
            scale,
            // A window counts the token's own place.
            before: reach.window.map(|window| window.saturating_sub(1)),
            cap,
        })?;
        mixed.narrow(2, 0, dimensions)?.to_dtype(DType::F32)?.reshape((count, query * dimensions))
    }
}
