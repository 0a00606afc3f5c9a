//! The dimensions of a Llama model, from its file's metadata.

use crate::gguf::Gguf;
use crate::load::LoadError;

/// Dimensions and constants.
#[derive(Debug, Clone)]
pub(super) struct Config {
    pub(super) layers: usize,
    pub(super) heads: usize,
    /// Heads of keys and values; each serves a group of query heads.
    pub(super) kv_heads: usize,
    /// Values of one head.
    pub(super) head: usize,
    pub(super) context: usize,
    /// Added to the mean square before its root is taken.
    pub(super) epsilon: f32,
    /// The base of the rotations' frequencies.
    pub(super) rope_base: f32,
}

impl Config {
    pub(super) fn read(gguf: &Gguf, context: usize) -> Result<Self, LoadError> {
        let architecture = gguf.text("general.architecture")?;
        if architecture != "llama" {
            let value = architecture.to_owned();
            return Err(LoadError::Unsupported {
                what: "architecture",
                value,
                supported: "llama",
            });
        }
        if gguf.has("llama.rope.scaling.type") {
            let value = gguf.text("llama.rope.scaling.type")?.to_owned();
            return Err(LoadError::Unsupported {
                what: "rope scaling",
                value,
                supported: "none",
            });
        }
        let heads = gguf.number("llama.attention.head_count")?;
        let width = gguf.number("llama.embedding_length")?;
        let kv_heads = gguf.number("llama.attention.head_count_kv")?;
        let head = width.checked_div(heads).unwrap_or(0);
        let rotated = gguf.number("llama.rope.dimension_count")?;
        if kv_heads == 0 || head == 0 || !heads.is_multiple_of(kv_heads) || rotated != head || head % 2 != 0 {
            let value = format!("{width} wide, {heads} heads, {kv_heads} for keys, {rotated} rotated");
            let supported = "whole groups of heads, rotated whole";
            return Err(LoadError::Unsupported {
                what: "attention",
                value,
                supported,
            });
        }
        Ok(Self {
            layers: gguf.number("llama.block_count")?,
            heads,
            kv_heads,
            head,
            context: context.min(gguf.number("llama.context_length")?),
            epsilon: gguf.float("llama.attention.layer_norm_rms_epsilon")?,
            rope_base: gguf.float("llama.rope.freq_base")?,
        })
    }

    /// Query heads for each head of keys.
    pub(super) fn group(&self) -> usize {
        self.heads / self.kv_heads
    }
}
