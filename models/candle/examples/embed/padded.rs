//! The forward pass as candle's own models have it: a rectangle of tokens, as wide as the longest sequence, with a mask.

use std::collections::HashMap;
use std::path::Path;

use candle_core::{D, Device, Result, Tensor};
use candle_nn::ops::{layer_norm, softmax_last_dim};
use tradewind_models::encoder::TokenSequence;

/// Heads of MiniLM.
const HEADS: usize = 12;
const LAYERS: usize = 6;

/// A BERT model.
pub(super) struct Padded(HashMap<String, Tensor>);

impl Padded {
    pub(super) fn load(weights: &Path) -> Result<Self> {
        candle_core::safetensors::load(weights, &Device::Cpu).map(Self)
    }

    pub(super) fn encode(&self, sequences: &[TokenSequence]) -> Result<Vec<Vec<f32>>> {
        let (count, longest) = (sequences.len(), sequences.iter().map(TokenSequence::len).max().unwrap_or(0));
        let pad = |fill: &dyn Fn(&TokenSequence, usize) -> f32| -> Result<Tensor> {
            let rows = sequences.iter().flat_map(|sequence| (0..longest).map(move |place| fill(sequence, place)));
            Tensor::from_vec(rows.collect(), (count, longest), &Device::Cpu)
        };
        let real = pad(&|sequence, place| if place < sequence.len() { 1.0 } else { 0.0 })?;
        let mask = pad(&|sequence, place| if place < sequence.len() { 0.0 } else { f32::MIN })?;
        let mask = mask.reshape((count, 1, 1, longest))?;
        let ids = sequences.iter().flat_map(|sequence| (0..longest).map(|place| sequence.ids.get(place).copied().unwrap_or(0)));
        let ids = Tensor::from_vec(ids.collect(), count * longest, &Device::Cpu)?;

        let words = self.get("embeddings.word_embeddings.weight")?.index_select(&ids, 0)?;
        let positions = self.get("embeddings.position_embeddings.weight")?.narrow(0, 0, longest)?;
        let types = self.get("embeddings.token_type_embeddings.weight")?.narrow(0, 0, 1)?;
        let places = positions.broadcast_add(&types)?;
        let width = words.dim(1)?;
        let mut x = self.norm("embeddings", &words.reshape((count, longest, width))?.broadcast_add(&places)?)?;
        for layer in 0..LAYERS {
            x = self.layer(&format!("encoder.layer.{layer}"), &x, &mask)?;
        }
        let sum = x.broadcast_mul(&real.unsqueeze(2)?)?.sum(1)?;
        sum.broadcast_div(&sum.sqr()?.sum_keepdim(D::Minus1)?.sqrt()?)?.to_vec2()
    }

    fn layer(&self, name: &str, x: &Tensor, mask: &Tensor) -> Result<Tensor> {
        let (count, longest, width) = x.dims3()?;
        let head = width / HEADS;
        let by_head = |part: &str| -> Result<Tensor> {
            let part = self.linear(&format!("{name}.attention.self.{part}"), x)?;
            part.reshape((count, longest, HEADS, head))?.transpose(1, 2)?.contiguous()
        };
        let scores = by_head("query")?.matmul(&by_head("key")?.transpose(2, 3)?)?;
        let scores = (scores / (head as f64).sqrt())?.broadcast_add(mask)?;
        let mixed = softmax_last_dim(&scores)?.matmul(&by_head("value")?)?;
        let mixed = mixed.transpose(1, 2)?.reshape((count, longest, width))?;
        let attended = self.linear(&format!("{name}.attention.output.dense"), &mixed)?;
        let x = self.norm(&format!("{name}.attention.output"), &(x + attended)?)?;
        let inner = self.linear(&format!("{name}.intermediate.dense"), &x)?.gelu_erf()?;
        self.norm(&format!("{name}.output"), &(&x + self.linear(&format!("{name}.output.dense"), &inner)?)?)
    }

    fn linear(&self, name: &str, x: &Tensor) -> Result<Tensor> {
        let (count, longest, width) = x.dims3()?;
        let y = x.reshape((count * longest, width))?.matmul(&self.get(&format!("{name}.weight"))?.t()?)?;
        y.reshape((count, longest, ()))?.broadcast_add(self.get(&format!("{name}.bias"))?)
    }

    fn norm(&self, name: &str, x: &Tensor) -> Result<Tensor> {
        let part = |part: &str| self.get(&format!("{name}.LayerNorm.{part}"));
        layer_norm(x, part("weight")?, part("bias")?, 1e-12)
    }

    fn get(&self, name: &str) -> Result<&Tensor> {
        self.0.get(name).ok_or_else(|| candle_core::Error::Msg(format!("no tensor `{name}`")))
    }
}
