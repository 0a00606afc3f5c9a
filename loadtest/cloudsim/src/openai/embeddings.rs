//! Embeddings: what a request must look like, and the answer.

use serde_json::{Value, json};

use super::Naming;
use super::host::{Host, Unknown};
use crate::behaviour::Behaviour;
use crate::cloud::Content;
use crate::json::Object;
use crate::refusal::Refusal;
use crate::scene::{base64, vector, words};

pub(super) fn answer(host: &'static Host, behaviour: &Behaviour, body: &Object<'_>, naming: &Naming) -> Result<Content, Refusal> {
    if host.unknown == Unknown::Refused {
        body.only(host.embedding_fields)?;
    }
    let model = naming.model(body, &behaviour.embedding_models)?;
    let inputs = inputs(body)?;
    let in_base64 = body.one_of("encoding_format", &["float", "base64"])? == Some("base64");
    let dimensions = body.count("dimensions")?.or(body.count("output_dimension")?).unwrap_or(behaviour.dimensions);
    let embedding = |(index, text): (usize, &String)| {
        let vector = vector(text, dimensions);
        let embedding = if in_base64 { json!(base64(&vector)) } else { json!(vector) };
        json!({ "object": "embedding", "index": index, "embedding": embedding })
    };
    let data: Vec<_> = inputs.iter().enumerate().map(embedding).collect();
    let tokens: usize = inputs.iter().map(|text| words(text)).sum();
    let usage = json!({ "prompt_tokens": tokens, "total_tokens": tokens });
    Ok(Content::json(&json!({ "object": "list", "data": data, "model": model, "usage": usage })))
}

/// Each text, or each list of token ids as JSON.
fn inputs(body: &Object<'_>) -> Result<Vec<String>, Refusal> {
    let invalid = || body.wrong("input", "must be a text, a list of texts, or lists of token ids");
    let inputs = match body.get("input") {
        Some(Value::String(text)) => vec![text.clone()],
        Some(tokens @ Value::Array(ids)) if ids.iter().all(Value::is_u64) && !ids.is_empty() => vec![tokens.to_string()],
        Some(Value::Array(inputs)) if !inputs.is_empty() => {
            let input = |input: &Value| match input {
                Value::String(text) => Ok(text.clone()),
                Value::Array(ids) if ids.iter().all(Value::is_u64) => Ok(input.to_string()),
                _ => Err(invalid()),
            };
            inputs.iter().map(input).collect::<Result<_, _>>()?
        }
        _ => return Err(invalid()),
    };
    if inputs.iter().any(String::is_empty) { Err(body.wrong("input", "cannot be an empty string")) } else { Ok(inputs) }
}
