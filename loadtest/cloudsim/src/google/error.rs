//! Errors in Google's manner: a code, a canonical status, and details that say more.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::cloud::{Document, Manner, event};
use crate::refusal::{Refusal, Why};
use crate::shape::Look;

/// How Vertex AI says no.
#[derive(Debug)]
pub(super) struct Vertex;

/// How AI Studio says no: a bad key is an invalid argument there.
#[derive(Debug)]
pub(super) struct AiStudio;

/// How either says no where a stream without `alt=sse` was asked for: the stream is one array, and so is the error.
#[derive(Debug)]
pub(super) struct Array;

impl Manner for Vertex {
    fn refuse(&self, refusal: &Refusal) -> Document {
        let (code, body) = error(refusal);
        Document::json(code, &body)
    }

    fn refuse_in_stream(&self, refusal: &Refusal) -> Bytes {
        event(error(refusal).1)
    }
}

impl Manner for AiStudio {
    fn refuse(&self, refusal: &Refusal) -> Document {
        let told = match refusal.why {
            Why::WrongCredential => {
                let message = "API key not valid. Please pass a valid API key.";
                return Document::json(400, &body(400, "INVALID_ARGUMENT", message, &[info("API_KEY_INVALID")]));
            }
            Why::NoCredential => {
                let message = "Method doesn't allow unregistered callers (callers without established identity). Please use API Key \
                               or other form of API consumer identity to call this API.";
                return Document::json(403, &body(403, "PERMISSION_DENIED", message, &[]));
            }
            _ => error(refusal),
        };
        Document::json(told.0, &told.1)
    }

    fn refuse_in_stream(&self, refusal: &Refusal) -> Bytes {
        event(error(refusal).1)
    }
}

impl Manner for Array {
    fn refuse(&self, refusal: &Refusal) -> Document {
        let (code, body) = error(refusal);
        Document::json(code, &json!([body]))
    }

    fn refuse_in_stream(&self, refusal: &Refusal) -> Bytes {
        format!(",\r\n{}]", error(refusal).1).into()
    }
}

fn error(refusal: &Refusal) -> (u16, Value) {
    let Refusal { status, why, message } = refusal;
    let (code, name) = match why {
        Why::NoCredential | Why::WrongCredential | Why::Expired => (401, "UNAUTHENTICATED"),
        Why::UnknownUrl | Why::UnknownModel => (404, "NOT_FOUND"),
        Why::Invalid { .. } | Why::Filtered => (400, "INVALID_ARGUMENT"),
        Why::RateLimited { .. } => (429, "RESOURCE_EXHAUSTED"),
        Why::Scripted => (*status, canonical(*status)),
    };
    let details = match why {
        Why::NoCredential => vec![info("CREDENTIALS_MISSING")],
        Why::WrongCredential | Why::Expired => vec![info("ACCESS_TOKEN_EXPIRED")],
        Why::RateLimited { after } => vec![
            json!({
                "@type": "type.googleapis.com/google.rpc.QuotaFailure",
                "violations": [{ "quotaId": "GenerateRequestsPerMinutePerProjectPerModel" }],
            }),
            json!({ "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": format!("{}s", after.as_secs()) }),
        ],
        _ => Vec::new(),
    };
    (code, body(code, name, message, &details))
}

fn body(code: u16, status: &str, message: &str, details: &[Value]) -> Value {
    let mut error = json!({ "code": code, "message": message, "status": status });
    if !details.is_empty() {
        error.put("details", json!(details));
    }
    json!({ "error": error })
}

fn info(reason: &str) -> Value {
    json!({ "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com" })
}

fn canonical(status: u16) -> &'static str {
    match status {
        400 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        409 => "ABORTED",
        429 => "RESOURCE_EXHAUSTED",
        499 => "CANCELLED",
        501 => "UNIMPLEMENTED",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        _ => "INTERNAL",
    }
}
