//! Errors as watsonx.ai writes them.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::cloud::{Document, Manner, named_event};
use crate::refusal::{Refusal, Why};

/// The manner of watsonx.ai.
#[derive(Clone, Copy, Debug)]
pub(super) struct Errors;

impl Manner for Errors {
    fn refuse(&self, refusal: &Refusal) -> Document {
        let document = Document::json(refusal.status, &error(refusal));
        match &refusal.why {
            Why::RateLimited { after } => document
                .with("retry-after", after.as_secs().to_string())
                .with("x-requests-limit-rate", "8")
                .with("x-requests-limit-remaining", "0"),
            _ => document,
        }
    }

    fn refuse_in_stream(&self, refusal: &Refusal) -> Bytes {
        named_event("error", error(refusal))
    }
}

fn error(refusal: &Refusal) -> Value {
    let code = match (&refusal.why, refusal.status) {
        (Why::NoCredential, _) => "authentication_token_missing",
        (Why::Expired, _) => "authentication_token_expired",
        (Why::WrongCredential, _) => "authentication_token_not_valid",
        (Why::UnknownModel, _) => "model_not_supported",
        (Why::Invalid { .. }, _) => "invalid_request_entity",
        (_, 429) => "rate_limit_reached_requests",
        (_, 404) => "not_found",
        _ => "downstream_request_failed",
    };
    let item = json!({ "code": code, "message": refusal.message, "more_info": "https://cloud.ibm.com/apidocs/watsonx-ai" });
    json!({ "errors": [item], "trace": "sim", "status_code": refusal.status })
}
