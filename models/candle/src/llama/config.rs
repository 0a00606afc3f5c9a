//! The dimensions of a Llama model, from its file's metadata.

use crate::gguf::Gguf;
use crate::load::LoadError;

/// Dimensions and constants.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) layers: usize,
    pub(crate) heads: Heads,
    pub(crate) context: usize,
    /// Added to the mean square before its root is taken.
    pub(crate) epsilon: f32,
    /// The base of the rotations' frequencies.
    pub(crate) rope_base: f32,
}

/// The heads of attention.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heads {
    pub(crate) query: usize,
    /// Heads of keys and values; each serves a group of query heads.
    pub(crate) kv: usize,
    /// Numbers of one head.
    pub(crate) dimensions: usize,
    /// By which products of queries and keys are multiplied.
    pub(crate) scale: f32,
}

impl Heads {
    /// Query heads for each head of keys.
    pub(crate) fn group(&self) -> usize {
        self.query / self.kv
    }
}

impl Config {
    pub(super) fn read(gguf: &Gguf, context: usize) -> Result<Self, LoadError> {
        let architecture = gguf.text("general.architecture")?;
        if architecture != "llama" {
            let value = architecture.to_owned();
            return Err(LoadError::Unsupported { what: "architecture", value, supported: "llama" });
        }
        if gguf.has("llama.rope.scaling.type") {
            let value = gguf.text("llama.rope.scaling.type")?.to_owned();
            return Err(LoadError::Unsupported { what: "rope scaling", value, supported: "none" });
        }
        let query = gguf.number("llama.attention.head_count")?;
        let width = gguf.number("llama.embedding_length")?;
        let kv = gguf.number("llama.attention.head_count_kv")?;
        let dimensions = width.checked_div(query).unwrap_or(0);
        let rotated = gguf.number("llama.rope.dimension_count")?;
        if kv == 0 || dimensions == 0 || !query.is_multiple_of(kv) || rotated != dimensions || dimensions % 2 != 0 {
            let value = format!("{width} wide, {query} heads, {kv} for keys, {rotated} rotated");
            let supported = "whole groups of heads, rotated whole";
            return Err(LoadError::Unsupported { what: "attention", value, supported });
        }
        let scale = 1.0 / (dimensions as f32).sqrt();
        Ok(Self {
            layers: gguf.number("llama.block_count")?,
            heads: Heads { query, kv, dimensions, scale },
            context: context.min(gguf.number("llama.context_length")?),
            epsilon: gguf.float("llama.attention.layer_norm_rms_epsilon")?,
            rope_base: gguf.float("llama.rope.freq_base")?,
        })
    }
}
