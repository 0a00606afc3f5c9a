//! The weights of a Hugging Face folder: safetensors, in one file or in several with an index.
//!
//! Format: <https://huggingface.co/docs/safetensors>. The files are mapped, and each tensor is copied once, to where it stays.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::safetensors::MmapedSafetensors;
use candle_core::{DType, Device, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::config::folder::{LESS_ONE, ModelConfig};
use crate::load::LoadError;

/// The weights, if they are one file.
const WHOLE: &str = "model.safetensors";
/// Which tensor is in which file, if they are several.
const INDEX: &str = "model.safetensors.index.json";

/// An open folder.
pub(crate) struct Folder {
    path: PathBuf,
    config: ModelConfig,
    tensors: MmapedSafetensors,
}

/// As much of the index as matters.
#[derive(Deserialize)]
struct Index {
    weight_map: Map<String, Value>,
}

impl Folder {
    pub(crate) fn open(path: &Path) -> Result<Self, LoadError> {
        let config = read_json(&path.join("config.json"))?;
        let files = weight_files(path)?;
        #[expect(unsafe_code, reason = "copying the files to memory first would take twice their size")]
        // SAFETY: nobody writes to these files while they are mapped: the cache replaces a file only under another name.
        let tensors = unsafe { MmapedSafetensors::multi(&files) }?;
        Ok(Self { path: path.to_owned(), config, tensors })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Whether a norm's weights are what is added to one.
    pub(super) fn stores_norms_less_one(&self) -> bool {
        LESS_ONE.contains(&self.config.model_type.as_str())
    }

    pub(super) fn has_tensor(&self, name: &str) -> bool {
        self.tensors.get(name).is_ok()
    }

    /// A matrix `[out, in]` or a vector, as it is stored.
    pub(super) fn tensor(&self, name: &str) -> Result<QTensor, LoadError> {
        let tensor = self.tensors.load(name, &Device::Cpu)?;
        let stored = match tensor.dtype() {
            DType::F32 => GgmlDType::F32,
            DType::F16 => GgmlDType::F16,
            DType::BF16 => GgmlDType::BF16,
            other => {
                let value = format!("{other:?} of {name}");
                return Err(LoadError::Unsupported { what: "tensor type", value, supported: "F32, F16 and BF16" });
            }
        };
        Ok(QTensor::quantize(&tensor, stored)?)
    }
}

/// Reads one of a folder's JSON files.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, LoadError> {
    let text = fs::read(path).map_err(LoadError::file(path))?;
    serde_json::from_slice(&text).map_err(|source| LoadError::Config { path: path.to_owned(), source })
}

fn weight_files(folder: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let index = folder.join(INDEX);
    if !index.is_file() {
        return Ok(vec![folder.join(WHOLE)]);
    }
    let index: Index = read_json(&index)?;
    let names: BTreeSet<&str> = index.weight_map.values().filter_map(Value::as_str).collect();
    let files = names.into_iter().map(|name| match Path::new(name).file_name() {
        Some(file) if file == name => Ok(folder.join(name)),
        _ => bail!("{INDEX} names `{name}`, which is not the name of a file beside it"),
    });
    Ok(files.collect::<candle_core::Result<_>>()?)
}
