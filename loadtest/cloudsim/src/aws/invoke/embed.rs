//! Embedding models on Bedrock, each with a body of its own: Titan, Cohere, Nova. Which one a model is its name says.

use serde_json::{Value, json};

use super::super::body::body;
use super::super::error::AwsError;
use crate::behaviour::Behaviour;
use crate::cloud::Content;
use crate::log::Received;
use crate::scene::{vector, words};
use crate::shape::{Look, NON_EMPTY, Shape, optional, required};

const DIMENSIONS: Shape = Shape::Whole(1, 4096);
const TITAN: Shape = Shape::Structure(&[
    required("inputText", &NON_EMPTY),
    optional("dimensions", &DIMENSIONS),
    optional("normalize", &Shape::Flag),
    optional("embeddingTypes", &Shape::List { of: &Shape::Choice(&["float", "binary"]), min: 1, max: 2 }),
]);
const COHERE: Shape = Shape::Structure(&[
    required("texts", &Shape::List { of: &NON_EMPTY, min: 1, max: 96 }),
    required("input_type", &Shape::Choice(&["search_document", "search_query", "classification", "clustering"])),
    optional("truncate", &Shape::Choice(&["NONE", "LEFT", "RIGHT", "START", "END"])),
    optional("output_dimension", &DIMENSIONS),
    optional(
        "embedding_types",
        &Shape::List { of: &Shape::Choice(&["float", "int8", "uint8", "binary", "ubinary"]), min: 1, max: 5 },
    ),
]);
const NOVA_TEXT: Shape =
    Shape::Structure(&[required("truncationMode", &Shape::Choice(&["START", "END", "NONE"])), required("value", &NON_EMPTY)]);
const NOVA_PURPOSES: Shape = Shape::Choice(&[
    "GENERIC_INDEX",
    "GENERIC_RETRIEVAL",
    "TEXT_RETRIEVAL",
    "IMAGE_RETRIEVAL",
    "VIDEO_RETRIEVAL",
    "DOCUMENT_RETRIEVAL",
    "AUDIO_RETRIEVAL",
    "CLASSIFICATION",
    "CLUSTERING",
]);
const NOVA_SINGLE: Shape = Shape::Structure(&[
    required("embeddingPurpose", &NOVA_PURPOSES),
    optional("embeddingDimension", &DIMENSIONS),
    required("text", &NOVA_TEXT),
]);
const NOVA: Shape = Shape::Structure(&[
    required("taskType", &Shape::Choice(&["SINGLE_EMBEDDING"])),
    required("singleEmbeddingParams", &NOVA_SINGLE),
    optional("schemaVersion", &Shape::Choice(&["nova-multimodal-embed-v1"])),
]);

/// The embeddings of a model.
pub(super) fn embed(behaviour: &Behaviour, model: &str, received: &Received) -> Result<Content, AwsError> {
    let read = |shape| body(received, shape).map_err(malformed);
    let length = |value: &Value| value.as_u64().and_then(|value| usize::try_from(value).ok()).unwrap_or(behaviour.dimensions);
    if model.contains("cohere") {
        let body = read(&COHERE)?;
        let texts: Vec<_> = body.look("texts").as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let vectors: Vec<_> = texts.iter().map(|text| vector(text, length(body.look("output_dimension")))).collect();
        let tokens: usize = texts.iter().map(|text| words(text)).sum();
        // Asked for types it answers by type.
        let (embeddings, kind) = match body.get("embedding_types") {
            Some(_) => (json!({ "float": vectors }), "embeddings_by_type"),
            None => (json!(vectors), "embeddings_floats"),
        };
        let answer = json!({ "id": "sim-embed", "texts": texts, "embeddings": embeddings, "response_type": kind });
        return Ok(counted(&answer, tokens));
    }
    if model.contains("nova") {
        let body = read(&NOVA)?;
        let parameters = body.look("singleEmbeddingParams");
        let text = parameters.look("text.value").as_str().unwrap_or_default();
        let embedding = vector(text, length(parameters.look("embeddingDimension")));
        return Ok(counted(&json!({ "embeddings": [{ "embeddingType": "TEXT", "embedding": embedding }] }), words(text)));
    }
    let body = read(&TITAN)?;
    let text = body.look("inputText").as_str().unwrap_or_default();
    let embedding = vector(text, length(body.look("dimensions")));
    let by_type = json!({ "float": embedding });
    Ok(counted(&json!({ "embedding": embedding, "embeddingsByType": by_type, "inputTextTokenCount": words(text) }), words(text)))
}

fn counted(answer: &Value, tokens: usize) -> Content {
    Content::json(answer)
        .with("x-amzn-bedrock-input-token-count", tokens.to_string())
        .with("x-amzn-bedrock-output-token-count", "0")
        .with("x-amzn-bedrock-invocation-latency", "12")
}

/// What a model, not the service, finds wrong with its body.
fn malformed(mut error: AwsError) -> AwsError {
    if error.kind == "ValidationException" {
        let message = error.body.look("message").as_str().unwrap_or_default();
        error = AwsError::validation(format!("Malformed input request: {message}, please reformat your input and try again."));
    }
    error
}
