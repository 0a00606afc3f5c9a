//! Rerank of the agent runtime.

use serde::{Deserialize, Serialize};

use crate::{
    chat::{ConvertError, Dropped},
    openai::AnswerError,
    rerank::{Ranked, RerankRequest, Reranked},
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    queries: [Query<'a>; 1],
    sources: Vec<Source<'a>>,
    reranking_configuration: Configuration<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Query<'a> {
    r#type: &'static str,
    text_query: Text<'a>,
}

#[derive(Serialize)]
struct Text<'a> {
    text: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Source<'a> {
    r#type: &'static str,
    inline_document_source: Document<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    r#type: &'static str,
    text_document: Text<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Configuration<'a> {
    r#type: &'static str,
    bedrock_reranking_configuration: ModelAndNumber<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ModelAndNumber<'a> {
    model_configuration: Model<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    number_of_results: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Model<'a> {
    model_arn: &'a str,
}

#[derive(Deserialize)]
struct Answer {
    results: Vec<Scored>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Scored {
    index: usize,
    relevance_score: f64,
}

/// Writes `request` as the body of `POST /rerank`. The model is named by its ARN.
///
/// # Errors
/// [`ConvertError::Invalid`], where there is nothing to order.
pub fn encode_rerank(request: &RerankRequest, model_arn: &str, dropped: &mut Dropped) -> Result<Vec<u8>, ConvertError> {
    if request.documents.is_empty() {
        return Err(ConvertError::invalid("documents", "`documents` is empty: send one document at least."));
    }
    dropped.note_if(&request.max_tokens_per_doc, "max_tokens_per_doc");
    for (name, _) in request.rest.iter().filter(|(_, value)| !value.is_null()) {
        dropped.note_extension(name);
    }
    let sources = request.documents.iter().map(|document| Source {
        r#type: "INLINE",
        inline_document_source: Document { r#type: "TEXT", text_document: Text { text: document.text() } },
    });
    let documents = u64::try_from(request.documents.len()).unwrap_or(u64::MAX);
    let body = Body {
        queries: [Query { r#type: "TEXT", text_query: Text { text: &request.query } }],
        sources: sources.collect(),
        reranking_configuration: Configuration {
            r#type: "BEDROCK_RERANKING_MODEL",
            bedrock_reranking_configuration: ModelAndNumber {
                model_configuration: Model { model_arn },
                // More than there are documents is refused.
                number_of_results: request.top_n.map(|wanted| wanted.min(documents)),
            },
        },
    };
    serde_json::to_vec(&body)
        .map_err(|error| ConvertError::invalid("documents", format!("The request cannot be written as JSON: {error}.")))
}

/// Reads the answer of `POST /rerank`.
///
/// # Errors
/// [`AnswerError::Malformed`].
pub fn read_rerank(body: &[u8]) -> Result<Reranked, AnswerError> {
    let answer: Answer = serde_json::from_slice(body).map_err(|error| AnswerError::Malformed(error.to_string()))?;
    let results =
        answer.results.into_iter().map(|result| Ranked { index: result.index, relevance_score: result.relevance_score });
    Ok(Reranked { results: Ranked::best_first(results), ..Reranked::default() })
}
