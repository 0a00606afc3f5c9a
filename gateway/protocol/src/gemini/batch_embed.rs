//! Texts to vectors on Google AI Studio: `:batchEmbedContents`.

use serde::{Deserialize, Serialize};

use super::{GoogleError, embed_options::EmbedOptions};
use crate::{
    Embeddings, Usage,
    chat::{ConvertError, Dropped},
    openai::{AnswerError, EmbeddingRequest},
};

#[derive(Serialize)]
struct Body<'a> {
    requests: Vec<One<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct One<'a> {
    /// `models/…`, the same as in the address.
    model: &'a str,
    content: Content<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    task_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_dimensionality: Option<u64>,
}

#[derive(Serialize)]
struct Content<'a> {
    parts: [Text<'a>; 1],
}

#[derive(Serialize)]
struct Text<'a> {
    text: &'a str,
}

/// Writes the body for `texts`, which are those of `request` or some of them. `model` is the resource's name, `models/…`.
///
/// # Errors
/// [`ConvertError`], where an extension has the wrong type.
pub fn encode_batch_embed(
    request: &EmbeddingRequest,
    model: &str,
    texts: &[&str],
    dropped: &mut Dropped,
) -> Result<Vec<u8>, ConvertError> {
    let options = EmbedOptions::of(request, dropped)?;
    dropped.note_if(&options.auto_truncate, "auto_truncate");
    let one = |text| One {
        model,
        content: Content { parts: [Text { text }] },
        task_type: options.task,
        title: options.title,
        output_dimensionality: request.dimensions,
    };
    let body = Body { requests: texts.iter().copied().map(one).collect() };
    serde_json::to_vec(&body).map_err(|error| ConvertError::invalid("body", format!("The request cannot be written: {error}.")))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    embeddings: Vec<Embedding>,
    usage_metadata: Option<UsageMetadata>,
}

#[derive(Deserialize)]
struct Embedding {
    values: Vec<f32>,
}

/// Told by newer models only.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UsageMetadata {
    prompt_token_count: Option<u64>,
}

/// Reads the answer.
///
/// # Errors
/// [`AnswerError`]: it is none, or tells of an error.
pub fn read_batch_embed(body: &[u8]) -> Result<Embeddings, AnswerError> {
    if let Some(error) = GoogleError::read(body) {
        return Err(error.into());
    }
    let answer: Answer = serde_json::from_slice(body).map_err(|error| AnswerError::Malformed(error.to_string()))?;
    let tokens = answer.usage_metadata.and_then(|told| told.prompt_token_count);
    let vectors = answer.embeddings.into_iter().map(|embedding| embedding.values).collect();
    Embeddings { vectors, usage: tokens.map(|tokens| Usage::new(tokens, 0)) }.finite()
}
