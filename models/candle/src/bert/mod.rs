//! Encoders of the BERT family: vectors of sentences as sentence-transformers makes them, scores of texts, of pairs, and of tokens.
//!
//! Devlin et al., <https://arxiv.org/abs/1810.04805>; Reimers and Gurevych, <https://arxiv.org/abs/1908.10084>; what each [family](config)
//! does differently is told there. Sequences are packed, not padded: everything but attention treats all tokens of a call
//! `[tokens, width]` alike.
//!
//! On a CPU the [forward pass](packed) is made of kernels of our own; candle's operations cost a pass over memory each, and its matrix
//! multiplication arranges the weights anew in every call.

mod config;
mod head;
mod layer;
mod names;
mod packed;
mod portable;
#[cfg(test)]
mod tests;
mod weights;

use std::path::PathBuf;

use candle_core::Device;
use tradewind_models::classify::Labels;
use tradewind_models::encoder::{Encoder, Rows};

use self::config::Config;
use self::head::HeadPlan;
pub(crate) use self::head::Purpose;
use self::packed::Packed;
use self::portable::Portable;
use self::weights::Weights;
use crate::load::LoadError;

/// Where a model's files lie.
#[derive(Debug)]
pub(crate) struct Files {
    /// `config.json`.
    pub(crate) config: PathBuf,
    /// Of safetensors, one or several; or an ONNX file.
    pub(crate) weights: Vec<PathBuf>,
    /// `1_Pooling/config.json` of sentence-transformers.
    pub(crate) pooling: Option<PathBuf>,
    /// `modules.json` of the same.
    pub(crate) modules: Option<PathBuf>,
}

/// Loads a model; sequences end at `context` tokens, or where the positions do if that is earlier. With it come the labels that its numbers
/// are scores of, if they are.
pub(crate) fn load(
    files: &Files,
    purpose: Purpose,
    device: &Device,
    context: usize,
) -> Result<(Box<dyn Encoder>, Option<Labels>), LoadError> {
    let config = Config::read(&files.config)?;
    let plan = match purpose {
        Purpose::Vectors => HeadPlan::vector(files.pooling.as_deref(), files.modules.as_deref())?,
        Purpose::Scores => HeadPlan::scores(&config, Rows::One),
        Purpose::TokenScores => HeadPlan::scores(&config, Rows::PerToken),
    };
    let labels = head::labels(&config, purpose);
    let weights = Weights::read(&files.weights, &config, device)?;
    let encoder: Box<dyn Encoder> = if device.is_cpu() {
        Box::new(Packed::new(&config, &plan, &weights, context)?)
    } else {
        Box::new(Portable::new(config, &plan, &weights, device, context)?)
    };
    Ok((encoder, labels))
}
