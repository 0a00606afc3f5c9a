//! Rerank: what a request must look like, and the answer.

use serde_json::json;

use super::model;
use crate::behaviour::Behaviour;
use crate::cloud::Content;
use crate::json::Object;
use crate::refusal::Refusal;
use crate::scene::ranked;

pub(super) fn answer(behaviour: &Behaviour, body: &Object<'_>) -> Result<Content, Refusal> {
    body.only(&["model", "query", "documents", "top_n", "max_tokens_per_doc", "priority"])?;
    model(body, &behaviour.rerank_models)?;
    let query = body.required_text("query")?;
    body.filled_list("documents")?;
    let documents = body.texts("documents")?;
    let most = body.count("top_n")?.unwrap_or(documents.len());
    body.count("max_tokens_per_doc")?;
    let results = ranked(query, &documents).into_iter().take(most);
    let results: Vec<_> = results.map(|(index, score)| json!({ "index": index, "relevance_score": score })).collect();
    Ok(Content::json(&json!({
        "id": "cohere-sim", "results": results,
        "meta": { "api_version": { "version": "2" }, "billed_units": { "search_units": 1 } },
    })))
}
