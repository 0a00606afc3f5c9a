//! One layer by candle's operations: attention within each sequence, then a feed-forward network.

use candle_core::{D, DType, Device, Result, Tensor};
use candle_nn::ops::softmax_last_dim;
use candle_nn::rotary_emb::rope;

use super::config::{Config, Family, Sight};
use super::names::LayerNames;
use super::portable::{Norm, Projection, each};
use super::weights::Weights;

/// A layer.
#[derive(Debug)]
pub(super) struct Layer {
    /// Query, key and value projections in one, since they share their input.
    qkv: Projection,
    attended: Projection,
    attention_norm: Option<Norm>,
    up: Projection,
    down: Projection,
    output_norm: Norm,
    sight: Sight,
    heads: usize,
    is_normalised_before: bool,
}

impl Layer {
    pub(super) fn load(weights: &Weights, config: &Config, index: usize) -> Result<Self> {
        let names = LayerNames::of(config.family, index);
        let one = |name: String| Projection::load(weights, &[name]);
        Ok(Self {
            qkv: Projection::load(weights, &names.qkv)?,
            attended: one(names.attended)?,
            attention_norm: names.attention_norm.map(|name| Norm::load(weights, &name, config)).transpose()?,
            up: one(names.up)?,
            down: one(names.down)?,
            output_norm: Norm::load(weights, &names.output_norm, config)?,
            sight: config.layers.get(index).copied().unwrap_or(Sight { reach: None, theta: None }),
            heads: config.heads,
            is_normalised_before: config.family == Family::ModernBert,
        })
    }

    /// `[tokens, width]` to `[tokens, width]`, for packed sequences of these lengths.
    pub(super) fn forward(&self, x: &Tensor, lengths: &[usize]) -> Result<Tensor> {
        let norm = |x: &Tensor| self.attention_norm.as_ref().map_or_else(|| Ok(x.clone()), |norm| norm.forward(x));
        if self.is_normalised_before {
            let x = (x + self.attend(&norm(x)?, lengths)?)?;
            let inner = self.up.forward(&self.output_norm.forward(&x)?)?.chunk(2, D::Minus1)?;
            let [left, right] = inner.as_slice() else { candle_core::bail!("a gated layer has two halves") };
            return &x + self.down.forward(&(left.gelu_erf()? * right)?)?;
        }
        let x = norm(&(x + self.attend(x, lengths)?)?)?;
        let inner = self.up.forward(&x)?.gelu_erf()?;
        self.output_norm.forward(&(&x + self.down.forward(&inner)?)?)
    }

    fn attend(&self, x: &Tensor, lengths: &[usize]) -> Result<Tensor> {
        let qkv = self.qkv.forward(x)?;
        let mixed = each(&qkv, lengths).map(|sequence| self.mix(&sequence?)).collect::<Result<Vec<_>>>()?;
        self.attended.forward(&Tensor::cat(&mixed, 0)?)
    }

    /// Queries, keys and values of one sequence `[length, 3 width]` to its mixed values `[length, width]`.
    fn mix(&self, qkv: &Tensor) -> Result<Tensor> {
        let (length, width) = (qkv.dim(0)?, qkv.dim(1)? / 3);
        let head = width / self.heads;
        let by_head = |part: usize| {
            let part = qkv.narrow(1, part * width, width)?.reshape((length, self.heads, head))?;
            part.transpose(0, 1)?.contiguous()
        };
        let (mut queries, mut keys) = (by_head(0)?, by_head(1)?);
        if let Some(theta) = self.sight.theta {
            let (cos, sin) = angles(theta, length, head, qkv.device())?;
            let rotate = |x: &Tensor| rope(&x.unsqueeze(0)?, &cos, &sin)?.squeeze(0);
            (queries, keys) = (rotate(&queries)?, rotate(&keys)?);
        }
        #[expect(clippy::cast_precision_loss, reason = "a head has some hundred numbers")]
        let scale = 1.0 / (head as f64).sqrt();
        let mut scores = (queries * scale)?.matmul(&keys.transpose(1, 2)?)?;
        if let Some(reach) = self.sight.reach {
            scores = scores.broadcast_add(&mask(length, reach, qkv.device())?)?;
        }
        let mixed = softmax_last_dim(&scores)?.matmul(&by_head(2)?)?;
        mixed.transpose(0, 1)?.reshape((length, width))
    }
}

/// Cosines and sines, `[length, head / 2]` each.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "the precision is that of the reference")]
fn angles(theta: f64, length: usize, head: usize, device: &Device) -> Result<(Tensor, Tensor)> {
    let speeds: Vec<f32> = (0..head / 2).map(|pair| 1.0 / (theta as f32).powf(2.0 * pair as f32 / head as f32)).collect();
    let speeds = Tensor::from_vec(speeds, (1, head / 2), device)?;
    let length = u32::try_from(length).map_err(candle_core::Error::wrap)?;
    let positions = Tensor::arange(0, length, device)?.to_dtype(DType::F32)?.unsqueeze(1)?;
    let angles = positions.matmul(&speeds)?;
    Ok((angles.cos()?, angles.sin()?))
}

/// What hides from each token those out of its reach, `[length, length]`.
fn mask(length: usize, reach: usize, device: &Device) -> Result<Tensor> {
    let hidden = |query: usize, key: usize| if query.abs_diff(key) > reach { f32::NEG_INFINITY } else { 0.0 };
    let mask: Vec<f32> = (0..length).flat_map(|query| (0..length).map(move |key| hidden(query, key))).collect();
    Tensor::from_vec(mask, (length, length), device)
}
