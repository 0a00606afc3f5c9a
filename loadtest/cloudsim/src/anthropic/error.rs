//! Errors as the Messages API writes them.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::cloud::{Document, Manner, named_event};
use crate::refusal::{Refusal, Why};

/// The id of every request.
pub(super) const REQUEST: &str = "req_sim";

/// The manner of the Messages API.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Messages;

impl Manner for Messages {
    fn refuse(&self, refusal: &Refusal) -> Document {
        let document = Document::json(refusal.status, &error(refusal)).with("request-id", REQUEST);
        match &refusal.why {
            Why::RateLimited { after } => document
                .with("retry-after", after.as_secs().to_string())
                .with("anthropic-ratelimit-requests-limit", "50")
                .with("anthropic-ratelimit-requests-remaining", "0")
                .with("anthropic-ratelimit-requests-reset", "2026-01-02T03:04:05Z"),
            _ => document,
        }
    }

    fn refuse_in_stream(&self, refusal: &Refusal) -> Bytes {
        let refusal = if refusal.status == 503 { Refusal { status: 529, ..refusal.clone() } } else { refusal.clone() };
        named_event("error", error(&refusal))
    }
}

/// The body of an error.
pub(crate) fn error(refusal: &Refusal) -> Value {
    let kind = match refusal.status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        409 => "conflict_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    };
    json!({ "type": "error", "error": { "type": kind, "message": refusal.message }, "request_id": REQUEST })
}
