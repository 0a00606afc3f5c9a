//! Dimensions and options from the `config.json` of a Hugging Face folder.
//!
//! Keys and what they mean are those of `transformers`, in the spelling of version 5 (`rope_parameters`) and in the older one.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Activation, Config, Family, Heads, Reach, WHOLE, alternating};
use crate::decoder::rope::{Bands, Pairing, Rope};
use crate::load::LoadError;

/// Models whose norms multiply by one more than is stored.
pub(in crate::decoder) const LESS_ONE: [&str; 3] = ["gemma", "gemma2", "gemma3_text"];

const USUAL_BASE: f64 = 10_000.0;
/// The base of Gemma 3's layers that see everything.
const WIDE_BASE: f64 = 1_000_000.0;

/// What a `config.json` says.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ModelConfig {
    pub(in crate::decoder) model_type: String,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    num_key_value_heads: Option<usize>,
    head_dim: Option<usize>,
    max_position_embeddings: usize,
    original_max_position_embeddings: Option<usize>,
    rms_norm_eps: f32,
    hidden_act: Option<String>,
    /// Gemma's spelling, which counts where both are given.
    hidden_activation: Option<String>,
    sliding_window: Option<usize>,
    use_sliding_window: Option<bool>,
    max_window_layers: Option<usize>,
    sliding_window_pattern: Option<usize>,
    layer_types: Option<Vec<String>>,
    query_pre_attn_scalar: Option<f32>,
    attn_logit_softcapping: Option<f32>,
    final_logit_softcapping: Option<f32>,
    partial_rotary_factor: Option<f64>,
    rope_theta: Option<f64>,
    rope_local_base_freq: Option<f64>,
    rope_scaling: Option<Rotation>,
    rope_parameters: Option<Rotations>,
    tie_word_embeddings: Option<bool>,
}

/// One rotation for each kind of layer, or one for all.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Rotations {
    Each(BTreeMap<String, Rotation>),
    One(Box<Rotation>),
}

/// How positions are told apart.
#[derive(Debug, Clone, Deserialize)]
struct Rotation {
    rope_type: Option<String>,
    /// The older spelling.
    r#type: Option<String>,
    rope_theta: Option<f64>,
    partial_rotary_factor: Option<f64>,
    factor: Option<f64>,
    low_freq_factor: Option<f64>,
    high_freq_factor: Option<f64>,
    original_max_position_embeddings: Option<usize>,
    attention_factor: Option<f64>,
    short_factor: Option<Vec<f64>>,
    long_factor: Option<Vec<f64>>,
}

pub(in crate::decoder) fn read(config: &ModelConfig, context: usize) -> Result<Config, LoadError> {
    let family = family(&config.model_type)?;
    let activation = family.activation();
    config.check_activation(activation)?;
    let context = context.min(config.max_position_embeddings);
    let heads = config.heads()?;
    let mut ropes = vec![config.rope(&heads, "full_attention", context, config.usual_base(family))?];
    if family == Family::Gemma3 {
        let base = config.rope_local_base_freq.unwrap_or(USUAL_BASE);
        let rope = match config.parameters("sliding_attention") {
            Some(_) => config.rope(&heads, "sliding_attention", context, base)?,
            None => Rope::plain(base, Pairing::Halves, heads.dimensions / 2),
        };
        ropes.push(rope);
    }
    Ok(Config {
        layers: config.reaches(family)?,
        heads,
        ropes,
        context,
        epsilon: config.rms_norm_eps,
        norms: family.norms(),
        activation,
        embedding_scale: family.embedding_scale(config.hidden_size),
        logit_cap: config.final_logit_softcapping,
    })
}

fn family(model_type: &str) -> Result<Family, LoadError> {
    let supported = "llama, mistral, qwen2, qwen3, gemma, gemma2, gemma3_text and phi3";
    match model_type {
        "llama" => Ok(Family::Llama),
        "mistral" => Ok(Family::Mistral),
        "qwen2" => Ok(Family::Qwen2),
        "qwen3" => Ok(Family::Qwen3),
        "gemma" => Ok(Family::Gemma),
        "gemma2" => Ok(Family::Gemma2),
        "gemma3_text" => Ok(Family::Gemma3),
        "phi3" => Ok(Family::Phi3),
        _ => Err(LoadError::Unsupported { what: "model_type", value: model_type.to_owned(), supported }),
    }
}

impl ModelConfig {
    /// Whether the embedding is the head too, whatever else is in the file.
    pub(in crate::decoder) fn is_tied(&self) -> bool {
        self.tie_word_embeddings == Some(true)
    }

    fn check_activation(&self, expected: Activation) -> Result<(), LoadError> {
        let known = match expected {
            Activation::Silu => ["silu", "swish"],
            // The first Gemma's file says `gelu` and means the approximation.
            Activation::Gelu => ["gelu_pytorch_tanh", "gelu"],
        };
        match self.hidden_activation.as_ref().or(self.hidden_act.as_ref()) {
            Some(other) if !known.contains(&other.as_str()) => {
                let supported = "silu, or gelu_pytorch_tanh for Gemma";
                Err(LoadError::Unsupported { what: "hidden_act", value: other.clone(), supported })
            }
            _ => Ok(()),
        }
    }

    fn heads(&self) -> Result<Heads, LoadError> {
        let query = self.num_attention_heads;
        let kv = self.num_key_value_heads.unwrap_or(query);
        let dimensions = self.head_dim.unwrap_or_else(|| self.hidden_size.checked_div(query).unwrap_or(0));
        let scaled_by = self.query_pre_attn_scalar.unwrap_or(dimensions as f32);
        let heads = Heads { query, kv, dimensions, scale: 1.0 / scaled_by.sqrt(), cap: self.attn_logit_softcapping };
        if !heads.are_sound() {
            let value = format!("{query} heads, {kv} for keys, of {dimensions}");
            return Err(LoadError::Unsupported { what: "attention", value, supported: "whole groups of heads of one even size" });
        }
        Ok(heads)
    }

    fn reaches(&self, family: Family) -> Result<Vec<Reach>, LoadError> {
        let layers = self.num_hidden_layers;
        let window_rope = usize::from(family == Family::Gemma3);
        // Qwen's files name a window also where none is used.
        let by_default = !matches!(family, Family::Qwen2 | Family::Qwen3);
        let Some(window) = self.sliding_window.filter(|_| self.use_sliding_window.unwrap_or(by_default)) else {
            return Ok(vec![WHOLE; layers]);
        };
        let near = Reach { window: Some(window), rope: window_rope };
        if let Some(types) = &self.layer_types {
            let each = types.iter().map(|name| match name.as_str() {
                "full_attention" => Ok(WHOLE),
                "sliding_attention" => Ok(near),
                other => {
                    let supported = "full_attention and sliding_attention";
                    Err(LoadError::Unsupported { what: "layer type", value: other.to_owned(), supported })
                }
            });
            let each = each.collect::<Result<Vec<_>, _>>()?;
            if each.len() != layers {
                let value = format!("{} layer_types for {layers} layers", each.len());
                return Err(LoadError::Unsupported { what: "attention", value, supported: "one for each layer" });
            }
            return Ok(each);
        }
        Ok(match family {
            Family::Gemma2 => alternating(layers, window, 2, window_rope),
            Family::Gemma3 => alternating(layers, window, self.sliding_window_pattern.unwrap_or(6), window_rope),
            Family::Qwen2 | Family::Qwen3 => {
                let whole = self.max_window_layers.unwrap_or(layers).min(layers);
                (0..layers).map(|layer| if layer < whole { WHOLE } else { near }).collect()
            }
            _ => vec![near; layers],
        })
    }

    fn usual_base(&self, family: Family) -> f64 {
        let usual = if family == Family::Gemma3 { WIDE_BASE } else { USUAL_BASE };
        self.rope_theta.unwrap_or(usual)
    }

    /// What the file says of the rotation of layers of this kind.
    fn parameters(&self, kind: &str) -> Option<&Rotation> {
        match &self.rope_parameters {
            Some(Rotations::One(rotation)) => Some(rotation),
            Some(Rotations::Each(rotations)) => rotations.get(kind),
            // The older spelling has one, of layers that see everything.
            None => self.rope_scaling.as_ref().filter(|_| kind == "full_attention"),
        }
    }

    fn rope(&self, heads: &Heads, kind: &str, context: usize, base: f64) -> Result<Rope, LoadError> {
        let rotation = self.parameters(kind);
        let base = rotation.and_then(|rotation| rotation.rope_theta).unwrap_or(base);
        let part = rotation.and_then(|rotation| rotation.partial_rotary_factor).or(self.partial_rotary_factor).unwrap_or(1.0);
        let rotated = (heads.dimensions as f64 * part) as usize;
        let rope = Rope::plain(base, Pairing::Halves, rotated / 2);
        let Some(rotation) = rotation else { return Ok(rope) };
        match rotation.rope_type.as_deref().or(rotation.r#type.as_deref()) {
            None | Some("default") => Ok(rope),
            Some("linear") => Ok(rope.stretched(needed("factor", rotation.factor)?)),
            Some("llama3") => Ok(rope.in_bands(Bands {
                factor: needed("factor", rotation.factor)?,
                low: needed("low_freq_factor", rotation.low_freq_factor)?,
                high: needed("high_freq_factor", rotation.high_freq_factor)?,
                original: needed("original_max_position_embeddings", self.original(rotation))? as f64,
            })),
            Some("longrope" | "su") => self.long_rope(rope, rotation, context),
            Some(other) => {
                let supported = "default, linear, llama3 and longrope";
                Err(LoadError::Unsupported { what: "rope scaling", value: other.to_owned(), supported })
            }
        }
    }

    fn original(&self, rotation: &Rotation) -> Option<usize> {
        rotation.original_max_position_embeddings.or(self.original_max_position_embeddings)
    }

    /// Ding et al., <https://arxiv.org/abs/2402.13753>. Which of the two lists holds is decided once, by the context that is served:
    /// what is cached of a sequence could not change with its length.
    fn long_rope(&self, mut rope: Rope, rotation: &Rotation, context: usize) -> Result<Rope, LoadError> {
        let original = needed("original_max_position_embeddings", self.original(rotation))?;
        let (name, list) =
            if context > original { ("long_factor", &rotation.long_factor) } else { ("short_factor", &rotation.short_factor) };
        let divisors = needed(name, list.clone())?;
        if divisors.len() != rope.pairs() {
            let value = format!("{} numbers in {name}", divisors.len());
            return Err(LoadError::Unsupported { what: "rope scaling", value, supported: "one for each pair that turns" });
        }
        rope.divisors = divisors;
        let stretch = self.max_position_embeddings as f64 / original as f64;
        let stretch = rotation.factor.unwrap_or(stretch);
        let usual = if stretch <= 1.0 { 1.0 } else { (1.0 + stretch.ln() / (original as f64).ln()).sqrt() };
        rope.magnitude = rotation.attention_factor.unwrap_or(usual);
        Ok(rope)
    }
}

fn needed<T>(key: &str, value: Option<T>) -> Result<T, LoadError> {
    value.ok_or_else(|| LoadError::Metadata { key: format!("rope_scaling.{key}"), expected: "given", found: "absent".to_owned() })
}
