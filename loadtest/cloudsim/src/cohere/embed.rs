//! Embeddings: what a request must look like, and the answer.

use serde_json::{Map, Value, json};

use super::model;
use crate::behaviour::Behaviour;
use crate::cloud::Content;
use crate::json::Object;
use crate::refusal::Refusal;
use crate::scene::{base64, vector, words};

/// The purposes of embeddings.
const PURPOSES: &[&str] = &["search_document", "search_query", "classification", "clustering", "image"];

pub(super) fn answer(behaviour: &Behaviour, body: &Object<'_>) -> Result<Content, Refusal> {
    body.only(&[
        "model",
        "texts",
        "images",
        "inputs",
        "input_type",
        "embedding_types",
        "output_dimension",
        "truncate",
        "max_tokens",
        "priority",
    ])?;
    model(body, &behaviour.embedding_models)?;
    body.one_of("input_type", PURPOSES)?.ok_or_else(|| body.wrong("input_type", "is required"))?;
    body.one_of("truncate", &["NONE", "START", "END"])?;
    body.filled_list("texts")?;
    let texts = body.texts("texts")?;
    if texts.len() > 96 {
        return Err(body.wrong("texts", "may hold no more than 96 texts"));
    }
    let dimensions = body.count("output_dimension")?.unwrap_or(behaviour.dimensions);
    let mut kinds = body.texts("embedding_types")?;
    if kinds.is_empty() {
        kinds.push("float".into());
    }
    let mut embeddings = Map::new();
    for kind in kinds {
        let vectors = texts.iter().map(|text| vector(text, dimensions));
        let written: Vec<Value> = match kind.as_str() {
            "float" => vectors.map(|vector| json!(vector)).collect(),
            "base64" => vectors.map(|vector| json!(base64(&vector))).collect(),
            "int8" => vectors.map(|vector| vector.iter().map(|value| json!((value * 127.0).round())).collect()).collect(),
            _ => return Err(body.wrong("embedding_types", "may hold 'float', 'base64' and 'int8'")),
        };
        embeddings.insert(kind, written.into());
    }
    let tokens: usize = texts.iter().map(|text| words(text)).sum();
    Ok(Content::json(&json!({
        "id": "cohere-sim", "embeddings": embeddings, "texts": texts, "response_type": "embeddings_by_type",
        "meta": { "api_version": { "version": "2" }, "billed_units": { "input_tokens": tokens } },
    })))
}
