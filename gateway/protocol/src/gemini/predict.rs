//! Texts to vectors on Vertex AI: `:predict`.

use serde::{Deserialize, Serialize};

use super::{GoogleError, embed_options::EmbedOptions};
use crate::{
    Embeddings, Usage,
    chat::{ConvertError, Dropped},
    openai::{AnswerError, EmbeddingRequest},
};

#[derive(Serialize)]
struct Body<'a> {
    instances: Vec<Instance<'a>>,
    parameters: Parameters,
}

#[derive(Serialize)]
struct Instance<'a> {
    content: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    task_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    #[serde(skip_serializing_if = "Option::is_none")]
    output_dimensionality: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auto_truncate: Option<bool>,
}

/// Writes the body for `texts`, which are those of `request` or some of them.
///
/// # Errors
/// [`ConvertError`], where an extension has the wrong type.
pub fn encode_predict(request: &EmbeddingRequest, texts: &[&str], dropped: &mut Dropped) -> Result<Vec<u8>, ConvertError> {
    let options = EmbedOptions::of(request, dropped)?;
    let instance = |content| Instance { content, task_type: options.task, title: options.title };
    let body = Body {
        instances: texts.iter().copied().map(instance).collect(),
        parameters: Parameters { output_dimensionality: request.dimensions, auto_truncate: options.auto_truncate },
    };
    serde_json::to_vec(&body).map_err(|error| ConvertError::invalid("body", format!("The request cannot be written: {error}.")))
}

#[derive(Deserialize)]
struct Answer {
    predictions: Vec<Prediction>,
}

#[derive(Deserialize)]
struct Prediction {
    embeddings: Embedding,
}

#[derive(Deserialize)]
struct Embedding {
    values: Vec<f32>,
    #[serde(default)]
    statistics: Statistics,
}

#[derive(Default, Deserialize)]
struct Statistics {
    /// A whole number, which Google writes with a fraction at times.
    token_count: Option<f64>,
}

/// Reads the answer.
///
/// # Errors
/// [`AnswerError`]: it is none, or tells of an error.
pub fn read_predict(body: &[u8]) -> Result<Embeddings, AnswerError> {
    if let Some(error) = GoogleError::read(body) {
        return Err(error.into());
    }
    let answer: Answer = serde_json::from_slice(body).map_err(|error| AnswerError::Malformed(error.to_string()))?;
    let counts = answer.predictions.iter().map(|prediction| prediction.embeddings.statistics.token_count);
    let tokens: Option<f64> = counts.sum();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of tokens; the cast saturates")]
    let usage = tokens.map(|tokens| Usage::new(tokens as u64, 0));
    let vectors = answer.predictions.into_iter().map(|prediction| prediction.embeddings.values).collect();
    Embeddings { vectors, usage }.finite()
}
