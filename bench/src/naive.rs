//! What a gateway does that takes every body for a tree: the baseline.

use serde_json::Value;

/// Reads a request, replaces the model's name and writes it.
#[must_use]
pub fn naive_request(body: &[u8], model: &str) -> Option<Vec<u8>> {
    let mut request: Value = serde_json::from_slice(body).ok()?;
    *request.get_mut("model")? = Value::from(model);
    serde_json::to_vec(&request).ok()
}

/// Reads a chunk of a stream and writes it.
#[must_use]
pub fn naive_chunk(event: &[u8]) -> Option<Vec<u8>> {
    let chunk: Value = serde_json::from_slice(event.strip_prefix(b"data: ")?).ok()?;
    Some(format!("data: {chunk}\n\n").into_bytes())
}
