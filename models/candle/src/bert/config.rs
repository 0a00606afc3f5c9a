//! What kind of encoder a model is, from its `config.json`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::load::LoadError;

/// The kinds of encoders there are. They differ in where they normalise, how they know positions, and what their tensors are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// BERT, and what has its shape: MiniLM, BGE, E5 (<https://arxiv.org/abs/1810.04805>).
    Bert,
    /// RoBERTa, XLM-RoBERTa and CamemBERT (<https://arxiv.org/abs/1907.11692>): positions begin behind the padding's.
    Roberta,
    /// DistilBERT (<https://arxiv.org/abs/1910.01108>): no token types.
    DistilBert,
    /// ModernBERT (<https://arxiv.org/abs/2412.13663>): rotated positions, windows of attention, gated layers that are normalised before.
    ModernBert,
}

/// The dimensions of a model.
#[derive(Debug, Clone)]
pub(super) struct Config {
    pub(super) family: Family,
    pub(super) width: usize,
    pub(super) heads: usize,
    pub(super) vocabulary: usize,
    pub(super) epsilon: f32,
    /// The position of a sequence's first token.
    pub(super) first_position: usize,
    /// As far as positions go, where they are not a table of the weights.
    pub(super) positions: usize,
    /// What each layer's attention is like.
    pub(super) layers: Vec<Sight>,
    /// How ModernBERT makes a sequence one row for its classifier.
    pub(super) classifier_pooling: Pooling,
    pub(super) labels: Vec<String>,
    pub(super) problem: Option<Problem>,
}

/// What a layer's tokens see.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sight {
    /// How many tokens on either side; all of them without a number.
    pub(super) reach: Option<usize>,
    /// The base of the angles by which queries and keys are rotated, if they are.
    pub(super) theta: Option<f64>,
}

/// How the rows of a sequence become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Pooling {
    /// That of the first token.
    Cls,
    /// The mean of all.
    Mean,
}

/// What the scores of a classifier are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Problem {
    /// Numbers.
    Regression,
    /// One label holds.
    SingleLabelClassification,
    /// Any of the labels may hold.
    MultiLabelClassification,
}

/// The keys that matter here, each by all its names; the file has more. What admits only one value is here so that a model that differs is
/// refused by the name of what differs.
#[derive(Debug, Deserialize)]
struct Raw {
    model_type: ModelType,
    #[serde(alias = "dim")]
    hidden_size: usize,
    #[serde(alias = "n_heads")]
    num_attention_heads: usize,
    #[serde(alias = "n_layers")]
    num_hidden_layers: usize,
    vocab_size: usize,
    #[serde(alias = "norm_eps", default = "usual_epsilon")]
    layer_norm_eps: f32,
    #[serde(rename = "hidden_act", alias = "activation", alias = "hidden_activation")]
    _hidden_act: Activation,
    #[serde(rename = "position_embedding_type", default)]
    _position_kind: PositionKind,
    max_position_embeddings: usize,
    pad_token_id: Option<usize>,
    global_rope_theta: Option<f64>,
    local_rope_theta: Option<f64>,
    global_attn_every_n_layers: Option<usize>,
    local_attention: Option<usize>,
    layer_types: Option<Vec<LayerType>>,
    rope_parameters: Option<BTreeMap<LayerType, Rope>>,
    classifier_pooling: Option<Pooling>,
    #[serde(flatten)]
    labels: LabelKeys,
}

/// The keys that say what the numbers of a classifier are.
#[derive(Debug, Default, Deserialize)]
pub(super) struct LabelKeys {
    id2label: Option<BTreeMap<String, String>>,
    #[serde(rename = "problem_type")]
    pub(super) problem: Option<Problem>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ModelType {
    Bert,
    Roberta,
    XlmRoberta,
    Camembert,
    #[serde(rename = "distilbert")]
    DistilBert,
    #[serde(rename = "modernbert")]
    ModernBert,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Activation {
    /// By the error function, not by its tanh approximation.
    Gelu,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum PositionKind {
    #[default]
    Absolute,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
enum LayerType {
    FullAttention,
    SlidingAttention,
}

#[derive(Debug, Clone, Copy, Deserialize)]
struct Rope {
    rope_theta: Option<f64>,
    #[serde(rename = "rope_type", default)]
    _kind: RopeKind,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RopeKind {
    #[default]
    Default,
}

/// BERT's.
fn usual_epsilon() -> f32 {
    1e-12
}

impl Config {
    pub(super) fn read(path: &Path) -> Result<Self, LoadError> {
        read::<Raw>(path)?.resolve()
    }

    #[cfg(test)]
    pub(super) fn of(json: serde_json::Value) -> Self {
        serde_json::from_value::<Raw>(json).unwrap().resolve().unwrap()
    }

    /// Numbers of a head.
    pub(super) fn head(&self) -> usize {
        self.width / self.heads
    }
}

impl Raw {
    fn resolve(self) -> Result<Config, LoadError> {
        let family = self.family();
        if self.num_attention_heads == 0 || !self.hidden_size.is_multiple_of(self.num_attention_heads) {
            let value = format!("{} over {} heads", self.hidden_size, self.num_attention_heads);
            return Err(LoadError::Unsupported { what: "width", value, supported: "a width that the heads divide evenly" });
        }
        Ok(Config {
            family,
            width: self.hidden_size,
            heads: self.num_attention_heads,
            vocabulary: self.vocab_size,
            epsilon: self.layer_norm_eps,
            first_position: if family == Family::Roberta { self.pad_token_id.unwrap_or(1) + 1 } else { 0 },
            positions: self.max_position_embeddings,
            layers: (0..self.num_hidden_layers).map(|layer| self.sight(family, layer)).collect(),
            classifier_pooling: self.classifier_pooling.unwrap_or(Pooling::Cls),
            labels: self.labels.names(2)?,
            problem: self.labels.problem,
        })
    }

    fn family(&self) -> Family {
        match self.model_type {
            ModelType::Bert => Family::Bert,
            ModelType::Roberta | ModelType::XlmRoberta | ModelType::Camembert => Family::Roberta,
            ModelType::DistilBert => Family::DistilBert,
            ModelType::ModernBert => Family::ModernBert,
        }
    }

    /// The defaults are those of the paper, which files leave out.
    fn sight(&self, family: Family, layer: usize) -> Sight {
        if family != Family::ModernBert {
            return Sight { reach: None, theta: None };
        }
        let is_local = match &self.layer_types {
            Some(kinds) => kinds.get(layer) == Some(&LayerType::SlidingAttention),
            None => !layer.is_multiple_of(self.global_attn_every_n_layers.unwrap_or(3).max(1)),
        };
        let rope = |kind| self.rope_parameters.as_ref().and_then(|kinds| kinds.get(&kind)?.rope_theta);
        if is_local {
            let theta = rope(LayerType::SlidingAttention).or(self.local_rope_theta).unwrap_or(10_000.0);
            Sight { reach: Some(self.local_attention.unwrap_or(128) / 2), theta: Some(theta) }
        } else {
            let theta = rope(LayerType::FullAttention).or(self.global_rope_theta).unwrap_or(160_000.0);
            Sight { reach: None, theta: Some(theta) }
        }
    }
}

impl LabelKeys {
    /// The names; where the file has none, so many as Hugging Face's library makes them.
    pub(super) fn names(&self, unnamed: usize) -> Result<Vec<String>, LoadError> {
        let Some(names) = &self.id2label else { return Ok((0..unnamed).map(|number| format!("LABEL_{number}")).collect()) };
        let name = |number: usize| {
            let name = names.get(&number.to_string()).cloned();
            let supported = "names for the numbers from 0 on";
            name.ok_or_else(|| LoadError::Unsupported { what: "id2label", value: format!("without {number}"), supported })
        };
        (0..names.len()).map(name).collect()
    }
}

/// Whether a `config.json` is of one of the [families](Family).
pub(super) fn is_of_a_family(path: &Path) -> Result<bool, LoadError> {
    #[derive(Deserialize)]
    struct Kind {
        model_type: Option<serde_json::Value>,
    }
    let kind: Kind = read(path)?;
    Ok(kind.model_type.is_some_and(|kind| serde_json::from_value::<ModelType>(kind).is_ok()))
}

/// Reads a JSON file.
pub(super) fn read<T: for<'d> Deserialize<'d>>(path: &Path) -> Result<T, LoadError> {
    let json = std::fs::read(path).map_err(LoadError::file(path))?;
    serde_json::from_slice(&json).map_err(|source| LoadError::Config { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn modern(extra: serde_json::Value) -> Config {
        let mut json = json!({"model_type": "modernbert", "hidden_size": 64, "num_attention_heads": 2, "num_hidden_layers": 4,
            "vocab_size": 9, "norm_eps": 1e-5, "hidden_activation": "gelu", "max_position_embeddings": 100});
        json.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        Config::of(json)
    }

    #[test]
    fn windows_and_angles_are_read_in_either_spelling() {
        let sights = |config: Config| config.layers.iter().map(|sight| (sight.reach, sight.theta.unwrap())).collect::<Vec<_>>();
        let old =
            json!({"global_attn_every_n_layers": 2, "local_attention": 8, "global_rope_theta": 50.0, "local_rope_theta": 5.0});
        let expected = [(None, 50.0), (Some(4), 5.0), (None, 50.0), (Some(4), 5.0)];
        assert_eq!(sights(modern(old)), expected);
        let kinds = ["full_attention", "sliding_attention", "full_attention", "sliding_attention"];
        let ropes =
            json!({"full_attention": {"rope_theta": 50.0, "rope_type": "default"}, "sliding_attention": {"rope_theta": 5.0}});
        assert_eq!(sights(modern(json!({"layer_types": kinds, "local_attention": 8, "rope_parameters": ropes}))), expected);
        let usual = sights(modern(json!({})));
        assert_eq!(usual, [(None, 160_000.0), (Some(64), 10_000.0), (Some(64), 10_000.0), (None, 160_000.0)]);
    }

    #[test]
    fn what_no_forward_pass_does_is_refused_by_its_name() {
        for (key, value) in [("model_type", "t5"), ("hidden_act", "gelu_new"), ("position_embedding_type", "relative_key")] {
            let mut json = json!({"model_type": "bert", "hidden_size": 64, "num_attention_heads": 2, "num_hidden_layers": 1,
                "vocab_size": 9, "hidden_act": "gelu", "max_position_embeddings": 10});
            json[key] = value.into();
            let error = serde_json::from_value::<Raw>(json).unwrap_err();
            assert!(error.to_string().contains(value), "{error}");
        }
    }

    #[test]
    fn labels_are_in_the_order_of_their_numbers() {
        let names: BTreeMap<String, String> = (0..12).map(|number| (number.to_string(), format!("l{number}"))).collect();
        assert_eq!(modern(json!({"id2label": names})).labels[10], "l10");
        assert_eq!(modern(json!({})).labels, ["LABEL_0", "LABEL_1"]);
    }
}
