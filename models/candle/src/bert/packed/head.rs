//! From the last layer's rows to the answer.

use candle_core::Result;
use tradewind_models::encoder::{Rows, TokenSequence};

use super::super::config::{Config, Pooling};
use super::super::head::{Bend, HeadPlan};
use super::super::weights::Weights;
use super::{Norm, dense};
use crate::cpu::{Dense, Isa, Scratch, gelu};

/// A head, arranged for the kernels.
#[derive(Debug)]
pub(super) struct Head {
    pooling: Option<Pooling>,
    inner: Option<(Dense, Bend)>,
    norm: Option<Norm>,
    scores: Option<Dense>,
    is_unit_length: bool,
    width: usize,
}

impl Head {
    pub(super) fn load(weights: &Weights, config: &Config, plan: &HeadPlan) -> Result<Self> {
        let dense = |name: &str| dense(weights, &[name.to_owned()], 0, 1.0);
        Ok(Self {
            pooling: plan.pooling,
            inner: plan.inner.map(|(name, bend)| dense(name).map(|dense| (dense, bend))).transpose()?,
            norm: plan.norm.map(|name| Norm::load(weights, name, config)).transpose()?,
            scores: plan.scores.map(dense).transpose()?,
            is_unit_length: plan.is_unit_length,
            width: config.width,
        })
    }

    pub(super) fn dimensions(&self) -> usize {
        self.scores.as_ref().map_or(self.width, Dense::outputs)
    }

    pub(super) fn rows(&self) -> Rows {
        if self.pooling.is_some() { Rows::One } else { Rows::PerToken }
    }

    /// What each sequence becomes, of the packed rows `x` `[tokens, width]`.
    pub(super) fn forward(&self, isa: Isa, x: Vec<f32>, sequences: &[TokenSequence]) -> Vec<Vec<f32>> {
        let mut x = match self.pooling {
            Some(pooling) => pooled(pooling, &x, sequences, self.width),
            None => x,
        };
        let mut scratch = Scratch::default();
        if let Some((dense, bend)) = &self.inner {
            let mut inner = Vec::new();
            dense.forward(&x, &mut inner, &mut scratch);
            bend.apply(isa, &mut inner);
            x = inner;
        }
        if let Some(norm) = &self.norm {
            norm.each(isa, &mut x);
        }
        if let Some(dense) = &self.scores {
            let mut scores = Vec::new();
            dense.forward(&x, &mut scores, &mut scratch);
            x = scores;
        }
        if self.is_unit_length {
            x.chunks_exact_mut(self.width.max(1)).for_each(to_unit_length);
        }
        let mut rest = x.as_slice();
        let part = |sequence: &TokenSequence| {
            let rows = if self.pooling.is_some() { 1 } else { sequence.len() };
            let (own, after) = rest.split_at(rest.len().min(rows * self.dimensions()));
            rest = after;
            own.to_vec()
        };
        sequences.iter().map(part).collect()
    }
}

impl Bend {
    fn apply(self, isa: Isa, x: &mut [f32]) {
        match self {
            Self::Tanh => x.iter_mut().for_each(|x| *x = x.tanh()),
            Self::Relu => x.iter_mut().for_each(|x| *x = x.max(0.0)),
            Self::Gelu => gelu(isa, x),
        }
    }
}

/// One row for each sequence.
fn pooled(pooling: Pooling, x: &[f32], sequences: &[TokenSequence], width: usize) -> Vec<f32> {
    let mut pooled = Vec::with_capacity(sequences.len() * width);
    let mut rest = x;
    for sequence in sequences {
        let (rows, after) = rest.split_at(rest.len().min(sequence.len() * width));
        rest = after;
        match pooling {
            Pooling::Cls => pooled.extend_from_slice(rows.get(..width).unwrap_or_default()),
            Pooling::Mean => pooled.extend(mean(rows, width)),
        }
    }
    pooled
}

fn mean(rows: &[f32], width: usize) -> Vec<f32> {
    let mut sum = vec![0.0; width];
    for row in rows.chunks_exact(width.max(1)) {
        sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
    }
    #[expect(clippy::cast_precision_loss, reason = "a sequence has some thousand tokens")]
    let count = (rows.len() / width.max(1)).max(1) as f32;
    sum.iter_mut().for_each(|x| *x /= count);
    sum
}

fn to_unit_length(row: &mut [f32]) {
    let length = row.iter().map(|x| x * x).sum::<f32>().sqrt();
    row.iter_mut().for_each(|x| *x /= length);
}
