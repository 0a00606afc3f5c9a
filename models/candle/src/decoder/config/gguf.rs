//! Dimensions and options from a GGUF file's metadata.
//!
//! Keys: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>. What a file does not say is what llama.cpp takes it to be.

use super::{Config, Family, Heads, Reach, WHOLE, alternating};
use crate::decoder::gguf::Gguf;
use crate::decoder::rope::{Pairing, Rope};
use crate::load::LoadError;

/// Files are not required to name the base of the rotations' frequencies.
const USUAL_BASE: f32 = 10_000.0;
/// How many layers the largest Gemma 2 and Gemma 3 have, whose scores are scaled by another number than the size of a head.
const LARGEST_GEMMA2: usize = 46;
const LARGEST_GEMMA3: usize = 62;

/// The metadata of one architecture.
struct Metadata<'a> {
    gguf: &'a mut Gguf,
    family: Family,
    name: String,
}

pub(in crate::decoder) fn read(gguf: &mut Gguf, context: usize) -> Result<Config, LoadError> {
    let name = gguf.text("general.architecture")?.to_owned();
    let family = family(&name)?;
    Metadata { gguf, family, name }.config(context)
}

fn family(name: &str) -> Result<Family, LoadError> {
    let supported = "llama (which Mistral and SmolLM2 are too), qwen2, qwen3, gemma, gemma2, gemma3 and phi3";
    match name {
        "llama" => Ok(Family::Llama),
        "qwen2" => Ok(Family::Qwen2),
        "qwen3" => Ok(Family::Qwen3),
        "gemma" => Ok(Family::Gemma),
        "gemma2" => Ok(Family::Gemma2),
        "gemma3" => Ok(Family::Gemma3),
        "phi3" => Ok(Family::Phi3),
        _ => Err(LoadError::Unsupported { what: "architecture", value: name.to_owned(), supported }),
    }
}

impl Metadata<'_> {
    fn config(mut self, context: usize) -> Result<Config, LoadError> {
        let context = context.min(self.number("context_length")?);
        let (layers, width) = (self.number("block_count")?, self.number("embedding_length")?);
        let heads = self.heads(layers, width)?;
        let rope = self.rope(&heads, context)?;
        let pairs = rope.pairs();
        let mut ropes = vec![rope];
        if self.family == Family::Gemma3 {
            let base = self.optional_float("rope.freq_base_swa")?.unwrap_or(USUAL_BASE);
            ropes.push(Rope::plain(base.into(), Pairing::Halves, pairs));
        }
        Ok(Config {
            layers: self.reaches(layers)?,
            heads,
            ropes,
            context,
            epsilon: self.float("attention.layer_norm_rms_epsilon")?,
            norms: self.family.norms(),
            activation: self.family.activation(),
            embedding_scale: self.family.embedding_scale(width),
            logit_cap: self.optional_float("final_logit_softcapping")?,
        })
    }

    fn heads(&self, layers: usize, width: usize) -> Result<Heads, LoadError> {
        let query = self.number("attention.head_count")?;
        let kv = self.optional_number("attention.head_count_kv")?.unwrap_or(query);
        let dimensions = self.optional_number("attention.key_length")?;
        let dimensions = dimensions.unwrap_or_else(|| width.checked_div(query).unwrap_or(0));
        let values = self.optional_number("attention.value_length")?.unwrap_or(dimensions);
        let scaled_by = match (self.family, layers) {
            (Family::Gemma2, LARGEST_GEMMA2) | (Family::Gemma3, LARGEST_GEMMA3) => width.checked_div(query).unwrap_or(0),
            _ => dimensions,
        };
        let scale = self.optional_float("attention.scale")?.unwrap_or_else(|| 1.0 / (scaled_by as f32).sqrt());
        let heads = Heads { query, kv, dimensions, scale, cap: self.optional_float("attn_logit_softcapping")? };
        if values != dimensions || !heads.are_sound() {
            let value = format!("{query} heads, {kv} for keys, of {dimensions}, values of {values}");
            return Err(LoadError::Unsupported { what: "attention", value, supported: "whole groups of heads of one even size" });
        }
        Ok(heads)
    }

    fn reaches(&self, layers: usize) -> Result<Vec<Reach>, LoadError> {
        let Some(window) = self.optional_number("attention.sliding_window")?.filter(|window| *window > 0) else {
            return Ok(vec![WHOLE; layers]);
        };
        Ok(match self.family {
            Family::Gemma2 => alternating(layers, window, 2, 0),
            Family::Gemma3 => {
                let period = self.optional_number("attention.sliding_window_pattern")?.unwrap_or(6);
                alternating(layers, window, period, 1)
            }
            _ => vec![Reach { window: Some(window), rope: 0 }; layers],
        })
    }

    /// The rotation of layers that see everything.
    fn rope(&mut self, heads: &Heads, context: usize) -> Result<Rope, LoadError> {
        let base = self.optional_float("rope.freq_base")?.unwrap_or(USUAL_BASE);
        let rotated = self.optional_number("rope.dimension_count")?.unwrap_or(heads.dimensions);
        let pairing = if self.family == Family::Llama { Pairing::Neighbours } else { Pairing::Halves };
        if rotated == 0 || rotated % 2 != 0 || rotated > heads.dimensions {
            let value = format!("{rotated} of {}", heads.dimensions);
            return Err(LoadError::Unsupported { what: "rotation", value, supported: "an even number of a head's dimensions" });
        }
        let rope = Rope::plain(base.into(), pairing, rotated / 2);
        let scaling = self.optional("rope.scaling.type", |gguf, key| Ok(gguf.text(key)?.to_owned()))?;
        let rope = match scaling.as_deref() {
            None | Some("none" | "longrope") => rope,
            Some("linear") => rope.stretched(self.float("rope.scaling.factor")?.into()),
            Some(other) => {
                let value = other.to_owned();
                return Err(LoadError::Unsupported { what: "rope scaling", value, supported: "none, linear and longrope" });
            }
        };
        self.with_divisors(rope, context)
    }

    /// Llama 3.1 and Phi-3 come with a divisor for each frequency.
    fn with_divisors(&mut self, mut rope: Rope, context: usize) -> Result<Rope, LoadError> {
        let original = self.optional_number("rope.scaling.original_context_length")?;
        let phi = if original.is_some_and(|original| context > original) {
            "rope_factors_long.weight"
        } else {
            "rope_factors_short.weight"
        };
        for name in ["rope_freqs.weight", phi] {
            if !self.gguf.has_tensor(name) {
                continue;
            }
            let divisors = self.gguf.numbers(name)?;
            if divisors.len() != rope.pairs() {
                let value = format!("{} of {name}", divisors.len());
                return Err(LoadError::Unsupported { what: "frequencies", value, supported: "one for each pair that turns" });
            }
            rope.divisors.iter_mut().zip(divisors).for_each(|(divisor, other)| *divisor *= f64::from(other));
        }
        rope.magnitude = self.optional_float("rope.scaling.attn_factor")?.unwrap_or(1.0).into();
        Ok(rope)
    }

    fn key(&self, key: &str) -> String {
        format!("{}.{key}", self.name)
    }

    fn number(&self, key: &str) -> Result<usize, LoadError> {
        self.gguf.number(&self.key(key))
    }

    fn float(&self, key: &str) -> Result<f32, LoadError> {
        self.gguf.float(&self.key(key))
    }

    fn optional_number(&self, key: &str) -> Result<Option<usize>, LoadError> {
        self.optional(key, Gguf::number)
    }

    fn optional_float(&self, key: &str) -> Result<Option<f32>, LoadError> {
        self.optional(key, Gguf::float)
    }

    fn optional<T>(&self, key: &str, read: impl FnOnce(&Gguf, &str) -> Result<T, LoadError>) -> Result<Option<T>, LoadError> {
        self.gguf.optional(&self.key(key), read)
    }
}
