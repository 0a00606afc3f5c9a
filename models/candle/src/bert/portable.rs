//! The forward pass by candle's operations, on any device; what the kernels are tested against.

use candle_core::{D, Device, Result, Tensor};
use candle_nn::ops::layer_norm;
use tradewind_models::decoder::ForwardError;
use tradewind_models::encoder::Encoder;

use super::Weights;
use super::config::Config;
use super::layer::Layer;

/// A BERT model as tensors.
#[derive(Debug)]
pub(super) struct Portable {
    config: Config,
    device: Device,
    max_tokens: usize,
    words: Tensor,
    /// Position and token-type embeddings in one: sentences have the one type.
    positions: Tensor,
    norm: Norm,
    layers: Vec<Layer>,
}

impl Portable {
    /// Of these weights, which are on `device`; sequences end at `context` tokens, or where the positions do if that is earlier.
    pub(super) fn new(config: Config, weights: &Weights, device: &Device, context: usize) -> Result<Self> {
        let positions = weights.positions()?;
        Ok(Self {
            max_tokens: context.min(positions.dim(0)?),
            words: weights.get("embeddings.word_embeddings.weight")?,
            positions,
            norm: Norm::load(weights, "embeddings.LayerNorm", &config)?,
            layers: (0..config.num_hidden_layers).map(|index| Layer::load(weights, &config, index)).collect::<Result<_>>()?,
            device: device.clone(),
            config,
        })
    }

    fn vectors(&self, sequences: &[Vec<u32>]) -> Result<Vec<Vec<f32>>> {
        let lengths: Vec<usize> = sequences.iter().map(Vec::len).collect();
        let tokens = Tensor::from_vec(sequences.concat(), lengths.iter().sum::<usize>(), &self.device)?;
        let positions = lengths.iter().map(|length| self.positions.narrow(0, 0, *length)).collect::<Result<Vec<_>>>()?;
        let x = (self.words.index_select(&tokens, 0)? + Tensor::cat(&positions, 0)?)?;
        let mut x = self.norm.forward(&x)?;
        for layer in &self.layers {
            x = layer.forward(&x, &lengths)?;
        }
        let pooled = each(&x, &lengths).map(|sequence| sequence?.mean_keepdim(0)).collect::<Result<Vec<_>>>()?;
        let pooled = Tensor::cat(&pooled, 0)?;
        let length = pooled.sqr()?.sum_keepdim(D::Minus1)?.sqrt()?;
        pooled.broadcast_div(&length)?.to_vec2()
    }
}

impl Encoder for Portable {
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
pub(super) fn each(packed: &Tensor, lengths: &[usize]) -> impl Iterator<Item = Result<Tensor>> {
    lengths.iter().scan(0, move |start, length| {
        let rows = packed.narrow(0, *start, *length);
        *start += length;
        Some(rows)
    })
}

/// Layer normalisation.
#[derive(Debug)]
pub(super) struct Norm {
    weight: Tensor,
    bias: Tensor,
    epsilon: f32,
}

impl Norm {
    pub(super) fn load(weights: &Weights, name: &str, config: &Config) -> Result<Self> {
        Ok(Self {
            weight: weights.get(&format!("{name}.weight"))?,
            bias: weights.get(&format!("{name}.bias"))?,
            epsilon: config.layer_norm_eps,
        })
    }

    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        layer_norm(x, &self.weight, &self.bias, self.epsilon)
    }
}
