//! A BERT sentence encoder: mean pooling over the last layer, then unit length, as sentence-transformers does it.
//!
//! Devlin et al., <https://arxiv.org/abs/1810.04805>; Reimers and Gurevych, <https://arxiv.org/abs/1908.10084>. Sequences
//! are packed, not padded: everything but attention treats all tokens of a call `[tokens, width]` alike.

mod config;
mod layer;

use std::collections::HashMap;
use std::path::Path;

use candle_core::{D, DType, Device, Result, Tensor};
use candle_nn::ops::layer_norm;
use tradewind_models::decoder::ForwardError;
use tradewind_models::encoder::Encoder;

use self::config::Config;
use self::layer::Layer;
use crate::load::LoadError;

/// A BERT model.
#[derive(Debug)]
pub(crate) struct Bert {
    config: Config,
    device: Device,
    max_tokens: usize,
    words: Tensor,
    /// Position and token-type embeddings in one: sentences have the one type.
    positions: Tensor,
    norm: Norm,
    layers: Vec<Layer>,
}

impl Bert {
    /// Loads the weights; sequences end at `context` tokens, or where the positions do if that is earlier.
    pub(crate) fn load(
        config: &Path,
        weights: &Path,
        device: &Device,
        context: usize,
    ) -> std::result::Result<Self, LoadError> {
        let config = Config::read(config)?;
        let weights = Weights(candle_core::safetensors::load(weights, device)?);
        let types = weights
            .get("embeddings.token_type_embeddings.weight")?
            .narrow(0, 0, 1)?;
        let positions = weights
            .get("embeddings.position_embeddings.weight")?
            .broadcast_add(&types)?;
        Ok(Self {
            max_tokens: context.min(positions.dim(0)?),
            words: weights.get("embeddings.word_embeddings.weight")?,
            positions,
            norm: Norm::load(&weights, "embeddings.LayerNorm", &config)?,
            layers: (0..config.num_hidden_layers)
                .map(|index| Layer::load(&weights, &config, index))
                .collect::<Result<_>>()?,
            device: device.clone(),
            config,
        })
    }

    /// The width of the model, which is the length of its vectors.
    pub(crate) fn hidden_size(&self) -> usize {
        self.config.hidden_size
    }

    fn vectors(&self, sequences: &[Vec<u32>]) -> Result<Vec<Vec<f32>>> {
        let lengths: Vec<usize> = sequences.iter().map(Vec::len).collect();
        let tokens = Tensor::from_vec(sequences.concat(), lengths.iter().sum::<usize>(), &self.device)?;
        let positions = lengths
            .iter()
            .map(|length| self.positions.narrow(0, 0, *length))
            .collect::<Result<Vec<_>>>()?;
        let x = (self.words.index_select(&tokens, 0)? + Tensor::cat(&positions, 0)?)?;
        let mut x = self.norm.forward(&x)?;
        for layer in &self.layers {
            x = layer.forward(&x, &lengths)?;
        }
        let pooled = each(&x, &lengths)
            .map(|sequence| sequence?.mean_keepdim(0))
            .collect::<Result<Vec<_>>>()?;
        let pooled = Tensor::cat(&pooled, 0)?;
        let length = pooled.sqr()?.sum_keepdim(D::Minus1)?.sqrt()?;
        pooled.broadcast_div(&length)?.to_vec2()
    }
}

impl Encoder for Bert {
    fn dimensions(&self) -> usize {
        self.config.hidden_size
    }

    fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    fn vocabulary_size(&self) -> usize {
        self.config.vocab_size
    }

    fn encode(&mut self, sequences: &[Vec<u32>]) -> std::result::Result<Vec<Vec<f32>>, ForwardError> {
        self.vectors(sequences).map_err(ForwardError::new)
    }
}

/// The rows of each packed sequence.
fn each(packed: &Tensor, lengths: &[usize]) -> impl Iterator<Item = Result<Tensor>> {
    lengths.iter().scan(0, move |start, length| {
        let rows = packed.narrow(0, *start, *length);
        *start += length;
        Some(rows)
    })
}

/// All tensors of the file, by name.
struct Weights(HashMap<String, Tensor>);

impl Weights {
    fn get(&self, name: &str) -> Result<Tensor> {
        match self.0.get(name) {
            Some(tensor) => tensor.to_dtype(DType::F32),
            None => candle_core::bail!("the file has no tensor `{name}`"),
        }
    }
}

/// Layer normalisation.
#[derive(Debug)]
struct Norm {
    weight: Tensor,
    bias: Tensor,
    epsilon: f32,
}

impl Norm {
    fn load(weights: &Weights, name: &str, config: &Config) -> Result<Self> {
        Ok(Self {
            weight: weights.get(&format!("{name}.weight"))?,
            bias: weights.get(&format!("{name}.bias"))?,
            epsilon: config.layer_norm_eps,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        layer_norm(x, &self.weight, &self.bias, self.epsilon)
    }
}
