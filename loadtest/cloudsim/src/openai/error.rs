//! The shapes of errors among the hosts of OpenAI's API.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::cloud::{Document, Manner, event};
use crate::refusal::{Refusal, Why};

/// How a host writes errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `{"error": {"message", "type", "param", "code"}}`.
    OpenAi,
    /// The same, codes as texts of numbers, the content filter with an inner error.
    Azure,
    /// `{"object": "error", "message", "type", "param", "code", "raw_status_code"}`, and `{"detail": […]}` for wrong fields.
    Mistral,
    /// `{"error": {"code", "message", "metadata"}}`.
    OpenRouter,
    /// As OpenAI's, but the code is the status.
    Vllm,
    /// As vLLM's, without the envelope.
    Flat,
    /// `{"error", "error_type"}`.
    Tgi,
    /// `{"message", "code", "type"}`.
    Tei,
    /// `{"error", "error_type"}` with TEI's types.
    TeiNative,
    /// `{"error_code", "message"}`.
    Databricks,
    /// `{"message", "code", "request_id"}`.
    Snowflake,
    /// `{"error": {"code", "message", "status"}}`, in a list.
    Google,
}

impl Manner for Shape {
    fn refuse(&self, refusal: &Refusal) -> Document {
        let status = self.status(refusal);
        let document = Document::json(status, &self.body(status, refusal));
        match &refusal.why {
            Why::RateLimited { after } => {
                let seconds = after.as_secs().to_string();
                let document = document.with("retry-after", seconds.clone());
                match self {
                    Self::OpenAi | Self::Azure => document
                        .with("retry-after-ms", after.as_millis().to_string())
                        .with("x-ratelimit-limit-requests", "60")
                        .with("x-ratelimit-remaining-requests", "0")
                        .with("x-ratelimit-reset-requests", format!("{seconds}s")),
                    _ => document,
                }
            }
            _ => document,
        }
    }

    fn refuse_in_stream(&self, refusal: &Refusal) -> Bytes {
        let status = refusal.status;
        match self {
            Self::OpenRouter => event(json!({
                "id": "gen-sim", "object": "chat.completion.chunk", "created": super::CREATED, "model": "sim",
                "error": { "code": status, "message": refusal.message },
                "choices": [{ "index": 0, "delta": { "role": "assistant", "content": "" }, "finish_reason": "error" }],
            })),
            _ => event(self.body(status, refusal)),
        }
    }
}

impl Shape {
    fn status(self, refusal: &Refusal) -> u16 {
        match (self, &refusal.why) {
            (Self::Mistral | Self::Tgi | Self::Tei | Self::TeiNative, Why::Invalid { field: Some(_) }) => 422,
            (Self::Databricks, Why::Expired | Why::WrongCredential) => 403,
            _ => refusal.status,
        }
    }

    fn body(self, status: u16, refusal: &Refusal) -> Value {
        let Refusal { why, message, .. } = refusal;
        let field = match why {
            Why::Invalid { field } => field.clone(),
            Why::UnknownModel => Some("model".into()),
            _ => None,
        };
        match self {
            Self::OpenAi => {
                json!({ "error": { "message": message, "type": kind(status), "param": field, "code": code(why) } })
            }
            Self::Azure => azure(status, refusal, field),
            Self::Mistral => match why {
                Why::NoCredential | Why::WrongCredential | Why::Expired => json!({ "detail": "Unauthorized" }),
                Why::Invalid { field: Some(field) } => {
                    json!({ "detail": [{ "type": "value_error", "loc": ["body", field], "msg": message, "input": null }] })
                }
                _ => json!({
                    "object": "error", "message": message, "type": if status == 429 { "rate_limited" } else { "api_error" },
                    "param": null, "code": if status == 429 { "1300" } else { "1000" }, "raw_status_code": status,
                }),
            },
            Self::OpenRouter => json!({ "error": { "code": status, "message": message } }),
            Self::Vllm => {
                json!({ "error": { "message": message, "type": python(status), "param": field, "code": status } })
            }
            Self::Flat => {
                json!({ "object": "error", "message": message, "type": python(status), "param": field, "code": status })
            }
            Self::Tgi => {
                let kind = match status {
                    422 => "validation",
                    424 => "generation",
                    429 => "overloaded",
                    503 => "unhealthy",
                    _ => "incomplete_generation",
                };
                json!({ "error": message, "error_type": kind })
            }
            Self::Tei => json!({ "message": message, "code": status, "type": tei(status) }),
            Self::TeiNative => json!({ "error": message, "error_type": tei(status) }),
            Self::Databricks => {
                let code = match status {
                    400 => "BAD_REQUEST",
                    401 => "UNAUTHENTICATED",
                    403 => "PERMISSION_DENIED",
                    404 => "RESOURCE_DOES_NOT_EXIST",
                    429 => "REQUEST_LIMIT_EXCEEDED",
                    503 => "TEMPORARILY_UNAVAILABLE",
                    _ => "INTERNAL_ERROR",
                };
                json!({ "error_code": code, "message": message })
            }
            Self::Snowflake => {
                json!({ "message": message, "code": status.to_string(), "request_id": "00000000-0000-4000-8000-000000000000" })
            }
            Self::Google => {
                json!([{ "error": { "code": status, "message": message, "status": google(status) } }])
            }
        }
    }
}

fn azure(status: u16, refusal: &Refusal, field: Option<String>) -> Value {
    let message = &refusal.message;
    match &refusal.why {
        Why::Filtered => json!({ "error": {
            "message": message, "type": null, "param": "prompt", "code": "content_filter", "status": 400,
            "innererror": {
                "code": "ResponsibleAIPolicyViolation",
                "content_filter_result": {
                    "hate": { "filtered": false, "severity": "safe" }, "self_harm": { "filtered": false, "severity": "safe" },
                    "sexual": { "filtered": false, "severity": "safe" }, "violence": { "filtered": true, "severity": "high" },
                },
            },
        } }),
        Why::UnknownModel => json!({ "error": { "code": "DeploymentNotFound", "message": message } }),
        Why::Invalid { .. } => {
            json!({ "error": { "message": message, "type": kind(status), "param": field, "code": null } })
        }
        _ => json!({ "error": { "code": status.to_string(), "message": message } }),
    }
}

fn kind(status: u16) -> &'static str {
    match status {
        429 => "rate_limit_error",
        500.. => "server_error",
        _ => "invalid_request_error",
    }
}

fn code(why: &Why) -> Option<&'static str> {
    match why {
        Why::WrongCredential | Why::Expired => Some("invalid_api_key"),
        Why::UnknownUrl => Some("unknown_url"),
        Why::UnknownModel => Some("model_not_found"),
        Why::RateLimited { .. } => Some("rate_limit_exceeded"),
        Why::Filtered => Some("content_filter"),
        _ => None,
    }
}

/// The types of errors of TEI.
fn tei(status: u16) -> &'static str {
    match status {
        422 => "Validation",
        424 => "Backend",
        429 => "Overloaded",
        503 => "Unhealthy",
        _ => "Empty",
    }
}

/// The names of errors in servers that are written in Python.
fn python(status: u16) -> &'static str {
    match status {
        400 | 422 => "BadRequestError",
        401 => "AuthenticationError",
        404 => "NotFoundError",
        429 => "RateLimitError",
        503 => "ServiceUnavailableError",
        _ => "InternalServerError",
    }
}

fn google(status: u16) -> &'static str {
    match status {
        400 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        _ => "INTERNAL",
    }
}
