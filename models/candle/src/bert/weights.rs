//! A model's tensors, by the names of Hugging Face's library.

use std::collections::HashMap;
use std::path::PathBuf;

use candle_core::{DType, Device, Result, Tensor, bail};

use super::config::{Config, Family};
use crate::onnx;

/// All tensors of a model.
pub(super) struct Weights {
    tensors: HashMap<String, Tensor>,
    /// What stands before the names of the body's tensors where the model has a head; it may as well be left out.
    prefix: &'static str,
    /// Whether a norm or a projection may do without a bias.
    may_lack_biases: bool,
}

impl Weights {
    /// Those of some files together.
    pub(super) fn read(files: &[PathBuf], config: &Config, device: &Device) -> Result<Self> {
        let mut tensors = HashMap::new();
        for file in files {
            let is_onnx = file.extension().is_some_and(|extension| extension == "onnx");
            tensors.extend(if is_onnx { onnx::load(file, device)? } else { candle_core::safetensors::load(file, device)? });
        }
        Ok(Self::new(tensors, config))
    }

    pub(super) fn new(tensors: HashMap<String, Tensor>, config: &Config) -> Self {
        let prefix = match config.family {
            Family::Bert => "bert.",
            Family::Roberta => "roberta.",
            Family::DistilBert => "distilbert.",
            Family::ModernBert => "model.",
        };
        Self { tensors, prefix, may_lack_biases: config.family == Family::ModernBert }
    }

    fn find(&self, name: &str) -> Option<&Tensor> {
        self.tensors.get(name).or_else(|| self.tensors.get(&format!("{}{name}", self.prefix)))
    }

    /// Whether there is one.
    pub(super) fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// A tensor in f32.
    pub(super) fn get(&self, name: &str) -> Result<Tensor> {
        match self.find(name) {
            Some(tensor) => tensor.to_dtype(DType::F32),
            None => bail!("the files have no tensor `{name}`"),
        }
    }

    /// The bias of a part with so many outputs.
    pub(super) fn bias(&self, part: &str, outputs: usize) -> Result<Tensor> {
        let name = format!("{part}.bias");
        if self.may_lack_biases && !self.has(&name) {
            let weight = self.get(&format!("{part}.weight"))?;
            return Tensor::zeros(outputs, DType::F32, weight.device());
        }
        self.get(&name)
    }

    /// Projections of the same input, their outputs one after the other: the weight, `[outputs, inputs]`, and the bias.
    pub(super) fn projection(&self, parts: &[String]) -> Result<(Tensor, Tensor)> {
        let weights = parts.iter().map(|part| self.get(&format!("{part}.weight"))).collect::<Result<Vec<_>>>()?;
        let biases = parts.iter().zip(&weights).map(|(part, weight)| self.bias(part, weight.dim(0)?));
        Ok((Tensor::cat(&weights, 0)?, Tensor::cat(&biases.collect::<Result<Vec<_>>>()?, 0)?))
    }

    /// The table of positions from the first that is used on, with the embedding of token type 0 added where there are types; `None` for a
    /// model without a table.
    pub(super) fn positions(&self, config: &Config) -> Result<Option<Tensor>> {
        if config.family == Family::ModernBert {
            return Ok(None);
        }
        let table = self.get("embeddings.position_embeddings.weight")?;
        let count = table.dim(0)?.saturating_sub(config.first_position);
        let positions = table.narrow(0, config.first_position, count)?;
        match self.types(config)? {
            Some(types) => positions.broadcast_add(&types.narrow(0, 0, 1)?).map(Some),
            None => Ok(Some(positions)),
        }
    }

    /// What token type 1 adds to type 0; `None` for a model that has only the one.
    pub(super) fn second_type(&self, config: &Config) -> Result<Option<Tensor>> {
        match self.types(config)? {
            Some(types) if types.dim(0)? > 1 => (types.narrow(0, 1, 1)? - types.narrow(0, 0, 1)?).map(Some),
            _ => Ok(None),
        }
    }

    fn types(&self, config: &Config) -> Result<Option<Tensor>> {
        match config.family {
            Family::Bert | Family::Roberta => self.get("embeddings.token_type_embeddings.weight").map(Some),
            Family::DistilBert | Family::ModernBert => Ok(None),
        }
    }

    /// The table of words, `[vocabulary, width]`.
    pub(super) fn words(&self, config: &Config) -> Result<Tensor> {
        let name = if config.family == Family::ModernBert { "tok_embeddings" } else { "word_embeddings" };
        let words = self.get(&format!("embeddings.{name}.weight"))?;
        if words.dims() != [config.vocabulary, config.width] {
            let (vocabulary, width) = (config.vocabulary, config.width);
            bail!("the configuration says {vocabulary} tokens and width {width}, and the table of words is {:?}", words.dims())
        }
        Ok(words)
    }
}
