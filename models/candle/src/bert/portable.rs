//! The forward pass by candle's operations, on any device; what the kernels are tested against.

use candle_core::{D, Device, Result, Tensor};
use candle_nn::ops::layer_norm;
use tradewind_models::decoder::ForwardError;
use tradewind_models::encoder::{Encoder, Rows, TokenSequence};

use super::config::{Config, Pooling};
use super::head::{Bend, HeadPlan};
use super::layer::Layer;
use super::names::{embeddings_norm, final_norm};
use super::weights::Weights;

/// A model as tensors.
#[derive(Debug)]
pub(super) struct Portable {
    config: Config,
    device: Device,
    max_tokens: usize,
    words: Tensor,
    /// None where queries and keys are rotated instead.
    positions: Option<Tensor>,
    /// What token type 1 adds, where there are types.
    second_type: Option<Tensor>,
    norm: Norm,
    layers: Vec<Layer>,
    final_norm: Option<Norm>,
    head: Head,
}

/// From the last layer's rows to the answer.
#[derive(Debug)]
struct Head {
    plan: HeadPlan,
    inner: Option<(Projection, Bend)>,
    norm: Option<Norm>,
    scores: Option<Projection>,
}

impl Portable {
    /// Of these weights, which are on `device`; sequences end at `context` tokens, or where the positions do if that is earlier.
    pub(super) fn new(config: Config, plan: &HeadPlan, weights: &Weights, device: &Device, context: usize) -> Result<Self> {
        let positions = weights.positions(&config)?;
        let layers = 0..config.layers.len();
        Ok(Self {
            max_tokens: context.min(positions.as_ref().map_or(Ok(config.positions), |table| table.dim(0))?),
            words: weights.words(&config)?,
            positions,
            second_type: weights.second_type(&config)?,
            norm: Norm::load(weights, embeddings_norm(config.family), &config)?,
            layers: layers.map(|index| Layer::load(weights, &config, index)).collect::<Result<_>>()?,
            final_norm: final_norm(config.family).map(|name| Norm::load(weights, name, &config)).transpose()?,
            head: Head::load(weights, plan, &config)?,
            device: device.clone(),
            config,
        })
    }

    fn outputs(&self, sequences: &[TokenSequence]) -> Result<Vec<Vec<f32>>> {
        let lengths: Vec<usize> = sequences.iter().map(TokenSequence::len).collect();
        let mut x = self.norm.forward(&self.embed(sequences)?)?;
        for layer in &self.layers {
            x = layer.forward(&x, &lengths)?;
        }
        if let Some(norm) = &self.final_norm {
            x = norm.forward(&x)?;
        }
        self.head.forward(&x, &lengths)
    }

    fn embed(&self, sequences: &[TokenSequence]) -> Result<Tensor> {
        let ids: Vec<u32> = sequences.iter().flat_map(|sequence| sequence.ids.iter().copied()).collect();
        let count = ids.len();
        let mut x = self.words.index_select(&Tensor::from_vec(ids, count, &self.device)?, 0)?;
        if let Some(positions) = &self.positions {
            let rows = sequences.iter().map(|sequence| positions.narrow(0, 0, sequence.len()));
            x = (x + Tensor::cat(&rows.collect::<Result<Vec<_>>>()?, 0)?)?;
        }
        if let Some(second) = &self.second_type {
            let types = sequences.iter().flat_map(|sequence| (0..sequence.len()).map(|place| place >= sequence.first));
            let types: Vec<f32> = types.map(|is_second| f32::from(u8::from(is_second))).collect();
            x = (x + Tensor::from_vec(types, (count, 1), &self.device)?.matmul(second)?)?;
        }
        Ok(x)
    }
}

impl Encoder for Portable {
    fn dimensions(&self) -> usize {
        self.head.scores.as_ref().map_or(self.config.width, |scores| scores.outputs)
    }

    fn rows(&self) -> Rows {
        self.head.plan.rows()
    }

    fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    fn vocabulary_size(&self) -> usize {
        self.config.vocabulary
    }

    fn encode(&mut self, sequences: &[TokenSequence]) -> std::result::Result<Vec<Vec<f32>>, ForwardError> {
        self.outputs(sequences).map_err(ForwardError::new)
    }
}

impl Head {
    fn load(weights: &Weights, plan: &HeadPlan, config: &Config) -> Result<Self> {
        let projection = |name: &str| Projection::load(weights, &[name.to_owned()]);
        Ok(Self {
            inner: plan.inner.map(|(name, bend)| projection(name).map(|inner| (inner, bend))).transpose()?,
            norm: plan.norm.map(|name| Norm::load(weights, name, config)).transpose()?,
            scores: plan.scores.map(projection).transpose()?,
            plan: plan.clone(),
        })
    }

    fn forward(&self, x: &Tensor, lengths: &[usize]) -> Result<Vec<Vec<f32>>> {
        let mut x = match self.plan.pooling {
            Some(pooling) => {
                let one = |sequence: Result<Tensor>| match pooling {
                    Pooling::Cls => sequence?.narrow(0, 0, 1),
                    Pooling::Mean => sequence?.mean_keepdim(0),
                };
                Tensor::cat(&each(x, lengths).map(one).collect::<Result<Vec<_>>>()?, 0)?
            }
            None => x.clone(),
        };
        if let Some((inner, bend)) = &self.inner {
            x = inner.forward(&x)?;
            x = match bend {
                Bend::Tanh => x.tanh()?,
                Bend::Relu => x.relu()?,
                Bend::Gelu => x.gelu_erf()?,
            };
        }
        if let Some(norm) = &self.norm {
            x = norm.forward(&x)?;
        }
        if let Some(scores) = &self.scores {
            x = scores.forward(&x)?;
        }
        if self.plan.is_unit_length {
            x = x.broadcast_div(&x.sqr()?.sum_keepdim(D::Minus1)?.sqrt()?)?;
        }
        let rows: Vec<usize> = if self.plan.pooling.is_some() { vec![1; lengths.len()] } else { lengths.to_vec() };
        each(&x, &rows).map(|rows| rows?.flatten_all()?.to_vec1()).collect()
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
            bias: weights.bias(name, config.width)?,
            epsilon: config.epsilon,
        })
    }

    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        layer_norm(x, &self.weight, &self.bias, self.epsilon)
    }
}

/// `y = x W^T + b`.
#[derive(Debug)]
pub(super) struct Projection {
    /// `[outputs, inputs]`.
    weight: Tensor,
    bias: Tensor,
    outputs: usize,
}

impl Projection {
    /// Of projections of the same input, their outputs one after the other.
    pub(super) fn load(weights: &Weights, parts: &[String]) -> Result<Self> {
        let (weight, bias) = weights.projection(parts)?;
        Ok(Self { outputs: weight.dim(0)?, weight, bias })
    }

    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        x.matmul(&self.weight.t()?)?.broadcast_add(&self.bias)
    }
}
