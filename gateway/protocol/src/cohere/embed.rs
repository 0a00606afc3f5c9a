//! Texts to vectors: `POST /v2/embed`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::usage::{Counts, whole};
use crate::{
    Embeddings, Usage,
    chat::{ConvertError, Dropped},
    openai::{AnswerError, EmbeddingRequest},
};

/// What vectors are for where the caller does not say. Cohere demands to know; documents are what most vectors are stored for.
const DEFAULT_INPUT_TYPE: &str = "search_document";

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    texts: &'a [&'a str],
    input_type: &'a str,
    embedding_types: [&'static str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    output_dimension: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    truncate: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<&'a Value>,
}

/// Writes the body for `texts`, which are those of `request` or some of them. `input_type`, `truncate` and `priority` are taken from the
/// request's extensions.
///
/// # Errors
/// [`ConvertError`], where an extension has the wrong type.
pub fn encode_embed(
    request: &EmbeddingRequest,
    model: &str,
    texts: &[&str],
    dropped: &mut Dropped,
) -> Result<Vec<u8>, ConvertError> {
    let mut body = Body {
        model,
        texts,
        input_type: DEFAULT_INPUT_TYPE,
        embedding_types: ["float"],
        output_dimension: request.dimensions,
        truncate: None,
        priority: None,
    };
    for (name, value) in request.rest.iter().filter(|(_, value)| !value.is_null()) {
        match name.as_str() {
            "input_type" => body.input_type = text(name, value)?,
            "truncate" => body.truncate = Some(text(name, value)?),
            "priority" => body.priority = Some(value),
            _ => dropped.note_extension(name),
        }
    }
    serde_json::to_vec(&body).map_err(|error| ConvertError::invalid("body", format!("The request cannot be written: {error}.")))
}

fn text<'a>(name: &str, value: &'a Value) -> Result<&'a str, ConvertError> {
    value.as_str().ok_or_else(|| ConvertError::invalid(name, format!("`{name}` must be a string.")))
}

#[derive(Deserialize)]
struct Answer {
    embeddings: ByType,
    meta: Option<Meta>,
}

#[derive(Deserialize)]
struct ByType {
    float: Vec<Vec<f32>>,
}

#[derive(Deserialize)]
pub(super) struct Meta {
    pub(super) billed_units: Option<Counts>,
}

/// Reads the answer.
///
/// # Errors
/// [`AnswerError`], where it is none.
pub fn read_embed(body: &[u8]) -> Result<Embeddings, AnswerError> {
    let answer: Answer = serde_json::from_slice(body).map_err(|error| AnswerError::Malformed(error.to_string()))?;
    let tokens = answer.meta.and_then(|meta| meta.billed_units?.input_tokens);
    let usage = tokens.map(|tokens| Usage::new(whole(Some(tokens)), 0));
    Embeddings { vectors: answer.embeddings.float, usage }.finite()
}
