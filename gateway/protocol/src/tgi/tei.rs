//! Hugging Face Text Embeddings Inference: embeddings and rerank.

use serde::{Deserialize, Serialize};

use crate::{
    Embeddings,
    chat::{ConvertError, Dropped},
    openai::{AnswerError, EmbeddingInput, EmbeddingRequest},
    rerank::{Document, Ranked, RerankRequest, Reranked},
};

#[derive(Serialize)]
struct Embed<'a> {
    inputs: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dimensions: Option<u64>,
}

#[derive(Serialize)]
struct Rerank<'a> {
    query: &'a str,
    texts: Vec<&'a str>,
}

#[derive(Deserialize)]
struct Scored {
    index: usize,
    score: f64,
}

/// Writes `request` as the body of `/embed`, which `/invocations` takes too. Too long a text is an error, as it is with OpenAI.
///
/// # Errors
/// [`ConvertError::Unsupported`], for token ids.
pub fn encode_tei_embeddings(request: &EmbeddingRequest, dropped: &mut Dropped) -> Result<Vec<u8>, ConvertError> {
    let inputs = match &request.input {
        EmbeddingInput::Text(text) => vec![text.as_str()],
        EmbeddingInput::Texts(texts) => texts.iter().map(String::as_str).collect(),
        EmbeddingInput::Tokens(_) | EmbeddingInput::TokenLists(_) => {
            let message = "`input`: this container takes texts and no token ids; accepted: a string or an array of strings.";
            return Err(ConvertError::unsupported("input", message));
        }
    };
    for (name, _) in request.rest.iter().filter(|(_, value)| !value.is_null()) {
        dropped.note_extension(name);
    }
    write(&Embed { inputs, dimensions: request.dimensions })
}

/// Writes `request` as the body of `/rerank`, which `/invocations` takes too. All documents come back, so that the best can be chosen.
///
/// # Errors
/// [`ConvertError::Invalid`], where it cannot be written.
pub fn encode_tei_rerank(request: &RerankRequest, dropped: &mut Dropped) -> Result<Vec<u8>, ConvertError> {
    dropped.note_if(&request.max_tokens_per_doc, "max_tokens_per_doc");
    for (name, _) in request.rest.iter().filter(|(_, value)| !value.is_null()) {
        dropped.note_extension(name);
    }
    write(&Rerank { query: &request.query, texts: request.documents.iter().map(Document::text).collect() })
}

/// Reads the answer of `/embed`: vectors and nothing else.
///
/// # Errors
/// [`AnswerError::Malformed`].
pub fn read_tei_embeddings(body: &[u8]) -> Result<Embeddings, AnswerError> {
    let vectors = serde_json::from_slice(body).map_err(|error| AnswerError::Malformed(error.to_string()))?;
    Embeddings { vectors, ..Embeddings::default() }.finite()
}

/// Reads the answer of `/rerank`, the best first; of so many as the caller asked for.
///
/// # Errors
/// [`AnswerError::Malformed`].
pub fn read_tei_rerank(body: &[u8], top_n: Option<u64>) -> Result<Reranked, AnswerError> {
    let scored: Vec<Scored> = serde_json::from_slice(body).map_err(|error| AnswerError::Malformed(error.to_string()))?;
    let results = scored.into_iter().map(|scored| Ranked { index: scored.index, relevance_score: scored.score });
    let mut results = Ranked::best_first(results);
    results.truncate(top_n.and_then(|wanted| usize::try_from(wanted).ok()).unwrap_or(usize::MAX));
    Ok(Reranked { results, ..Reranked::default() })
}

fn write<T: Serialize>(body: &T) -> Result<Vec<u8>, ConvertError> {
    serde_json::to_vec(body)
        .map_err(|error| ConvertError::invalid("input", format!("The request cannot be written as JSON: {error}.")))
}
