//! Embeddings: Vertex AI's `:predict`, AI Studio's `:batchEmbedContents` and `:embedContent`.

use serde_json::{Value, json};

use super::body::body;
use super::gemini::CONTENT;
use crate::behaviour::Behaviour;
use crate::cloud::Content;
use crate::log::Received;
use crate::refusal::Refusal;
use crate::scene::{vector, words};
use crate::shape::{Look, NON_EMPTY, Shape, TEXT, optional, required};

const TASK: Shape = Shape::Choice(&[
    "RETRIEVAL_QUERY",
    "RETRIEVAL_DOCUMENT",
    "SEMANTIC_SIMILARITY",
    "CLASSIFICATION",
    "CLUSTERING",
    "QUESTION_ANSWERING",
    "FACT_VERIFICATION",
    "CODE_RETRIEVAL_QUERY",
]);
// The instances are no protobuf of their own, and keep the names of the model behind.
const INSTANCE: Shape =
    Shape::Structure(&[required("content", &NON_EMPTY), optional("task_type", &TASK), optional("title", &TEXT)]);
const PARAMETERS: Shape =
    Shape::Structure(&[optional("outputDimensionality", &Shape::Whole(1, 3072)), optional("autoTruncate", &Shape::Flag)]);
const PREDICT: Shape = Shape::Structure(&[
    required("instances", &Shape::List { of: &INSTANCE, min: 1, max: 250 }),
    optional("parameters", &PARAMETERS),
]);
/// Where Vertex AI wants what AI Studio takes beside the content.
const CONFIG: Shape = Shape::Structure(&[
    optional("taskType", &TASK),
    optional("title", &TEXT),
    optional("outputDimensionality", &Shape::Whole(1, 3072)),
    optional("autoTruncate", &Shape::Flag),
]);
const ONE: Shape = Shape::Structure(&[
    optional("model", &NON_EMPTY),
    required("content", &CONTENT),
    optional("taskType", &TASK),
    optional("title", &TEXT),
    optional("outputDimensionality", &Shape::Whole(1, 3072)),
    optional("embedContentConfig", &CONFIG),
]);
const BATCH: Shape = Shape::Structure(&[required("requests", &Shape::List { of: &ONE, min: 1, max: 100 })]);

/// `:predict`.
pub(super) fn predict(behaviour: &Behaviour, received: &Received) -> Result<Content, Refusal> {
    let body = body(received, &PREDICT)?;
    let length = length(behaviour, body.look("parameters.outputDimensionality"));
    let prediction = |instance: &Value| {
        let text = instance.look("content").as_str().unwrap_or_default();
        let statistics = json!({ "token_count": words(text), "truncated": false });
        json!({ "embeddings": { "values": vector(text, length), "statistics": statistics } })
    };
    let predictions: Vec<_> = body.look("instances").as_array().into_iter().flatten().map(prediction).collect();
    Ok(Content::json(&json!({ "predictions": predictions, "metadata": { "billableCharacterCount": received.body.len() } })))
}

/// `:batchEmbedContents`, each of whose requests names the model again.
pub(super) fn batch(behaviour: &Behaviour, model: &str, received: &Received) -> Result<Content, Refusal> {
    let body = body(received, &BATCH)?;
    let requests = body.look("requests").as_array().map_or(&[][..], Vec::as_slice);
    if let Some(other) = requests.iter().position(|request| !names(request, model)) {
        let message = format!("* BatchEmbedContentsRequest.requests[{other}].model: must be 'models/{model}'");
        return Err(Refusal::invalid(format!("requests[{other}].model"), message));
    }
    let embeddings: Vec<_> = requests.iter().map(|request| embedding(behaviour, request)).collect();
    Ok(Content::json(&json!({ "embeddings": embeddings })))
}

/// `:embedContent`.
pub(super) fn one(behaviour: &Behaviour, received: &Received) -> Result<Content, Refusal> {
    let body = body(received, &ONE)?;
    Ok(Content::json(&json!({ "embedding": embedding(behaviour, &body) })))
}

/// Whether a request of a batch is for that model; Vertex AI does not ask.
fn names(request: &Value, model: &str) -> bool {
    match request.look("model").as_str() {
        Some(named) => named.strip_suffix(model).is_some_and(|before| before.ends_with("models/")),
        None => request.look("embedContentConfig").is_object(),
    }
}

fn embedding(behaviour: &Behaviour, request: &Value) -> Value {
    let parts = request.look("content.parts").as_array().into_iter().flatten();
    let text: String = parts.filter_map(|part| part.look("text").as_str()).collect();
    let beside = request.look("outputDimensionality");
    let asked = if beside.is_null() { request.look("embedContentConfig.outputDimensionality") } else { beside };
    json!({ "values": vector(&text, length(behaviour, asked)) })
}

fn length(behaviour: &Behaviour, asked: &Value) -> usize {
    asked.as_u64().and_then(|asked| usize::try_from(asked).ok()).unwrap_or(behaviour.dimensions)
}
