//! Llama, many sequences at a time, from the quantised weights of a GGUF file.
//!
//! The architecture is that of Touvron et al., <https://arxiv.org/abs/2302.13971>, with grouped-query attention; names of
//! tensors and metadata are those of GGUF's `llama`. Shapes: `t` tokens of this pass, of all sequences together, `n` tokens of one
//! sequence so far, `h` heads of `d` values, `k` heads of keys and values.

mod batch;
mod config;
mod layer;
mod rope;
#[cfg(test)]
mod tests;

use candle_core::Device;
use candle_core::quantized::QTensor;
use tradewind_models::decoder::{Batch, CacheLayout, Decoder, ForwardError};

use self::batch::Bounds;
pub(crate) use self::config::{Config, Heads};
use self::layer::Layer;
pub(crate) use self::rope::RopeTable;
use crate::backend::Backend;
use crate::cpu::Cpu;
use crate::gguf::Gguf;
use crate::load::{LoadError, LoadOptions};
use crate::portable::Portable;

/// Sequences of full length for which there is room in the cache, unless that takes too much memory.
const FULL_SEQUENCES: usize = 8;
/// The most memory that the cache takes unasked. On a CPU the system gives it only as blocks are first used.
const CACHE_BYTES: usize = 1 << 30;

/// A Llama model with its cache.
pub(crate) struct Llama<B: Backend> {
    backend: B,
    config: Config,
    embedding: QTensor,
    vocabulary: usize,
    layers: Vec<Layer<B>>,
    norm: B::Vector,
    head: B::Weights,
}

/// Loads a model; sequences end at `context` tokens, or where the file says if that is earlier.
pub(crate) fn load(
    gguf: &mut Gguf,
    device: &Device,
    context: usize,
    options: &LoadOptions,
) -> Result<Box<dyn Decoder>, LoadError> {
    let config = Config::read(gguf, context)?;
    let cache_tokens = options.cache_tokens.unwrap_or_else(|| {
        let affordable = CACHE_BYTES / Cpu::bytes_per_token(&config, options.cache_numbers).max(1);
        (FULL_SEQUENCES * config.context).min(affordable).max(config.context)
    });
    let rope = RopeTable::new(&config);
    if device.is_cpu()
        && let Some(cpu) = Cpu::new(&config, rope.clone(), cache_tokens, options.cache_numbers)
    {
        return Ok(Box::new(Llama::load(gguf, config, cpu)?));
    }
    let portable = Portable::new(&config, &rope, cache_tokens, device)?;
    Ok(Box::new(Llama::load(gguf, config, portable)?))
}

impl<B: Backend> Llama<B> {
    fn load(gguf: &mut Gguf, config: Config, backend: B) -> Result<Self, LoadError> {
        let layers = (0..config.layers).map(|index| Layer::load(gguf, &backend, index)).collect::<Result<Vec<_>, _>>()?;
        let embedding = gguf.tensor("token_embd.weight", backend.device())?;
        let (vocabulary, _) = embedding.shape().dims2()?;
        // A model without a head of its own reads its answers out of the embedding.
        let head = if gguf.has_tensor("output.weight") { "output.weight" } else { "token_embd.weight" };
        let head = backend.weights(vec![gguf.tensor(head, backend.device())?])?;
        let norm = backend.vector(gguf.tensor("output_norm.weight", backend.device())?)?;
        Ok(Self { backend, config, embedding, vocabulary, layers, norm, head })
    }

    fn logits(&mut self, batch: &Batch<'_>) -> candle_core::Result<Vec<f32>> {
        let epsilon = self.config.epsilon;
        let step = self.backend.step(batch)?;
        let mut x = self.backend.embed(&self.embedding, batch.tokens)?;
        for (index, layer) in self.layers.iter().enumerate() {
            x = layer.forward(&mut self.backend, index, x, epsilon, &step)?;
        }
        // A piece of a prompt that is not its last is only written to the cache.
        if batch.outputs.is_empty() {
            return Ok(Vec::new());
        }
        let x = self.backend.rows(&x, batch.outputs)?;
        let x = self.backend.rms_norm(&x, &self.norm, epsilon)?;
        self.backend.numbers(self.backend.linear(&self.head, &x)?)
    }
}

impl<B: Backend> Decoder for Llama<B> {
    fn context_length(&self) -> usize {
        self.config.context
    }

    fn vocabulary_size(&self) -> usize {
        self.vocabulary
    }

    fn cache(&self) -> CacheLayout {
        self.backend.cache()
    }

    fn forward(&mut self, batch: &Batch<'_>) -> Result<Vec<f32>, ForwardError> {
        let bounds = Bounds { vocabulary: self.vocabulary, context: self.config.context, cache: self.cache() };
        bounds.check(batch).map_err(ForwardError::new)?;
        self.logits(batch).map_err(ForwardError::new)
    }

    fn rebuild_cache(&mut self) -> Result<(), ForwardError> {
        self.backend.rebuild_cache().map_err(ForwardError::new)
    }
}
