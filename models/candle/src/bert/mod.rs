//! A BERT sentence encoder: mean pooling over the last layer, then unit length, as sentence-transformers does it.
//!
//! Devlin et al., <https://arxiv.org/abs/1810.04805>; Reimers and Gurevych, <https://arxiv.org/abs/1908.10084>. Sequences
//! are packed, not padded: everything but attention treats all tokens of a call `[tokens, width]` alike.
//!
//! On a CPU the [forward pass](packed) is made of kernels of our own; candle's operations cost a pass over memory each, and its matrix
//! multiplication arranges the weights anew in every call.

mod config;
mod layer;
mod packed;
mod portable;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::Path;

use candle_core::{DType, Device, Result, Tensor};
use tradewind_models::encoder::Encoder;

use self::config::Config;
use self::packed::Packed;
use self::portable::Portable;
use crate::load::LoadError;

/// Loads a model; sequences end at `context` tokens, or where the positions do if that is earlier.
pub(crate) fn load(
    config: &Path,
    weights: &Path,
    device: &Device,
    context: usize,
) -> std::result::Result<Box<dyn Encoder>, LoadError> {
    let config = Config::read(config)?;
    let weights = Weights(candle_core::safetensors::load(weights, device)?);
    if device.is_cpu() && Packed::takes(&config) {
        return Ok(Box::new(Packed::new(&config, &weights, context)?));
    }
    Ok(Box::new(Portable::new(config, &weights, device, context)?))
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

    /// Position and token-type embeddings in one: sentences have the one type.
    fn positions(&self) -> Result<Tensor> {
        let types = self.get("embeddings.token_type_embeddings.weight")?.narrow(0, 0, 1)?;
        self.get("embeddings.position_embeddings.weight")?.broadcast_add(&types)
    }

    /// The numbers of a tensor, row by row.
    fn numbers(&self, name: &str) -> Result<Vec<f32>> {
        self.get(name)?.flatten_all()?.to_vec1()
    }
}
