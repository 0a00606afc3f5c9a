//! One layer: attention within each sequence, then a feed-forward network, each added and normalised.

use candle_core::{D, Result, Tensor};
use candle_nn::ops::softmax_last_dim;

use super::Weights;
use super::config::Config;
use super::portable::{Norm, each};

/// A layer.
#[derive(Debug)]
pub(super) struct Layer {
    /// Query, key and value projections in one, since they share their input.
    qkv: Projection,
    attended: Projection,
    attention_norm: Norm,
    up: Projection,
    down: Projection,
    output_norm: Norm,
    heads: usize,
}

impl Layer {
    pub(super) fn load(weights: &Weights, config: &Config, index: usize) -> Result<Self> {
        let name = |part: &str| format!("encoder.layer.{index}.{part}");
        let projection = |part: &str| Projection::load(weights, &name(part));
        let norm = |part: &str| Norm::load(weights, &name(part), config);
        Ok(Self {
            qkv: Projection::stack(&[
                projection("attention.self.query")?,
                projection("attention.self.key")?,
                projection("attention.self.value")?,
            ])?,
            attended: projection("attention.output.dense")?,
            attention_norm: norm("attention.output.LayerNorm")?,
            up: projection("intermediate.dense")?,
            down: projection("output.dense")?,
            output_norm: norm("output.LayerNorm")?,
            heads: config.num_attention_heads,
        })
    }

    /// `[tokens, width]` to `[tokens, width]`, for packed sequences of these lengths.
    pub(super) fn forward(&self, x: &Tensor, lengths: &[usize]) -> Result<Tensor> {
        let qkv = self.qkv.forward(x)?;
        let mixed = each(&qkv, lengths).map(|sequence| self.attend(&sequence?)).collect::<Result<Vec<_>>>()?;
        let attended = self.attended.forward(&Tensor::cat(&mixed, 0)?)?;
        let x = self.attention_norm.forward(&(x + attended)?)?;
        let inner = self.up.forward(&x)?.gelu_erf()?;
        self.output_norm.forward(&(&x + self.down.forward(&inner)?)?)
    }

    /// Queries, keys and values of one sequence `[length, 3 width]` to its mixed values `[length, width]`.
    fn attend(&self, qkv: &Tensor) -> Result<Tensor> {
        let (length, width) = (qkv.dim(0)?, qkv.dim(1)? / 3);
        let head = width / self.heads;
        let by_head = |part: usize| {
            let part = qkv.narrow(1, part * width, width)?.reshape((length, self.heads, head))?;
            part.transpose(0, 1)?.contiguous()
        };
        #[expect(clippy::cast_precision_loss, reason = "a head has some hundred values")]
        let scale = 1.0 / (head as f64).sqrt();
        let scores = (by_head(0)? * scale)?.matmul(&by_head(1)?.transpose(1, 2)?)?;
        let mixed = softmax_last_dim(&scores)?.matmul(&by_head(2)?)?;
        mixed.transpose(0, 1)?.reshape((length, width))
    }
}

/// `y = x W^T + b`.
#[derive(Debug)]
struct Projection {
    /// `[out, in]`.
    weight: Tensor,
    bias: Tensor,
}

impl Projection {
    fn load(weights: &Weights, name: &str) -> Result<Self> {
        Ok(Self { weight: weights.get(&format!("{name}.weight"))?, bias: weights.get(&format!("{name}.bias"))? })
    }

    /// Projections of the same input, their outputs one after the other.
    fn stack(parts: &[Self]) -> Result<Self> {
        let weights: Vec<_> = parts.iter().map(|part| &part.weight).collect();
        let biases: Vec<_> = parts.iter().map(|part| &part.bias).collect();
        Ok(Self { weight: Tensor::cat(&weights, 0)?, bias: Tensor::cat(&biases, D::Minus1)? })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        x.matmul(&self.weight.t()?)?.broadcast_add(&self.bias)
    }
}
