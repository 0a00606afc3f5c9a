//! Where a model's weights come from: one GGUF file, or a folder as the Hugging Face hub has them.

use candle_core::Device;
use candle_core::quantized::{GgmlDType, QTensor};

use super::config::{self, Config, Norms};
use super::folder::Folder;
use super::gguf::Gguf;
use super::parts::Part;
use crate::load::LoadError;

/// The files of one model.
pub(crate) enum Source {
    /// One file with everything.
    Gguf(Box<Gguf>),
    /// `config.json` and safetensors.
    Folder(Box<Folder>),
}

/// Weights under names that do not depend on the file.
pub(super) struct Weights<'a> {
    source: &'a mut Source,
    norms: Norms,
    device: Device,
}

impl Source {
    /// The dimensions and options of a model whose sequences end at `context` tokens, or where the file says if that is earlier.
    pub(super) fn config(&mut self, context: usize) -> Result<Config, LoadError> {
        match self {
            Self::Gguf(gguf) => config::gguf::read(gguf, context),
            Self::Folder(folder) => config::folder::read(folder.config(), context),
        }
    }

    pub(super) fn weights(&mut self, norms: Norms, device: &Device) -> Weights<'_> {
        Weights { source: self, norms, device: device.clone() }
    }
}

impl Weights<'_> {
    pub(super) fn has(&self, part: Part) -> bool {
        match &*self.source {
            Source::Gguf(gguf) => gguf.has_tensor(&part.in_gguf()),
            Source::Folder(folder) if part == Part::Head && folder.config().is_tied() => false,
            Source::Folder(folder) => folder.has_tensor(&part.in_folder(self.norms)),
        }
    }

    pub(super) fn have_norms_around(&self) -> bool {
        self.norms == Norms::Around
    }

    /// A matrix `[out, in]` or a vector, as it is stored; norms as what is multiplied by. What is quantised is on the device already.
    pub(super) fn tensor(&mut self, part: Part) -> Result<QTensor, LoadError> {
        match self.source {
            Source::Gguf(gguf) => gguf.tensor(&part.in_gguf(), &self.device),
            Source::Folder(folder) => {
                let stored = folder.tensor(&part.in_folder(self.norms))?;
                if !part.is_norm() || !folder.stores_norms_less_one() {
                    return Ok(stored);
                }
                let weight = (stored.dequantize(&Device::Cpu)? + 1.0)?;
                Ok(QTensor::quantize(&weight, GgmlDType::F32)?)
            }
        }
    }
}
