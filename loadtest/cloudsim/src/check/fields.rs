//! The fields of a JSON body, read as strictly as the cloud does.

use serde_json::{Map, Value};

use super::refusal::Refusal;
use crate::log::Received;

/// The fields of a JSON body, all of which are known.
pub(super) fn fields(received: &Received, known: &[&str]) -> Result<Map<String, Value>, Refusal> {
    let content_type = received.header("content-type").unwrap_or_default();
    if content_type.split(';').next().map(str::trim) != Some("application/json") {
        return Err(Refusal::new(415, None, format!("Unsupported content type: {content_type:?}")));
    }
    let fields: Map<String, Value> = serde_json::from_slice(&received.body)
        .map_err(|error| Refusal::new(400, None, format!("We could not parse the JSON body: {error}")))?;
    match fields.keys().find(|field| !known.contains(&field.as_str())) {
        Some(unknown) => Err(Refusal::of(unknown, format!("Unrecognized request argument supplied: {unknown}"))),
        None => Ok(fields),
    }
}

/// The model asked for, if it is one of those served.
pub(super) fn model(fields: &Map<String, Value>, served: &[String]) -> Result<String, Refusal> {
    let model = fields.get("model").and_then(Value::as_str);
    let model = model.ok_or_else(|| Refusal::of("model", "you must provide a model parameter"))?;
    if served.iter().any(|known| known == model) {
        return Ok(model.into());
    }
    let message = format!("The model `{model}` does not exist or you do not have access to it.");
    Err(Refusal::new(404, Some("model_not_found"), message))
}

/// A boolean that is false where it is missing.
pub(super) fn flag(fields: &Map<String, Value>, name: &str, param: &str) -> Result<bool, Refusal> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(value)) => Ok(*value),
        Some(_) => Err(Refusal::of(param, format!("'{param}' must be a boolean"))),
    }
}

/// A positive integer that may be missing.
pub(super) fn count(fields: &Map<String, Value>, name: &str) -> Result<Option<usize>, Refusal> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_u64().and_then(|value| usize::try_from(value).ok()).filter(|value| *value > 0) {
            Some(value) => Ok(Some(value)),
            None => Err(Refusal::of(name, format!("'{name}' must be a positive integer"))),
        },
    }
}
