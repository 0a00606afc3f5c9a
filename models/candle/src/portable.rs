//! The decoder's operations by candle, on any device.
//!
//! Keys and values are gathered for each row of a batch, which copies them, and each row is attended to by itself: simple, right, and
//! as quick as candle's own kernels where rows are long. On a CPU the weights are unpacked, so that nothing is rounded.

use candle_core::quantized::{QMatMul, QTensor};
use candle_core::{D, DType, Device, Module, Result, Tensor, bail};
use candle_nn::ops::{rms_norm, silu, softmax_last_dim};
use candle_nn::rotary_emb::rope_i;
use tradewind_models::decoder::{Batch, CacheLayout, Row};

use crate::backend::Backend;
use crate::llama::{Config, Heads, RopeTable};

/// Positions of a block.
const BLOCK_SIZE: usize = 32;

/// A device, with the pool of one model.
#[derive(Debug)]
pub(crate) struct Portable {
    device: Device,
    config: Config,
    /// `[context, d / 2]` each.
    cos: Tensor,
    sin: Tensor,
    /// The keys and values of each layer, `[slots, kv heads x d]` each.
    pools: Vec<(Tensor, Tensor)>,
    blocks: usize,
}

/// A batch on the device.
#[derive(Debug)]
pub(crate) struct Step {
    /// `[t, d / 2]` each.
    cos: Tensor,
    sin: Tensor,
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
    /// What keeps tokens from seeing later ones, `[1, group x t, n]`; a single token sees all.
    mask: Option<Tensor>,
}

impl Portable {
    /// A pool with room for so many tokens.
    pub(crate) fn new(config: &Config, rope: &RopeTable, cache_tokens: usize, device: &Device) -> Result<Self> {
        let shape = (rope.positions(), config.heads.dimensions / 2);
        let mut portable = Self {
            device: device.clone(),
            config: config.clone(),
            cos: Tensor::from_slice(rope.cos(), shape, device)?,
            sin: Tensor::from_slice(rope.sin(), shape, device)?,
            pools: Vec::new(),
            blocks: cache_tokens.div_ceil(BLOCK_SIZE),
        };
        portable.rebuild_cache()?;
        Ok(portable)
    }

    fn row(&self, row: &Row<'_>) -> Result<RowOnDevice> {
        let size = BLOCK_SIZE as u32;
        let slots: Vec<u32> = row.blocks.iter().flat_map(|block| block * size..(block + 1) * size).take(row.length).collect();
        let mask = if row.tokens > 1 { Some(self.causal_mask(row)?) } else { None };
        Ok(RowOnDevice { tokens: row.tokens, slots: Tensor::new(slots, &self.device)?, mask })
    }

    fn causal_mask(&self, row: &Row<'_>) -> Result<Tensor> {
        let before = row.length - row.tokens;
        let seen = |token: usize| (0..row.length).map(move |key| if key <= before + token { 0.0 } else { f32::NEG_INFINITY });
        let group = self.config.heads.group();
        let mask: Vec<f32> = (0..group).flat_map(|_| (0..row.tokens).flat_map(seen)).collect();
        Tensor::from_vec(mask, (1, group * row.tokens, row.length), &self.device)
    }

    /// Mixes the values that the tokens of one row see: `[h, t, d]` to `[t, h d]`.
    fn attend_row(&self, queries: &Tensor, (keys, values): &(Tensor, Tensor), row: &RowOnDevice) -> Result<Tensor> {
        let Heads { query, kv, dimensions, scale } = self.config.heads;
        let length = row.slots.dim(0)?;
        // [slots, k d] to [k, n, d]
        let by_head =
            |pool: &Tensor| pool.index_select(&row.slots, 0)?.reshape((length, kv, dimensions))?.transpose(0, 1)?.contiguous();
        // The query heads of a group are more rows for their one head of keys, which is thus never repeated.
        let queries = queries.contiguous()?.reshape((kv, query / kv * row.tokens, dimensions))?;
        let mut scores = (queries.matmul(&by_head(keys)?.transpose(1, 2)?)? * f64::from(scale))?;
        if let Some(mask) = &row.mask {
            scores = scores.broadcast_add(mask)?;
        }
        let mixed = softmax_last_dim(&scores)?.matmul(&by_head(values)?)?;
        mixed.reshape((query, row.tokens, dimensions))?.transpose(0, 1)?.reshape((row.tokens, query * dimensions))
    }
}

impl Backend for Portable {
    type Matrix = Tensor;
    type Weights = Vec<QMatMul>;
    type Vector = Tensor;
    type Step<'a> = Step;

    fn device(&self) -> &Device {
        &self.device
    }

    fn weights(&self, parts: Vec<QTensor>) -> Result<Vec<QMatMul>> {
        let on_cpu = self.device.is_cpu();
        let weights = parts
            .into_iter()
            .map(|part| if on_cpu { Ok(QMatMul::Tensor(part.dequantize(&self.device)?)) } else { QMatMul::from_qtensor(part) });
        weights.collect()
    }

    fn vector(&self, tensor: QTensor) -> Result<Tensor> {
        tensor.dequantize(&self.device)
    }

    fn cache(&self) -> CacheLayout {
        CacheLayout { blocks: self.blocks, block_size: BLOCK_SIZE }
    }

    fn rebuild_cache(&mut self) -> Result<()> {
        let heads = &self.config.heads;
        let pool = || Tensor::zeros((self.blocks * BLOCK_SIZE, heads.kv * heads.dimensions), DType::F32, &self.device);
        let pools = (0..self.config.layers).map(|_| Ok((pool()?, pool()?))).collect::<Result<_>>()?;
        self.pools = pools;
        Ok(())
    }

    fn step<'a>(&self, batch: &'a Batch<'a>) -> Result<Step> {
        let positions = Tensor::new(batch.positions, &self.device)?;
        let width = self.config.heads.kv * self.config.heads.dimensions;
        let slots = Tensor::new(batch.slots, &self.device)?.unsqueeze(1)?;
        Ok(Step {
            cos: self.cos.index_select(&positions, 0)?,
            sin: self.sin.index_select(&positions, 0)?,
            slots: slots.broadcast_as((batch.tokens.len(), width))?.contiguous()?,
            rows: batch.rows.iter().map(|row| self.row(row)).collect::<Result<_>>()?,
        })
    }

    fn embed(&self, table: &QTensor, tokens: &[u32]) -> Result<Tensor> {
        table.embedding(&Tensor::new(tokens, &self.device)?)
    }

    fn rms_norm(&self, x: &Tensor, weight: &Tensor, epsilon: f32) -> Result<Tensor> {
        rms_norm(&x.contiguous()?, weight, epsilon)
    }

    fn linear(&self, weights: &Vec<QMatMul>, x: &Tensor) -> Result<Tensor> {
        let outputs = weights.iter().map(|part| part.forward(x)).collect::<Result<Vec<_>>>()?;
        Tensor::cat(&outputs, D::Minus1)
    }

    fn attend(&mut self, layer: usize, qkv: Tensor, step: &Step) -> Result<Tensor> {
        let Heads { query, kv, dimensions, .. } = self.config.heads;
        let count = qkv.dim(0)?;
        // [t, h d] to [1, h, t, d]
        let rotated = |first: usize, heads: usize| {
            let part = qkv.narrow(1, first * dimensions, heads * dimensions)?.reshape((1, count, heads, dimensions))?;
            let part = part.transpose(1, 2)?.contiguous()?;
            rope_i(&part, &step.cos, &step.sin)
        };
        let queries = rotated(0, query)?.squeeze(0)?;
        let keys = rotated(query, kv)?.transpose(1, 2)?.reshape((count, kv * dimensions))?;
        let values = qkv.narrow(1, (query + kv) * dimensions, kv * dimensions)?.contiguous()?;
        let Some(pool) = self.pools.get(layer) else { bail!("there is no layer {layer}") };
        pool.0.scatter_set(&step.slots, &keys, 0)?;
        pool.1.scatter_set(&step.slots, &values, 0)?;

        let mut mixed = Vec::with_capacity(step.rows.len());
        let mut first = 0;
        for row in &step.rows {
            mixed.push(self.attend_row(&queries.narrow(1, first, row.tokens)?, pool, row)?);
            first += row.tokens;
        }
        Tensor::cat(&mixed, 0)
    }

    fn gated(&self, gate_up: Tensor) -> Result<Tensor> {
        let width = gate_up.dim(1)? / 2;
        silu(&gate_up.narrow(1, 0, width)?.contiguous()?)? * gate_up.narrow(1, width, width)?
    }

    fn add(&self, x: Tensor, y: &Tensor) -> Result<Tensor> {
        x + y
    }

    fn rows(&self, x: &Tensor, indices: &[u32]) -> Result<Tensor> {
        x.index_select(&Tensor::new(indices, &self.device)?, 0)
    }

    fn numbers(&self, x: Tensor) -> Result<Vec<f32>> {
        x.flatten_all()?.to_vec1()
    }
}
