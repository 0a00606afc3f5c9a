//! The dimensions of a BERT model, from its `config.json`.

use std::path::Path;

use serde::Deserialize;

use crate::load::LoadError;

/// The keys that matter here; the file has more. The enums admit only what the forward pass does, so that a model of
/// another kind is refused by the name of what differs.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Config {
    pub(super) hidden_size: usize,
    pub(super) num_attention_heads: usize,
    pub(super) num_hidden_layers: usize,
    pub(super) vocab_size: usize,
    pub(super) layer_norm_eps: f32,
    #[serde(rename = "model_type")]
    _model_type: ModelType,
    #[serde(rename = "hidden_act")]
    _hidden_act: Activation,
    #[serde(rename = "position_embedding_type", default)]
    _positions: Positions,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ModelType {
    Bert,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Activation {
    /// By the error function, not by its tanh approximation.
    Gelu,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Positions {
    #[default]
    Absolute,
}

impl Config {
    pub(super) fn read(path: &Path) -> Result<Self, LoadError> {
        let json = std::fs::read(path).map_err(LoadError::file(path))?;
        serde_json::from_slice(&json).map_err(|source| LoadError::Config {
            path: path.to_owned(),
            source,
        })
    }
}
