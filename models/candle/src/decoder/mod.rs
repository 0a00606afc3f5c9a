//! The Llama family, many sequences at a time: Llama, Mistral, SmolLM2, Qwen 2 and 3, Gemma 1 to 3 (text), Phi-3.
//!
//! The architecture is that of Touvron et al., <https://arxiv.org/abs/2302.13971>, with grouped-query attention; what the others do
//! differently are options of its one layer (see [`Config`]). Weights come out of GGUF files and out of folders as the Hugging Face hub has
//! them (see [`Source`]). Shapes: `t` tokens of this pass, of all sequences together, `n` tokens of one sequence so far, `h` heads of `d`
//! values, `k` heads of keys and values.

mod batch;
mod config;
mod folder;
mod gguf;
mod layer;
mod parts;
mod rope;
mod source;
#[cfg(test)]
mod tests;

use candle_core::Device;
use tradewind_models::decoder::{Batch, CacheLayout, Decoder, ForwardError};

use self::batch::Bounds;
pub(crate) use self::config::{Activation, Config, Heads, Reach};
pub(crate) use self::folder::{Folder, read_json};
pub(crate) use self::gguf::Gguf;
use self::layer::Layer;
use self::parts::Part;
pub(crate) use self::rope::{Pairing, RopeTable};
pub(crate) use self::source::Source;
use self::source::Weights;
use crate::backend::Backend;
use crate::cpu::Cpu;
use crate::footprint::usual_cache_tokens;
use crate::load::{AttentionBy, CacheNumbers, DenseWeights, LoadError};
use crate::portable::{Flash, Gathered, Portable, kernel_for};

/// A model with its cache.
struct Model<B: Backend> {
    backend: B,
    config: Config,
    /// None where the head is the embedding too.
    embedding: Option<B::Weights>,
    vocabulary: usize,
    layers: Vec<Layer<B>>,
    norm: B::Vector,
    head: B::Weights,
}

/// How a model is to be loaded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    /// Sequences end at so many tokens, or where the file says if that is earlier.
    pub(crate) context: usize,
    /// The cache has room for so many, or for a number that suits the model.
    pub(crate) cache_tokens: Option<usize>,
    pub(crate) numbers: CacheNumbers,
    pub(crate) dense: DenseWeights,
    pub(crate) attention: AttentionBy,
}

/// Loads a model.
pub(crate) fn load(source: &mut Source, device: &Device, settings: Settings) -> Result<Box<dyn Decoder>, LoadError> {
    let config = source.config(settings.context)?;
    let usual = || usual_cache_tokens(config.context, Cpu::bytes_per_token(&config, settings.numbers));
    let cache_tokens = settings.cache_tokens.unwrap_or_else(usual);
    let ropes = RopeTable::all(&config);
    let mut weights = source.weights(config.norms, device);
    if settings.attention == AttentionBy::Kernels {
        match kernel_for(&config.heads, device) {
            Ok(kernel) => {
                let flash = Flash::new(kernel, &config, cache_tokens, device)?;
                let portable = Portable::new(&config, &ropes, flash, device)?;
                return Ok(Box::new(Model::load(&mut weights, config, portable)?));
            }
            Err(reason) => tracing::warn!(%reason, "attention is not computed by fused kernels"),
        }
    }
    if device.is_cpu()
        && let Some(cpu) = Cpu::new(&config, ropes.clone(), cache_tokens, settings.numbers, settings.dense)
    {
        return Ok(Box::new(Model::load(&mut weights, config, cpu)?));
    }
    let gathered = Gathered::new(&config, cache_tokens, device)?;
    let portable = Portable::new(&config, &ropes, gathered, device)?;
    Ok(Box::new(Model::load(&mut weights, config, portable)?))
}

impl<B: Backend> Model<B> {
    fn load(weights: &mut Weights<'_>, config: Config, backend: B) -> Result<Self, LoadError> {
        let layers = (0..config.layers.len()).map(|index| Layer::load(weights, &backend, index)).collect::<Result<_, _>>()?;
        let embedding = weights.tensor(Part::Embedding)?;
        let (vocabulary, _) = embedding.shape().dims2()?;
        let embedding = backend.weights(vec![embedding])?;
        // A model without a head of its own reads its answers out of the embedding.
        let (embedding, head) = if weights.has(Part::Head) {
            (Some(embedding), backend.weights(vec![weights.tensor(Part::Head)?])?)
        } else {
            (None, embedding)
        };
        let norm = backend.vector(vec![weights.tensor(Part::Norm)?])?;
        Ok(Self { backend, config, embedding, vocabulary, layers, norm, head })
    }

    fn logits(&mut self, batch: &Batch<'_>) -> candle_core::Result<Vec<f32>> {
        let Self { backend, config, .. } = self;
        let step = backend.step(batch)?;
        let mut x = backend.embed(self.embedding.as_ref().unwrap_or(&self.head), batch.tokens, config.embedding_scale)?;
        for (index, layer) in self.layers.iter().enumerate() {
            x = layer.forward(backend, index, x, config, &step)?;
        }
        // A piece of a prompt that is not its last is only written to the cache.
        if batch.outputs.is_empty() {
            return Ok(Vec::new());
        }
        let x = backend.rows(&x, batch.outputs)?;
        let x = backend.rms_norm(&x, &self.norm, config.epsilon)?;
        let mut logits = backend.linear(&self.head, &x)?;
        if let Some(cap) = config.logit_cap {
            logits = backend.soft_cap(logits, cap)?;
        }
        backend.numbers(logits)
    }
}

impl<B: Backend> Decoder for Model<B> {
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
