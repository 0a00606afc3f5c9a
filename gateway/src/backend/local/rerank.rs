//! Reranking: Cohere's request becomes the engine's, and the engine's scores Cohere's answer.

use tradewind_models::Reranker;
use tradewind_protocol::{
    Usage, openai,
    rerank::{Document, Ranked, RerankRequest, Reranked},
};

use super::{answered, chat_request::unsupported_field, encode_failure, not_taken, parse};
use crate::{
    backend::Attempt,
    error::{Error, Kind},
    inference::{Answer, Failure},
};

/// How many documents Cohere's API takes at once.
const MOST_DOCUMENTS: usize = 1000;

/// Scores the documents of `attempt`, and puts the best first. Documents that are too long are cut.
pub(super) async fn answer(reranker: &Reranker, attempt: Attempt) -> Result<Answer, Failure> {
    let inference = &attempt.inference;
    let asked: RerankRequest = parse(inference.payload.body())?;
    if inference.head().stream {
        return Err(unsupported_field("stream".to_owned(), "only false"));
    }
    if let Some((name, _)) = asked.rest.iter().find(|(_, value)| !value.is_null()) {
        return Err(unsupported_field(name.clone(), "none, leave it out"));
    }
    let documents: Vec<String> = asked.documents.iter().map(|document| Document::text(document).to_owned()).collect();
    if documents.is_empty() || documents.len() > MOST_DOCUMENTS {
        let message = format!("`documents` must hold 1 to {MOST_DOCUMENTS} texts.");
        return Err(Failure::request(Error::new(Kind::InvalidRequest, message).with_param("documents")));
    }
    let most_of_each = asked.max_tokens_per_doc.map(|most| usize::try_from(most).unwrap_or(usize::MAX));
    let scored = reranker.submit(&asked.query, documents, most_of_each).map_err(not_taken)?;
    let scored = scored.await.map_err(|error| encode_failure(error, "documents"))?;
    let ranked = scored.scores.iter().enumerate();
    let usage = Usage::new(scored.prompt_tokens as u64, 0);
    let answer = Reranked {
        id: None,
        results: Ranked::best_first(ranked.map(|(index, score)| Ranked { index, relevance_score: f64::from(*score) })),
        usage: Some(usage),
        search_units: None,
    };
    let id = inference.context.id().to_string();
    let identity = openai::Identity { id: &id, created: 0, model: &inference.head().model };
    Ok(answered(openai::write_rerank(&answer, &asked, &identity), usage))
}
