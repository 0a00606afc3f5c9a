//! Llama, one sequence at a time, from the quantised weights of a GGUF file.
//!
//! The architecture is that of Touvron et al., <https://arxiv.org/abs/2302.13971>, with grouped-query attention; names of
//! tensors and metadata are those of GGUF's `llama`. Shapes: `t` tokens of this call, `n` tokens of the sequence so far,
//! `h` heads of `d` values, `g` query heads for each of `k` key/value heads.

mod attention;
mod cache;
mod config;
mod layer;
mod rope;

use candle_core::quantized::QTensor;
use candle_core::{Device, Result, Tensor};
use candle_nn::ops::rms_norm;
use tradewind_models::decoder::{Decoder, ForwardError};

use self::attention::causal_mask;
use self::config::Config;
use self::layer::Layer;
use self::rope::Rope;
use crate::gguf::Gguf;
use crate::linear::Linear;
use crate::load::LoadError;

/// A Llama model with the cache of one sequence.
#[derive(Debug)]
pub(crate) struct Llama {
    config: Config,
    device: Device,
    embedding: QTensor,
    layers: Vec<Layer>,
    rope: Rope,
    norm: Tensor,
    head: Linear,
    /// Tokens that the caches hold.
    cached: usize,
}

impl Llama {
    /// Loads the weights; sequences end at `context` tokens, or where the file says if that is earlier.
    pub(crate) fn load(
        gguf: &mut Gguf,
        device: &Device,
        context: usize,
    ) -> std::result::Result<Self, LoadError> {
        let config = Config::read(gguf, context)?;
        let layers = (0..config.layers).map(|index| Layer::load(gguf, &config, index, device));
        let layers = layers.collect::<std::result::Result<Vec<_>, _>>()?;
        // A model without a head of its own reads its answers out of the embedding.
        let head = if gguf.has_tensor("output.weight") {
            "output.weight"
        } else {
            "token_embd.weight"
        };
        Ok(Self {
            embedding: gguf.tensor("token_embd.weight", device)?,
            rope: Rope::new(&config, device)?,
            norm: gguf.dense("output_norm.weight", device)?,
            head: Linear::new(vec![gguf.tensor(head, device)?])?,
            device: device.clone(),
            layers,
            config,
            cached: 0,
        })
    }

    fn logits(&mut self, tokens: &[u32], start: usize) -> Result<Vec<f32>> {
        let count = tokens.len();
        if start != self.cached {
            candle_core::bail!(
                "the cache holds {} tokens, and the call continues after {start}",
                self.cached
            )
        }
        if count == 0 || start + count > self.config.context {
            candle_core::bail!(
                "{count} tokens after {start} do not fit the context of {}",
                self.config.context
            )
        }
        let rotation = self.rope.at(start, count)?;
        let mask = causal_mask(start, count, self.config.group(), &self.device)?;
        let mut x = self.embedding.embedding(&Tensor::new(tokens, &self.device)?)?;
        for layer in &mut self.layers {
            x = layer.forward(&x, &rotation, mask.as_ref(), start)?;
        }
        self.cached = start + count;
        let last = x.narrow(0, count - 1, 1)?.contiguous()?;
        let last = rms_norm(&last, &self.norm, self.config.epsilon)?;
        self.head.forward(&last)?.squeeze(0)?.to_vec1()
    }
}

impl Decoder for Llama {
    fn context_length(&self) -> usize {
        self.config.context
    }

    fn forward(&mut self, tokens: &[u32], start: usize) -> std::result::Result<Vec<f32>, ForwardError> {
        self.logits(tokens, start).map_err(ForwardError::new)
    }

    fn reset(&mut self) {
        self.cached = 0;
    }
}
