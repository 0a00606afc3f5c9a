//! The decoder's operations by candle, on any device.
//!
//! How tokens attend to each other is a part of its own: [`Gathered`] by operations of candle, [`Flash`] by fused kernels of some GPUs. On a
//! CPU the weights are unpacked, so that nothing is rounded.

mod flash;
mod gathered;

use candle_core::quantized::{GgmlDType, QMatMul, QTensor};
use candle_core::{D, DType, Device, Module, Result, Tensor, bail};
use candle_nn::ops::{rms_norm, silu};
use candle_nn::rotary_emb::{rope, rope_i};
use tradewind_models::decoder::{Batch, CacheLayout};

#[cfg(test)]
pub(crate) use self::flash::reference::Reference;
pub(crate) use self::flash::{Flash, kernel_for};
pub(crate) use self::gathered::Gathered;
use crate::backend::Backend;
use crate::decoder::{Activation, Config, Heads, Pairing, Reach, RopeTable};

/// How the tokens of a batch attend to what is cached, which it owns.
pub(crate) trait Attention: Send {
    /// What it needs to know of a batch.
    type Step;

    /// The pool.
    fn cache(&self) -> CacheLayout;

    /// Makes the pool anew.
    fn rebuild(&mut self) -> Result<()>;

    /// Prepares a batch, which is sound.
    fn step(&self, batch: &Batch<'_>) -> Result<Self::Step>;

    /// Stores keys and values, and mixes the values that each token sees: `[t, heads d]`.
    fn attend(&self, layer: usize, projected: &Projected, step: &Self::Step) -> Result<Tensor>;
}

/// The tokens of a batch in one layer, rotated, each `[t, heads, d]`, and not always contiguous.
#[derive(Debug)]
pub(crate) struct Projected {
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
}

/// A device, with the pool of one model.
#[derive(Debug)]
pub(crate) struct Portable<A = Gathered> {
    device: Device,
    config: Config,
    ropes: Vec<Rotation>,
    attention: A,
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
pub(crate) struct Step<S> {
    /// Of the batch's tokens.
    ropes: Vec<Rotation>,
    attention: S,
}

impl<A: Attention> Portable<A> {
    /// With a pool of its own.
    pub(crate) fn new(config: &Config, ropes: &[RopeTable], attention: A, device: &Device) -> Result<Self> {
        let ropes = ropes.iter().map(|rope| {
            let cos = Tensor::from_slice(rope.cos(), rope.shape(), device)?;
            Ok(Rotation { cos, sin: Tensor::from_slice(rope.sin(), rope.shape(), device)?, pairing: rope.pairing() })
        });
        Ok(Self { device: device.clone(), config: config.clone(), ropes: ropes.collect::<Result<_>>()?, attention })
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

impl<A: Attention> Backend for Portable<A> {
    type Matrix = Tensor;
    type Weights = Vec<Weight>;
    type Vector = Tensor;
    type Step<'a> = Step<A::Step>;

    fn weights(&self, parts: Vec<QTensor>) -> Result<Vec<Weight>> {
        parts.into_iter().map(|part| Weight::new(part, &self.device)).collect()
    }

    fn vector(&self, parts: Vec<QTensor>) -> Result<Tensor> {
        let parts = parts.iter().map(|part| part.dequantize(&self.device)).collect::<Result<Vec<_>>>()?;
        Tensor::cat(&parts, 0)
    }

    fn cache(&self) -> CacheLayout {
        self.attention.cache()
    }

    fn rebuild_cache(&mut self) -> Result<()> {
        self.attention.rebuild()
    }

    fn step<'a>(&self, batch: &'a Batch<'a>) -> Result<Step<A::Step>> {
        let positions = Tensor::new(batch.positions, &self.device)?;
        Ok(Step {
            ropes: self.ropes.iter().map(|rope| rope.at(&positions)).collect::<Result<_>>()?,
            attention: self.attention.step(batch)?,
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

    fn attend(&mut self, layer: usize, qkv: Tensor, step: &Step<A::Step>) -> Result<Tensor> {
        let Heads { query, kv, dimensions, .. } = self.config.heads;
        let Some(Reach { rope, .. }) = self.config.layers.get(layer).copied() else { bail!("there is no layer {layer}") };
        let Some(rope) = step.ropes.get(rope) else { bail!("there is no rotation {rope}") };
        let count = qkv.dim(0)?;
        let heads = |first: usize, heads: usize| {
            qkv.narrow(1, first * dimensions, heads * dimensions)?.reshape((count, heads, dimensions))
        };
        // candle turns [1, h, t, d].
        let rotated = |first: usize, count: usize| {
            let part = heads(first, count)?.transpose(0, 1)?.unsqueeze(0)?.contiguous()?;
            rope.turn(&part)?.squeeze(0)?.transpose(0, 1)
        };
        let projected = Projected { queries: rotated(0, query)?, keys: rotated(query, kv)?, values: heads(query + kv, kv)? };
        self.attention.attend(layer, &projected, &step.attention)
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
