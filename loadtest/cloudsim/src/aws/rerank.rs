//! Rerank of `bedrock-agent-runtime`, after the service model of 2023-07-26.

use serde_json::{Value, json};

use super::body::body;
use super::error::AwsError;
use crate::behaviour::Behaviour;
use crate::cloud::Content;
use crate::log::Received;
use crate::scene::ranked;
use crate::shape::{Alphabet, Look, Shape, Text, optional, required};

const TEXT_DOCUMENT: Shape = Shape::Structure(&[optional("text", &Shape::Text(Text { min: 1, max: 32_000, of: Alphabet::Any }))]);
const QUERY: Shape = Shape::Structure(&[required("type", &Shape::Choice(&["TEXT"])), required("textQuery", &TEXT_DOCUMENT)]);
const DOCUMENT: Shape = Shape::Structure(&[
    required("type", &Shape::Choice(&["TEXT", "JSON"])),
    optional("textDocument", &TEXT_DOCUMENT),
    optional("jsonDocument", &Shape::AnyObject),
]);
const SOURCE: Shape =
    Shape::Structure(&[required("type", &Shape::Choice(&["INLINE"])), required("inlineDocumentSource", &DOCUMENT)]);
const MODEL: Shape = Shape::Structure(&[
    required("modelArn", &Shape::Text(Text { min: 1, max: 2048, of: Alphabet::Any })),
    optional("additionalModelRequestFields", &Shape::AnyObject),
]);
const BEDROCK: Shape =
    Shape::Structure(&[required("modelConfiguration", &MODEL), optional("numberOfResults", &Shape::Whole(1, 1000))]);
const CONFIGURATION: Shape = Shape::Structure(&[
    required("type", &Shape::Choice(&["BEDROCK_RERANKING_MODEL"])),
    required("bedrockRerankingConfiguration", &BEDROCK),
]);
const BODY: Shape = Shape::Structure(&[
    required("queries", &Shape::List { of: &QUERY, min: 1, max: 1 }),
    required("sources", &Shape::List { of: &SOURCE, min: 1, max: 1000 }),
    required("rerankingConfiguration", &CONFIGURATION),
]);

/// The documents by their relevance.
pub(super) fn rerank(behaviour: &Behaviour, received: &Received) -> Result<Content, AwsError> {
    let body = body(received, &BODY)?;
    let configuration = body.look("rerankingConfiguration.bedrockRerankingConfiguration");
    let arn = configuration.look("modelConfiguration.modelArn").as_str().unwrap_or_default();
    let model = arn.strip_prefix("arn:aws:bedrock:").and_then(|arn| arn.split_once("::foundation-model/"));
    if !model.is_some_and(|(_, model)| behaviour.rerank_models.iter().any(|known| known == model)) {
        return Err(AwsError::not_found(format!("Could not resolve the foundation model from the provided model ARN: {arn}")));
    }
    let query = body.pointer("/queries/0/textQuery/text").and_then(Value::as_str).unwrap_or_default();
    let document = |source: &Value| {
        let document = source.look("inlineDocumentSource");
        document.look("textDocument.text").as_str().map_or_else(|| document.look("jsonDocument").to_string(), str::to_owned)
    };
    let documents: Vec<_> = body.look("sources").as_array().into_iter().flatten().map(document).collect();
    let wanted = configuration.look("numberOfResults").as_u64().and_then(|wanted| usize::try_from(wanted).ok());
    let results = ranked(query, &documents).into_iter().take(wanted.unwrap_or(usize::MAX));
    let results: Vec<_> = results.map(|(index, score)| json!({ "index": index, "relevanceScore": score })).collect();
    Ok(Content::json(&json!({ "results": results })))
}
