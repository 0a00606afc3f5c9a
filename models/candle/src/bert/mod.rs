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

use std::path::{Path, PathBuf};

use candle_core::Device;
use tradewind_models::classify::Labels;
use tradewind_models::encoder::{Encoder, Rows};

use self::config::Config;
#[cfg(feature = "onnx")]
use self::config::LabelKeys;
#[cfg(feature = "onnx")]
pub(crate) use self::config::Pooling;
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
    let labels = head::labels(&config.labels, config.problem, purpose);
    let weights = Weights::read(&files.weights, &config, device)?;
    let encoder: Box<dyn Encoder> = if device.is_cpu() {
        Box::new(Packed::new(&config, &plan, &weights, context)?)
    } else {
        Box::new(Portable::new(config, &plan, &weights, device, context)?)
    };
    Ok((encoder, labels))
}

/// Whether a `config.json` is of a model that is written here.
pub(crate) fn knows(config: &Path) -> Result<bool, LoadError> {
    config::is_of_a_family(config)
}

/// How the rows of a sequence become its vector, and whether that is made of unit length.
#[cfg(feature = "onnx")]
pub(crate) fn vector_plan(pooling: Option<&Path>, modules: Option<&Path>) -> Result<(Pooling, bool), LoadError> {
    let plan = HeadPlan::vector(pooling, modules)?;
    Ok((plan.pooling.unwrap_or(Pooling::Mean), plan.is_unit_length))
}

/// The labels of a model with rows of so many numbers, from its `config.json` if it has one.
#[cfg(feature = "onnx")]
pub(crate) fn labels_of(config: Option<&Path>, purpose: Purpose, numbers: usize) -> Result<Option<Labels>, LoadError> {
    let keys = config.map_or_else(|| Ok(LabelKeys::default()), config::read)?;
    let names = keys.names(numbers)?;
    if purpose != Purpose::Vectors && names.len() != numbers {
        let value = format!("with {} names for rows of {numbers} numbers", names.len());
        return Err(LoadError::Unsupported { what: "id2label", value, supported: "a name for each number" });
    }
    Ok(head::labels(&names, keys.problem, purpose))
}
