//! Requests for embeddings, which every vendor on Bedrock wants in a form of its own.

use serde::Serialize;

use super::Family;
use crate::{
    chat::{ConvertError, Dropped, Target},
    openai::{EmbeddingInput, EmbeddingRequest},
};

/// The most texts that Cohere's models take at once.
const COHERE_TEXTS: usize = 96;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Titan<'a> {
    input_text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    dimensions: Option<u64>,
    /// The first version knows neither this nor `dimensions`.
    #[serde(skip_serializing_if = "Option::is_none")]
    normalize: Option<bool>,
}

#[derive(Serialize)]
struct Cohere<'a> {
    texts: &'a [&'a str],
    input_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    truncate: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_dimension: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Nova<'a> {
    task_type: &'static str,
    single_embedding_params: NovaParams<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NovaParams<'a> {
    embedding_purpose: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    embedding_dimension: Option<u64>,
    text: NovaText<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NovaText<'a> {
    truncation_mode: &'static str,
    value: &'a str,
}

/// Requests that are ready to be sent.
#[derive(Debug, Clone)]
pub struct EncodedEmbeddings {
    /// The bodies of InvokeModel, in order.
    pub bodies: Vec<Vec<u8>>,
    /// How many texts they hold together.
    pub inputs: usize,
}

/// Writes the InvokeModel requests that embed all inputs in order: Titan and Nova take one text each, Cohere up to 96.
///
/// # Errors
/// [`ConvertError`], for token ids, a length that the model does not offer, or a model that embeds nothing.
pub fn encode_embeddings(
    request: &EmbeddingRequest,
    target: &Target<'_>,
    dropped: &mut Dropped,
) -> Result<EncodedEmbeddings, ConvertError> {
    let texts = texts(request)?;
    let family = Family::of(target.model);
    note_dropped(request, family, dropped);
    let dimensions = request.dimensions;
    let bodies: Result<Vec<_>, ConvertError> = match family {
        Family::Titan => {
            let is_first = target.model.contains("-v1");
            if is_first && dimensions.is_some() {
                return Err(fixed_length());
            }
            let normalize = (!is_first).then_some(true);
            texts.iter().map(|text| write(&Titan { input_text: text, dimensions, normalize })).collect()
        }
        Family::Cohere => {
            if dimensions.is_some() && target.model.contains("-v3") {
                return Err(fixed_length());
            }
            let input_type = word(request, "input_type").unwrap_or("search_document");
            let truncate = word(request, "truncate");
            let bodies = texts.chunks(COHERE_TEXTS);
            bodies.map(|texts| write(&Cohere { texts, input_type, truncate, output_dimension: dimensions })).collect()
        }
        Family::Nova => {
            let body = |value| Nova {
                task_type: "SINGLE_EMBEDDING",
                single_embedding_params: NovaParams {
                    embedding_purpose: "GENERIC_INDEX",
                    embedding_dimension: dimensions,
                    // Too long a text is an error, as it is with OpenAI, rather than cut in silence.
                    text: NovaText { truncation_mode: "NONE", value },
                },
            };
            texts.iter().map(|text| write(&body(text))).collect()
        }
        _ => Err(ConvertError::unsupported("model", "This model of Amazon Bedrock makes no embeddings.")),
    };
    Ok(EncodedEmbeddings { bodies: bodies?, inputs: texts.len() })
}

fn texts(request: &EmbeddingRequest) -> Result<Vec<&str>, ConvertError> {
    match &request.input {
        EmbeddingInput::Text(text) => Ok(vec![text]),
        EmbeddingInput::Texts(texts) if texts.is_empty() => {
            Err(ConvertError::invalid("input", "`input` is empty: send one text at least."))
        }
        EmbeddingInput::Texts(texts) => Ok(texts.iter().map(String::as_str).collect()),
        EmbeddingInput::Tokens(_) | EmbeddingInput::TokenLists(_) => {
            let message = "`input`: Amazon Bedrock takes texts and no token ids; accepted: a string or an array of strings.";
            Err(ConvertError::unsupported("input", message))
        }
    }
}

fn fixed_length() -> ConvertError {
    ConvertError::unsupported("dimensions", "`dimensions`: the embeddings of this model have one length only; leave it out.")
}

fn word<'a>(request: &'a EmbeddingRequest, name: &str) -> Option<&'a str> {
    request.rest.get(name)?.as_str()
}

fn note_dropped(request: &EmbeddingRequest, family: Family, dropped: &mut Dropped) {
    for (name, value) in &request.rest {
        let is_honoured = family == Family::Cohere && matches!(name.as_str(), "input_type" | "truncate") && value.is_string();
        if !is_honoured && !value.is_null() {
            dropped.note_extension(name);
        }
    }
}

fn write<T: Serialize>(body: &T) -> Result<Vec<u8>, ConvertError> {
    serde_json::to_vec(body)
        .map_err(|error| ConvertError::invalid("input", format!("The request cannot be written as JSON: {error}.")))
}
