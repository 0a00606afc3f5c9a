//! The decoder's operations by candle, on any device.
//!
//! Keys and values are gathered for each row of a batch, which copies them, and each row is attended to by itself: simple, right, and
//! as quick as candle's own kernels where rows are long. On a CPU the weights are unpacked, so that nothing is rounded.

use candle_core::quantized::{GgmlDType, QMatMul, QTensor};
use candle_core::{D, DType, Device, Module, Result, Tensor, bail};
use candle_nn::ops::{rms_norm, silu, softmax_last_dim};
use candle_nn::rotary_emb::{rope, rope_i};
use tradewind_models::decoder::{Batch, CacheLayout, Row};

use crate::backend::Backend;
use crate::decoder::{Activation, Config, Heads, Pairing, Reach, RopeTable};

/// Positions of a block.
const BLOCK_SIZE: usize = 32;

/// A device, with the pool of one model.
#[derive(Debug)]
pub(crate) struct Portable {
    device: Device,
    config: Config,
    ropes: Vec<Rotation>,
    /// The keys and values of each layer, `[slots, kv heads x d]` each.
    pools: Vec<(Tensor, Tensor)>,
    blocks: usize,
}

/// Cosines and sines, `[positions, pairs]` each.
#[derive(Debug)]
struct Rotation {
    cos: Tensor,
    sin: Tensor,
    pairing: Pairing,
}

/// A matrix `[out, in]`.
#[derive(Debug)]
pub(crate) enum Weight {
    /// By which candle multiplies as it is stored.
    Quantised(QMatMul),
    /// In f32, or on a GPU in the 16 bits that it is stored in.
    Dense(Tensor),
}

/// A batch on the device.
#[derive(Debug)]
pub(crate) struct Step {
    /// Of the batch's tokens.
    ropes: Vec<Rotation>,
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

impl Portable {
    /// A pool with room for so many tokens.
    pub(crate) fn new(config: &Config, ropes: &[RopeTable], cache_tokens: usize, device: &Device) -> Result<Self> {
        let ropes = ropes.iter().map(|rope| {
            let cos = Tensor::from_slice(rope.cos(), rope.shape(), device)?;
            Ok(Rotation { cos, sin: Tensor::from_slice(rope.sin(), rope.shape(), device)?, pairing: rope.pairing() })
        });
        let mut portable = Self {
            device: device.clone(),
            config: config.clone(),
            ropes: ropes.collect::<Result<_>>()?,
            pools: Vec::new(),
            blocks: cache_tokens.div_ceil(BLOCK_SIZE),
        };
        portable.rebuild_cache()?;
        Ok(portable)
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

/// `cap tanh(x / cap)`.
fn capped(x: &Tensor, cap: f32) -> Result<Tensor> {
    (x / f64::from(cap))?.tanh()? * f64::from(cap)
}

impl Weight {
    fn new(stored: QTensor, device: &Device) -> Result<Self> {
        let dense = match stored.dtype() {
            GgmlDType::F16 => Some(DType::F16),
            GgmlDType::BF16 => Some(DType::BF16),
            GgmlDType::F32 => Some(DType::F32),
            _ => None,
        };
        match dense {
            _ if device.is_cpu() => Ok(Self::Dense(stored.dequantize(device)?)),
            Some(dtype) => Ok(Self::Dense(stored.dequantize(device)?.to_dtype(dtype)?)),
            None => Ok(Self::Quantised(QMatMul::from_qtensor(stored)?)),
        }
    }

    /// `x W^T`.
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Quantised(weight) => weight.forward(x),
            Self::Dense(weight) => x.to_dtype(weight.dtype())?.matmul(&weight.t()?)?.to_dtype(DType::F32),
        }
    }

    /// Those rows.
    fn rows(&self, ids: &Tensor) -> Result<Tensor> {
        match self {
            Self::Quantised(weight) => weight.embedding(ids),
            Self::Dense(weight) => weight.index_select(ids, 0)?.to_dtype(DType::F32),
        }
    }
}

impl Rotation {
    /// Turns the first numbers of each head in `[1, h, t, d]`.
    fn turn(&self, x: &Tensor) -> Result<Tensor> {
        let (dimensions, turned) = (x.dim(D::Minus1)?, 2 * self.cos.dim(D::Minus1)?);
        let first = x.narrow(D::Minus1, 0, turned)?.contiguous()?;
        let first = match self.pairing {
            Pairing::Neighbours => rope_i(&first, &self.cos, &self.sin)?,
            Pairing::Halves => rope(&first, &self.cos, &self.sin)?,
        };
        if turned == dimensions {
            return Ok(first);
        }
        Tensor::cat(&[first, x.narrow(D::Minus1, turned, dimensions - turned)?.contiguous()?], D::Minus1)
    }

    /// Those of some positions.
    fn at(&self, positions: &Tensor) -> Result<Self> {
        let (cos, sin) = (self.cos.index_select(positions, 0)?, self.sin.index_select(positions, 0)?);
        Ok(Self { cos, sin, pairing: self.pairing })
    }
}

impl Backend for Portable {
    type Matrix = Tensor;
    type Weights = Vec<Weight>;
    type Vector = Tensor;
    type Step<'a> = Step;

    fn weights(&self, parts: Vec<QTensor>) -> Result<Vec<Weight>> {
        parts.into_iter().map(|part| Weight::new(part, &self.device)).collect()
    }

    fn vector(&self, parts: Vec<QTensor>) -> Result<Tensor> {
        let parts = parts.iter().map(|part| part.dequantize(&self.device)).collect::<Result<Vec<_>>>()?;
        Tensor::cat(&parts, 0)
    }

    fn cache(&self) -> CacheLayout {
        CacheLayout { blocks: self.blocks, block_size: BLOCK_SIZE }
    }

    fn rebuild_cache(&mut self) -> Result<()> {
        let heads = &self.config.heads;
        let pool = || Tensor::zeros((self.blocks * BLOCK_SIZE, heads.kv * heads.dimensions), DType::F32, &self.device);
        let pools = self.config.layers.iter().map(|_| Ok((pool()?, pool()?))).collect::<Result<_>>()?;
        self.pools = pools;
        Ok(())
    }

    fn step<'a>(&self, batch: &'a Batch<'a>) -> Result<Step> {
        let positions = Tensor::new(batch.positions, &self.device)?;
        let width = self.config.heads.kv * self.config.heads.dimensions;
        let slots = Tensor::new(batch.slots, &self.device)?.unsqueeze(1)?;
        Ok(Step {
            ropes: self.ropes.iter().map(|rope| rope.at(&positions)).collect::<Result<_>>()?,
            slots: slots.broadcast_as((batch.tokens.len(), width))?.contiguous()?,
            rows: batch.rows.iter().map(|row| self.row(row)).collect::<Result<_>>()?,
        })
    }

    fn embed(&self, table: &Vec<Weight>, tokens: &[u32], scale: f32) -> Result<Tensor> {
        let [table] = table.as_slice() else { bail!("an embedding is one matrix and not {}", table.len()) };
        table.rows(&Tensor::new(tokens, &self.device)?)? * f64::from(scale)
    }

    fn rms_norm(&self, x: &Tensor, weight: &Tensor, epsilon: f32) -> Result<Tensor> {
        rms_norm(&x.contiguous()?, weight, epsilon)
    }

    fn linear(&self, weights: &Vec<Weight>, x: &Tensor) -> Result<Tensor> {
        let outputs = weights.iter().map(|part| part.forward(x)).collect::<Result<Vec<_>>>()?;
        Tensor::cat(&outputs, D::Minus1)
    }

    fn add_bias(&self, x: Tensor, bias: &Tensor) -> Result<Tensor> {
        x.broadcast_add(bias)
    }

    fn norm_heads(&self, qkv: Tensor, query: &Tensor, key: &Tensor, epsilon: f32) -> Result<Tensor> {
        let Heads { query: queries, kv, dimensions, .. } = self.config.heads;
        let count = qkv.dim(0)?;
        let normed = |first: usize, heads: usize, weight: &Tensor| {
            let part = qkv.narrow(1, first * dimensions, heads * dimensions)?.contiguous()?;
            let part = part.reshape((count, heads, dimensions))?;
            rms_norm(&part, weight, epsilon)?.reshape((count, heads * dimensions))
        };
        let values = qkv.narrow(1, (queries + kv) * dimensions, kv * dimensions)?.contiguous()?;
        Tensor::cat(&[normed(0, queries, query)?, normed(queries, kv, key)?, values], 1)
    }

    fn attend(&mut self, layer: usize, qkv: Tensor, step: &Step) -> Result<Tensor> {
        let Heads { query, kv, dimensions, .. } = self.config.heads;
        let Some(Reach { window, rope }) = self.config.layers.get(layer).copied() else { bail!("there is no layer {layer}") };
        let Some(rope) = step.ropes.get(rope) else { bail!("there is no rotation {rope}") };
        let count = qkv.dim(0)?;
        // [t, h d] to [1, h, t, d]
        let rotated = |first: usize, heads: usize| {
            let part = qkv.narrow(1, first * dimensions, heads * dimensions)?.reshape((1, count, heads, dimensions))?;
            let part = part.transpose(1, 2)?.contiguous()?;
            rope.turn(&part)
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
            mixed.push(self.attend_row(&queries.narrow(1, first, row.tokens)?, pool, row, window)?);
            first += row.tokens;
        }
        Tensor::cat(&mixed, 0)
    }

    fn gated(&self, gate_up: Tensor, activation: Activation) -> Result<Tensor> {
        let width = gate_up.dim(1)? / 2;
        let gate = gate_up.narrow(1, 0, width)?.contiguous()?;
        let gate = match activation {
            Activation::Silu => silu(&gate)?,
            Activation::Gelu => gate.gelu()?,
        };
        gate * gate_up.narrow(1, width, width)?
    }

    fn soft_cap(&self, x: Tensor, cap: f32) -> Result<Tensor> {
        capped(&x, cap)
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
