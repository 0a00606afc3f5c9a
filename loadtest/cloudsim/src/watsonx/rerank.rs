//! Rerank.

use serde_json::json;

use super::scope;
use crate::behaviour::Behaviour;
use crate::cloud::Content;
use crate::json::{Object, body};
use crate::log::Received;
use crate::refusal::Refusal;
use crate::scene::{ranked, words};

pub(super) fn answer(behaviour: &Behaviour, request: &Received) -> Result<Content, Refusal> {
    let members = body(request)?;
    let body = Object::root(&members);
    body.only(&["model_id", "inputs", "query", "project_id", "space_id", "parameters"])?;
    scope(&body)?;
    let model = body.required_text("model_id")?;
    if !behaviour.rerank_models.iter().any(|known| known == model) {
        return Err(Refusal::unknown_model(model));
    }
    let query = body.required_text("query")?;
    let text = |place: &crate::json::Place<'_>| {
        let input = place.object()?;
        input.only(&["text"])?;
        input.required_text("text").map(str::to_owned)
    };
    let inputs: Vec<String> = body.filled_list("inputs")?.iter().map(text).collect::<Result<_, _>>()?;
    let mut most = inputs.len();
    if let Some(parameters) = body.object("parameters")? {
        parameters.only(&["truncate_input_tokens", "return_options"])?;
        if let Some(options) = parameters.object("return_options")? {
            options.only(&["top_n", "inputs", "query"])?;
            most = options.count("top_n")?.unwrap_or(most);
        }
    }
    let results = ranked(query, &inputs).into_iter().take(most);
    let results: Vec<_> = results.map(|(index, score)| json!({ "index": index, "score": score })).collect();
    let tokens: usize = inputs.iter().map(|text| words(text)).sum();
    Ok(Content::json(&json!({
        "model_id": model, "created_at": "2023-11-14T22:13:20.000Z", "results": results, "input_token_count": tokens,
    })))
}
