//! Embeddings.

use serde_json::json;

use super::scope;
use crate::behaviour::Behaviour;
use crate::cloud::Content;
use crate::json::{Object, body};
use crate::log::Received;
use crate::refusal::Refusal;
use crate::scene::{vector, words};

pub(super) fn answer(behaviour: &Behaviour, request: &Received) -> Result<Content, Refusal> {
    let members = body(request)?;
    let body = Object::root(&members);
    body.only(&["inputs", "model_id", "project_id", "space_id", "parameters"])?;
    scope(&body)?;
    let model = body.required_text("model_id")?;
    if !behaviour.embedding_models.iter().any(|known| known == model) {
        return Err(Refusal::unknown_model(model));
    }
    if let Some(parameters) = body.object("parameters")? {
        parameters.only(&["truncate_input_tokens", "return_options"])?;
    }
    body.filled_list("inputs")?;
    let inputs = body.texts("inputs")?;
    let results: Vec<_> = inputs.iter().map(|text| json!({ "embedding": vector(text, behaviour.dimensions) })).collect();
    let tokens: usize = inputs.iter().map(|text| words(text)).sum();
    Ok(Content::json(&json!({
        "model_id": model, "created_at": "2023-11-14T22:13:20.000Z", "results": results, "input_token_count": tokens,
    })))
}
