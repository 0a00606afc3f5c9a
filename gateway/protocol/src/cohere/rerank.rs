//! Documents in the order of how well they answer: `POST /v2/rerank`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{embed::Meta, usage::whole};
use crate::{
    Usage,
    chat::{ConvertError, Dropped},
    openai::AnswerError,
    rerank::{Document, Ranked, RerankRequest, Reranked},
};

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    query: &'a str,
    documents: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_n: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens_per_doc: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<&'a Value>,
}

/// Writes the body. Whether to repeat the documents in the answer is not asked of Cohere: the gateway has them.
///
/// # Errors
/// [`ConvertError::Invalid`], where the body cannot be written.
pub fn encode_rerank(request: &RerankRequest, model: &str, dropped: &mut Dropped) -> Result<Vec<u8>, ConvertError> {
    let mut body = Body {
        model,
        query: &request.query,
        documents: request.documents.iter().map(Document::text).collect(),
        top_n: request.top_n,
        max_tokens_per_doc: request.max_tokens_per_doc,
        priority: None,
    };
    for (name, value) in request.rest.iter().filter(|(_, value)| !value.is_null()) {
        match name.as_str() {
            "priority" => body.priority = Some(value),
            _ => dropped.note_extension(name),
        }
    }
    serde_json::to_vec(&body).map_err(|error| ConvertError::invalid("body", format!("The request cannot be written: {error}.")))
}

#[derive(Deserialize)]
struct Answer {
    id: Option<String>,
    results: Vec<Ranked>,
    meta: Option<Meta>,
}

/// Reads the answer.
///
/// # Errors
/// [`AnswerError`], where it is none.
pub fn read_rerank(body: &[u8]) -> Result<Reranked, AnswerError> {
    let answer: Answer = serde_json::from_slice(body).map_err(|error| AnswerError::Malformed(error.to_string()))?;
    let billed = answer.meta.and_then(|meta| meta.billed_units).unwrap_or_default();
    Ok(Reranked {
        id: answer.id,
        results: Ranked::best_first(answer.results),
        usage: billed.input_tokens.map(|tokens| Usage::new(whole(Some(tokens)), 0)),
        search_units: billed.search_units.map(|units| whole(Some(units))),
    })
}
