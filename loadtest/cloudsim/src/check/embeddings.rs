//! What an embeddings request must look like.

use serde_json::{Map, Value};

use super::fields::{count, model};
use super::refusal::Refusal;

/// The fields of an embeddings request, from OpenAI's API description.
pub(super) const FIELDS: &[&str] = &["dimensions", "encoding_format", "input", "model", "user"];

/// An embeddings request, as far as the answer depends on it.
#[derive(Debug)]
pub(crate) struct Embeddings {
    pub(crate) model: String,
    /// Each text, or each list of token ids as JSON.
    pub(crate) inputs: Vec<String>,
    pub(crate) encoding: Encoding,
    pub(crate) dimensions: Option<usize>,
}

/// How vectors are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Float,
    Base64,
}

pub(super) fn check(fields: &Map<String, Value>, served: &[String]) -> Result<Embeddings, Refusal> {
    let model = model(fields, served)?;
    let invalid = || Refusal::of("input", "'input' must be a text, a list of texts, or lists of token ids");
    let inputs = match fields.get("input") {
        Some(Value::String(text)) => vec![text.clone()],
        Some(tokens @ Value::Array(ids)) if ids.iter().all(Value::is_u64) && !ids.is_empty() => {
            vec![tokens.to_string()]
        }
        Some(Value::Array(inputs)) if !inputs.is_empty() => {
            let input = |input: &Value| match input {
                Value::String(text) => Ok(text.clone()),
                Value::Array(ids) if ids.iter().all(Value::is_u64) => Ok(input.to_string()),
                _ => Err(invalid()),
            };
            inputs.iter().map(input).collect::<Result<_, _>>()?
        }
        _ => return Err(invalid()),
    };
    if inputs.iter().any(String::is_empty) {
        return Err(Refusal::of("input", "'input' cannot be an empty string"));
    }
    let encoding = match fields.get("encoding_format").map(Value::as_str) {
        None | Some(Some("float")) => Encoding::Float,
        Some(Some("base64")) => Encoding::Base64,
        Some(_) => {
            return Err(Refusal::of("encoding_format", "'encoding_format' must be 'float' or 'base64'"));
        }
    };
    Ok(Embeddings { model, inputs, encoding, dimensions: count(fields, "dimensions")? })
}
