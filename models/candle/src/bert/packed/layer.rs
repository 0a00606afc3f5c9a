//! One layer: attention within each sequence, then a feed-forward network.

use candle_core::Result;
use tradewind_models::encoder::TokenSequence;

use super::super::config::{Config, Family, Sight};
use super::super::names::LayerNames;
use super::super::weights::Weights;
use super::{Norm, Packed, dense};
use crate::cpu::{Attention, Dense, Isa, Scratch, add, gelu, multiply};

/// A layer.
#[derive(Debug)]
pub(super) struct Layer {
    /// Query, key and value projections in one, since they share their input. The queries are divided by the root of the head's size.
    qkv: Dense,
    attended: Dense,
    attention_norm: Option<Norm>,
    up: Dense,
    down: Dense,
    output_norm: Norm,
    sight: Sight,
    order: Order,
}

/// Where a layer normalises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// What was added.
    After,
    /// What goes in; and the feed-forward network is gated (<https://arxiv.org/abs/2002.05202>).
    BeforeAndGated,
}

/// Activations of a pass.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    normed: Vec<f32>,
    qkv: Vec<f32>,
    mixed: Vec<f32>,
    inner: Vec<f32>,
    gated: Vec<f32>,
    sum: Vec<f32>,
    scratch: Scratch,
    attention: Attention,
}

impl Layer {
    pub(super) fn load(weights: &Weights, config: &Config, index: usize) -> Result<Self> {
        let names = LayerNames::of(config.family, index);
        let one = |name: String| dense(weights, &[name], 0, 1.0);
        #[expect(clippy::cast_precision_loss, reason = "a head has some hundred numbers")]
        let scale = (config.head() as f32).sqrt().recip();
        Ok(Self {
            qkv: dense(weights, &names.qkv, config.width, scale)?,
            attended: one(names.attended)?,
            attention_norm: names.attention_norm.map(|name| Norm::load(weights, &name, config)).transpose()?,
            up: one(names.up)?,
            down: one(names.down)?,
            output_norm: Norm::load(weights, &names.output_norm, config)?,
            sight: config.layers.get(index).copied().unwrap_or(Sight { reach: None, theta: None }),
            order: if config.family == Family::ModernBert { Order::BeforeAndGated } else { Order::After },
        })
    }

    /// `x` `[tokens, width]` becomes the layer's output.
    pub(super) fn forward(&self, model: &Packed, x: &mut [f32], sequences: &[TokenSequence], buffers: &mut Buffers) {
        let isa = model.isa;
        match self.order {
            Order::After => {
                self.qkv.forward(x, &mut buffers.qkv, &mut buffers.scratch);
                self.attend(model, sequences, buffers);
                if let Some(norm) = &self.attention_norm {
                    norm.add_each(isa, x, &buffers.sum);
                }
                let Buffers { inner, sum, scratch, .. } = buffers;
                self.up.forward(x, inner, scratch);
                gelu(isa, inner);
                self.down.forward(inner, sum, scratch);
                self.output_norm.add_each(isa, x, sum);
            }
            Order::BeforeAndGated => {
                normalised(isa, self.attention_norm.as_ref(), x, &mut buffers.normed);
                self.qkv.forward(&buffers.normed, &mut buffers.qkv, &mut buffers.scratch);
                self.attend(model, sequences, buffers);
                add(isa, x, &buffers.sum);
                normalised(isa, Some(&self.output_norm), x, &mut buffers.normed);
                let Buffers { normed, inner, gated, sum, scratch, .. } = buffers;
                self.up.forward(normed, inner, scratch);
                gate(isa, inner, gated, self.up.outputs());
                self.down.forward(gated, sum, scratch);
                add(isa, x, sum);
            }
        }
    }

    /// From queries, keys and values to what attention gives, in `sum`.
    fn attend(&self, model: &Packed, sequences: &[TokenSequence], buffers: &mut Buffers) {
        let (isa, width, head) = (model.isa, model.shape.width, model.shape.head);
        let Buffers { qkv, mixed, sum, scratch, attention, .. } = buffers;
        mixed.clear();
        mixed.resize(qkv.len() / 3, 0.0);
        let (mut rest_of_qkv, mut rest) = (qkv.as_mut_slice(), mixed.as_mut_slice());
        for sequence in sequences {
            let (own, after) = rest_of_qkv.split_at_mut(rest_of_qkv.len().min(sequence.len() * 3 * width));
            let (mixed, rest_after) = rest.split_at_mut(rest.len().min(sequence.len() * width));
            (rest_of_qkv, rest) = (after, rest_after);
            if let Some(theta) = self.sight.theta {
                model.rotations.apply(isa, theta, own, width);
            }
            attention.mix(isa, own, mixed, width, head, self.sight.reach);
        }
        self.attended.forward(mixed, sum, scratch);
    }
}

/// `x` with rows normalised, or as it is.
fn normalised(isa: Isa, norm: Option<&Norm>, x: &[f32], normed: &mut Vec<f32>) {
    normed.clear();
    normed.extend_from_slice(x);
    if let Some(norm) = norm {
        norm.each(isa, normed);
    }
}

/// The right half of each row of so many numbers, times the gelu of the left half.
fn gate(isa: Isa, inner: &mut [f32], gated: &mut Vec<f32>, width: usize) {
    gated.clear();
    for row in inner.chunks_exact_mut(width.max(1)) {
        let (left, right) = row.split_at_mut(width / 2);
        gelu(isa, left);
        multiply(isa, left, right);
        gated.extend_from_slice(left);
    }
}
