//! Errors in OpenAI's shape.

use serde_json::{Value, json};

use crate::check::Refusal;

/// The body of a refused request.
pub(crate) fn refused(refusal: &Refusal) -> Value {
    let Refusal { status, code, param, message } = refusal;
    json!({ "error": { "message": message, "type": kind(*status), "param": param, "code": code } })
}

/// The body of a scripted status.
pub(crate) fn status(status: u16) -> Value {
    let code = (status == 429).then_some("rate_limit_exceeded");
    let message = format!("Simulated status {status}.");
    json!({ "error": { "message": message, "type": kind(status), "param": null, "code": code } })
}

fn kind(status: u16) -> &'static str {
    match status {
        429 => "rate_limit_error",
        500.. => "server_error",
        _ => "invalid_request_error",
    }
}
