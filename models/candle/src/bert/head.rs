//! What becomes of the last layer's rows: one vector, or scores.

use std::path::Path;

use serde::Deserialize;
use tradewind_models::classify::{Activation, Labels};
use tradewind_models::encoder::Rows;

use super::config::{Config, Family, Pooling, Problem, read};
use crate::load::LoadError;

/// What a model is to answer with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Vectors.
    Vectors,
    /// Scores of whole sequences.
    Scores,
    /// Scores of tokens.
    TokenScores,
}

/// The steps from the last layer to the answer, each where it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HeadPlan {
    /// How a sequence becomes one row; else each token remains one.
    pub(super) pooling: Option<Pooling>,
    /// A projection, and what bends it.
    pub(super) inner: Option<(&'static str, Bend)>,
    pub(super) norm: Option<&'static str>,
    /// The projection to scores.
    pub(super) scores: Option<&'static str>,
    pub(super) is_unit_length: bool,
}

/// What follows a projection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bend {
    Tanh,
    Relu,
    Gelu,
}

impl HeadPlan {
    /// Scores, as the classes `…ForSequenceClassification` and `…ForTokenClassification` of Hugging Face's library make them.
    pub(super) fn scores(config: &Config, rows: Rows) -> Self {
        let of_tokens = rows == Rows::PerToken;
        let pooling = (!of_tokens).then_some(Pooling::Cls);
        let plan = Self { pooling, inner: None, norm: None, scores: Some("classifier"), is_unit_length: false };
        match config.family {
            Family::ModernBert => Self {
                pooling: pooling.map(|_| config.classifier_pooling),
                inner: Some(("head.dense", Bend::Gelu)),
                norm: Some("head.norm"),
                ..plan
            },
            _ if of_tokens => plan,
            Family::Bert => Self { inner: Some(("pooler.dense", Bend::Tanh)), ..plan },
            Family::Roberta => {
                Self { inner: Some(("classifier.dense", Bend::Tanh)), scores: Some("classifier.out_proj"), ..plan }
            }
            Family::DistilBert => Self { inner: Some(("pre_classifier", Bend::Relu)), ..plan },
        }
    }

    /// A vector, as the files of sentence-transformers beside the model say; without them, the mean, of unit length.
    pub(super) fn vector(pooling: Option<&Path>, modules: Option<&Path>) -> Result<Self, LoadError> {
        let pooling = pooling.map_or(Ok(Pooling::Mean), read_pooling)?;
        let is_unit_length = modules.map_or(Ok(true), read_modules)?;
        Ok(Self { pooling: Some(pooling), inner: None, norm: None, scores: None, is_unit_length })
    }

    /// How many rows a sequence becomes.
    pub(super) fn rows(&self) -> Rows {
        if self.pooling.is_some() { Rows::One } else { Rows::PerToken }
    }
}

/// The labels, and what makes numbers scores, as the pipelines of Hugging Face's library choose it.
pub(super) fn labels(names: &[String], problem: Option<Problem>, purpose: Purpose) -> Option<Labels> {
    let activation = match (purpose, problem, names.len()) {
        (Purpose::Vectors, ..) => return None,
        (Purpose::TokenScores, ..) => Activation::Softmax,
        (Purpose::Scores, Some(Problem::Regression), _) => Activation::Identity,
        (Purpose::Scores, Some(Problem::MultiLabelClassification), _) | (Purpose::Scores, _, 1) => Activation::Sigmoid,
        (Purpose::Scores, ..) => Activation::Softmax,
    };
    Some(Labels::new(names.iter().cloned(), activation))
}

/// `1_Pooling/config.json`.
#[derive(Deserialize)]
struct PoolingFile {
    #[serde(default)]
    pooling_mode_cls_token: bool,
    #[serde(default)]
    pooling_mode_mean_tokens: bool,
    #[serde(default)]
    pooling_mode_max_tokens: bool,
    #[serde(default)]
    pooling_mode_lasttoken: bool,
}

fn read_pooling(path: &Path) -> Result<Pooling, LoadError> {
    let file: PoolingFile = read(path)?;
    match file {
        PoolingFile { pooling_mode_max_tokens: false, pooling_mode_lasttoken: false, .. } => {}
        _ => return Err(unsupported("pooling", "max or last token", "the first token or the mean")),
    }
    match (file.pooling_mode_cls_token, file.pooling_mode_mean_tokens) {
        (true, false) => Ok(Pooling::Cls),
        (false, true) => Ok(Pooling::Mean),
        _ => Err(unsupported("pooling", "several or none", "one of the first token and the mean")),
    }
}

/// An entry of `modules.json`.
#[derive(Deserialize)]
struct Module {
    r#type: String,
}

/// Whether vectors are of unit length.
fn read_modules(path: &Path) -> Result<bool, LoadError> {
    let modules: Vec<Module> = read(path)?;
    let mut is_unit_length = false;
    for module in &modules {
        match module.r#type.rsplit('.').next() {
            Some("Transformer" | "Pooling") => {}
            Some("Normalize") => is_unit_length = true,
            _ => return Err(unsupported("module", &module.r#type, "Transformer, Pooling and Normalize")),
        }
    }
    Ok(is_unit_length)
}

fn unsupported(what: &'static str, value: &str, supported: &'static str) -> LoadError {
    LoadError::Unsupported { what, value: value.to_owned(), supported }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tempfile::NamedTempFile;

    use super::*;

    fn file(json: &Value) -> NamedTempFile {
        let file = NamedTempFile::new().unwrap();
        std::fs::write(file.path(), json.to_string()).unwrap();
        file
    }

    fn plan(pooling: &Value, modules: &[&str]) -> Result<HeadPlan, LoadError> {
        let modules: Vec<Value> =
            modules.iter().map(|name| json!({"type": format!("sentence_transformers.models.{name}"), "path": ""})).collect();
        HeadPlan::vector(Some(file(pooling).path()), Some(file(&modules.into()).path()))
    }

    #[test]
    fn a_vector_is_made_as_the_files_beside_the_model_say() {
        let cls = json!({"word_embedding_dimension": 384, "pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false});
        let bge = plan(&cls, &["Transformer", "Pooling", "Normalize"]).unwrap();
        assert_eq!((bge.pooling, bge.is_unit_length), (Some(Pooling::Cls), true));
        let mean = json!({"pooling_mode_mean_tokens": true, "pooling_mode_max_tokens": false});
        let raw = plan(&mean, &["Transformer", "Pooling"]).unwrap();
        assert_eq!((raw.pooling, raw.is_unit_length), (Some(Pooling::Mean), false));
        let usual = HeadPlan::vector(None, None).unwrap();
        assert_eq!((usual.pooling, usual.is_unit_length), (Some(Pooling::Mean), true));
    }

    #[test]
    fn what_no_head_does_is_refused() {
        for (pooling, modules, part) in [
            (json!({"pooling_mode_max_tokens": true}), vec!["Pooling"], "max or last token"),
            (json!({"pooling_mode_mean_tokens": true, "pooling_mode_cls_token": true}), vec!["Pooling"], "several or none"),
            (json!({"pooling_mode_mean_tokens": true}), vec!["Pooling", "Dense"], "Dense` is not supported"),
        ] {
            let error = plan(&pooling, &modules).unwrap_err();
            assert!(error.to_string().contains(part), "{error}");
        }
    }

    #[test]
    fn scores_are_made_of_numbers_as_the_problem_asks() {
        let activation = |extra: Value, purpose| {
            let mut json = json!({"model_type": "bert", "hidden_size": 64, "num_attention_heads": 2, "num_hidden_layers": 1,
                "vocab_size": 9, "hidden_act": "gelu", "max_position_embeddings": 10});
            json.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            let config = Config::of(json);
            labels(&config.labels, config.problem, purpose).map(|labels| labels.activation())
        };
        let one = || json!({"id2label": {"0": "LABEL_0"}});
        assert_eq!(activation(json!({}), Purpose::Scores), Some(Activation::Softmax));
        assert_eq!(activation(one(), Purpose::Scores), Some(Activation::Sigmoid));
        let multi = json!({"problem_type": "multi_label_classification"});
        assert_eq!(activation(multi, Purpose::Scores), Some(Activation::Sigmoid));
        assert_eq!(activation(json!({"problem_type": "regression"}), Purpose::Scores), Some(Activation::Identity));
        assert_eq!(activation(one(), Purpose::TokenScores), Some(Activation::Softmax));
        assert_eq!(activation(one(), Purpose::Vectors), None);
    }
}
