//! Errors as Cohere writes them.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::cloud::{Document, Manner, named_event};
use crate::refusal::{Refusal, Why};

/// The manner of Cohere: a message and nothing more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plain;

impl Manner for Plain {
    fn refuse(&self, refusal: &Refusal) -> Document {
        let status = match &refusal.why {
            Why::Invalid { field: Some(_) } => 422,
            _ => refusal.status,
        };
        let document = Document::json(status, &error(refusal));
        match &refusal.why {
            Why::RateLimited { after } => document.with("retry-after", after.as_secs().to_string()),
            _ => document,
        }
    }

    fn refuse_in_stream(&self, refusal: &Refusal) -> Bytes {
        let delta = json!({ "finish_reason": "ERROR", "error": refusal.message });
        named_event("message-end", json!({ "type": "message-end", "id": "cohere-sim", "delta": delta }))
    }
}

fn error(refusal: &Refusal) -> Value {
    json!({ "id": "cohere-sim", "message": refusal.message })
}
