//! Errors: the body of a refusal, and the event in a stream.

use serde::Deserialize;

use crate::text::Loose;

/// What an error says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// Its class, such as `rate_limit_error`; empty if it tells none.
    pub kind: String,
    /// A sentence for a person; empty if it has none.
    pub message: String,
}

/// An error in any of the forms that hosts of this API use: Anthropic's and Azure's `{"error": {"type" or "code", "message"}}`, Google's
/// `{"error": {"status", "message"}}`, Databricks' `{"error_code", "message"}`, Snowflake's `{"code", "message"}`.
#[derive(Debug, Default, Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    error: Option<Detail<'a>>,
    #[serde(borrow, default)]
    error_code: Loose<'a>,
    #[serde(borrow, default)]
    code: Loose<'a>,
    #[serde(borrow, default)]
    message: Loose<'a>,
}

/// The inner object.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Detail<'a> {
    #[serde(borrow, default)]
    r#type: Loose<'a>,
    #[serde(borrow, default)]
    status: Loose<'a>,
    #[serde(borrow, default)]
    code: Loose<'a>,
    #[serde(borrow, default)]
    message: Loose<'a>,
}

impl From<Detail<'_>> for ApiError {
    fn from(detail: Detail<'_>) -> Self {
        let kind =
            [&detail.r#type, &detail.status, &detail.code].into_iter().find_map(Loose::text).unwrap_or_default().to_owned();
        Self { kind, message: detail.message.into_string() }
    }
}

/// What the body of a refusal says; none if it is no error in a form that is known.
#[must_use]
pub fn read_error(body: &[u8]) -> Option<ApiError> {
    let envelope: Envelope<'_> = serde_json::from_slice(body).ok()?;
    if let Some(detail) = envelope.error {
        return Some(detail.into());
    }
    let kind = [&envelope.error_code, &envelope.code].into_iter().find_map(Loose::text).unwrap_or_default();
    let message = envelope.message.text()?;
    Some(ApiError { kind: kind.to_owned(), message: message.to_owned() })
}

/// The HTTP status that a class of error comes with, for errors in a stream, whose status was a success. A class that is not known counts
/// as the server's failure.
#[must_use]
pub fn status_of(kind: &str) -> u16 {
    match kind {
        "invalid_request_error" => 400,
        "authentication_error" => 401,
        "billing_error" => 402,
        "permission_error" => 403,
        "not_found_error" => 404,
        "conflict_error" => 409,
        "request_too_large" => 413,
        "rate_limit_error" => 429,
        "timeout_error" => 504,
        "overloaded_error" => 529,
        _ => 500,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_errors_of_every_host() {
        for (body, kind, message) in [
            (r#"{"type":"error","error":{"type":"api_error","message":"m"},"request_id":"r"}"#, "api_error", "m"),
            (r#"{"error":{"code":"429","message":"m"}}"#, "429", "m"),
            (r#"{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED"}}"#, "RESOURCE_EXHAUSTED", "m"),
            (r#"{"error_code":"REQUEST_LIMIT_EXCEEDED","message":"m"}"#, "REQUEST_LIMIT_EXCEEDED", "m"),
            (r#"{"message":"m","code":"390142"}"#, "390142", "m"),
        ] {
            assert_eq!(read_error(body.as_bytes()), Some(ApiError { kind: kind.into(), message: message.into() }), "{body}");
        }
        for body in ["<html>", "{}", "[]", r#"{"type":"message"}"#] {
            assert_eq!(read_error(body.as_bytes()), None, "{body}");
        }
    }
}
