//! Rerank, as vLLM, Together and others took it over from Cohere.

use serde_json::{Value, json};

use super::Naming;
use super::host::{Host, Unknown};
use crate::behaviour::Behaviour;
use crate::cloud::Content;
use crate::json::Object;
use crate::refusal::Refusal;
use crate::scene::{ranked, words};

pub(super) fn answer(host: &'static Host, behaviour: &Behaviour, body: &Object<'_>, naming: &Naming) -> Result<Content, Refusal> {
    if host.unknown == Unknown::Refused {
        body.only(&["model", "query", "documents", "top_n", "return_documents", "truncate_prompt_tokens"])?;
    }
    let model = naming.model(body, &behaviour.rerank_models)?;
    let query = body.required_text("query")?;
    body.filled_list("documents")?;
    let documents = body.texts("documents")?;
    let most = body.count("top_n")?.unwrap_or(documents.len());
    let told = body.flag("return_documents")?;
    let result = |(index, score): (usize, f64)| {
        let document = documents.get(index).filter(|_| told).map(|text| json!({ "text": text }));
        json!({ "index": index, "relevance_score": score, "document": document.unwrap_or(Value::Null) })
    };
    let results: Vec<_> = ranked(query, &documents).into_iter().take(most).map(result).collect();
    let tokens: usize = words(query) + documents.iter().map(|text| words(text)).sum::<usize>();
    Ok(Content::json(&json!({
        "id": "rerank-sim", "model": model, "results": results, "usage": { "prompt_tokens": tokens, "total_tokens": tokens },
    })))
}
