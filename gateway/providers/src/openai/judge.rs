//! What an error of an OpenAI-shaped host means for the request and for the backend.

use memchr::memmem;
use tradewind_protocol::openai::ToldError;

use crate::{Judgement, Refusal, RequestFault, Verdict, retry_after};

/// No more than this of a message, in bytes, is handed on: some hosts repeat the request in it.
const MOST_MESSAGE_BYTES: usize = 2048;

/// Judges an answer whose status is no success.
///
/// The code counts before the status where hosts differ in the status: a filter's refusal, a spent quota, a conversation that is too long.
/// `x-should-retry`, which OpenAI's SDKs obey, decides where the status leaves doubt (408, 409); it cannot excuse a server error.
pub(crate) fn judge(refusal: &Refusal<'_>) -> Judgement {
    let told = ToldError::read(refusal.body).unwrap_or_default();
    Judgement { verdict: verdict(refusal, &told), message: shortened(&told.message) }
}

fn verdict(refusal: &Refusal<'_>, told: &ToldError) -> Verdict {
    let wait = retry_after(refusal.headers, refusal.now);
    let must_not_retry = refusal.headers.get("x-should-retry").is_some_and(|value| value == "false");
    let status = refusal.status.as_u16();
    match status {
        400..=499 if is_filtered(told) => Verdict::RequestFault(RequestFault::ContentFilter),
        // What waiting does not mend.
        429 if is_quota(told) => Verdict::Misconfigured,
        429 => Verdict::RateLimited(wait),
        401 if told.is_called("PermissionDenied") => Verdict::Misconfigured,
        401 => Verdict::Unauthenticated,
        // As Databricks has it.
        403 if is_token(told) => Verdict::Unauthenticated,
        // The method, the headers and the address are the gateway's own: if they are wrong, it is not for the caller to mend.
        402..=407 | 411 | 415 | 421 => Verdict::Misconfigured,
        408 | 409 if !must_not_retry => Verdict::Failed(wait),
        // A gateway before the model, or a text generation server, whose model failed.
        424 | 425 | 499 => Verdict::Failed(wait),
        400..=499 if is_key(told) => Verdict::Unauthenticated,
        400..=499 if is_missing_model(told) => Verdict::Misconfigured,
        400 | 413 | 422 if is_context(told) => Verdict::RequestFault(RequestFault::ContextLength),
        413 => Verdict::RequestFault(RequestFault::TooLarge),
        400..=499 => Verdict::RequestFault(RequestFault::Invalid),
        // A success that is none, a redirect (never followed: it could lead anywhere) and all server errors.
        _ => Verdict::Failed(wait),
    }
}

fn is_filtered(told: &ToldError) -> bool {
    ["content_filter", "content_policy_violation", "ResponsibleAIPolicyViolation"].into_iter().any(|code| told.is_called(code))
        || (told.is_called("403") && says(told, &["flagged"]))
}

fn is_quota(told: &ToldError) -> bool {
    ["insufficient_quota", "billing_hard_limit_reached"].into_iter().any(|code| told.is_called(code))
}

fn is_key(told: &ToldError) -> bool {
    told.is_called("invalid_api_key") || says(told, &["incorrect api key", "api key not valid", "invalid api key"])
}

/// A token that is no longer good: whoever has another may come back with that.
fn is_token(told: &ToldError) -> bool {
    says(told, &["invalid access token", "invalid token", "token has expired", "token is expired", "expired token"])
}

fn is_missing_model(told: &ToldError) -> bool {
    ["model_not_found", "model_decommissioned", "DeploymentNotFound"].into_iter().any(|code| told.is_called(code))
}

/// Few hosts have a code for it; the others have their own words.
fn is_context(told: &ToldError) -> bool {
    let words = [
        "maximum context length",
        "context length",
        "context window",
        "prompt is too long",
        "input is too long",
        "too many tokens",
        "too large for model",
        // Text generation servers.
        "`inputs` tokens + `max_new_tokens` must be",
        "`inputs` must have less than",
    ];
    told.is_called("context_length_exceeded") || says(told, &words)
}

/// Whether the message has one of the phrases, which are in lower case.
fn says(told: &ToldError, phrases: &[&str]) -> bool {
    let message = told.message.to_ascii_lowercase();
    phrases.iter().any(|phrase| memmem::find(message.as_bytes(), phrase.as_bytes()).is_some())
}

/// The message, cut where it is absurdly long; none where there is none.
pub(crate) fn shortened(message: &str) -> Option<String> {
    let mut end = message.len().min(MOST_MESSAGE_BYTES);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    message.get(..end).map(str::trim).filter(|message| !message.is_empty()).map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use http::StatusCode;

    use super::*;

    fn verdict_of(status: u16, header: Option<(&'static str, &'static str)>, body: &str) -> Verdict {
        let headers = header.into_iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        let status = StatusCode::from_u16(status).unwrap();
        judge(&Refusal { status, headers: &headers, body: body.as_bytes(), now: SystemTime::UNIX_EPOCH }).verdict
    }

    #[test]
    fn a_rate_limit_passes_and_a_spent_quota_does_not() {
        assert_eq!(verdict_of(429, Some(("retry-after", "2")), "{}"), Verdict::RateLimited(Some(Duration::from_secs(2))));
        assert_eq!(verdict_of(429, None, "<html>"), Verdict::RateLimited(None));
        assert_eq!(verdict_of(429, None, r#"{"error":{"code":"insufficient_quota","message":"m"}}"#), Verdict::Misconfigured);
        assert_eq!(verdict_of(402, None, r#"{"error":{"code":402,"message":"credits"}}"#), Verdict::Misconfigured);
    }

    #[test]
    fn the_callers_faults_are_not_the_backends() {
        for (status, body, fault) in [
            (400, "{}", RequestFault::Invalid),
            (422, "", RequestFault::Invalid),
            (451, "", RequestFault::Invalid),
            (413, "", RequestFault::TooLarge),
            (400, r#"{"error":{"message":"m","code":"context_length_exceeded"}}"#, RequestFault::ContextLength),
            (
                400,
                r#"{"object":"error","message":"This model's maximum context length is 5 tokens","code":400}"#,
                RequestFault::ContextLength,
            ),
            (
                422,
                r#"{"error":"Input validation error: `inputs` tokens + `max_new_tokens` must be <= 5","error_type":"validation"}"#,
                RequestFault::ContextLength,
            ),
            (400, r#"{"error":{"message":"m","code":"content_filter"}}"#, RequestFault::ContentFilter),
            (403, r#"{"error":{"message":"Your input was flagged","code":403}}"#, RequestFault::ContentFilter),
        ] {
            assert_eq!(verdict_of(status, None, body), Verdict::RequestFault(fault), "{status} {body}");
        }
        assert_eq!(verdict_of(409, Some(("x-should-retry", "false")), ""), Verdict::RequestFault(RequestFault::Invalid));
    }

    #[test]
    fn the_backends_faults_lead_elsewhere() {
        for status in [301, 408, 409, 424, 500, 502, 503, 504, 529] {
            assert_eq!(verdict_of(status, None, ""), Verdict::Failed(None), "{status}");
        }
        assert_eq!(verdict_of(500, Some(("x-should-retry", "false")), ""), Verdict::Failed(None));
        for status in [402, 403, 404, 405, 406, 407, 411, 415, 421] {
            assert_eq!(verdict_of(status, None, ""), Verdict::Misconfigured, "{status}");
        }
        assert_eq!(verdict_of(401, None, ""), Verdict::Unauthenticated);
        assert_eq!(verdict_of(400, None, r#"{"error":"Incorrect API key provided: x"}"#), Verdict::Unauthenticated);
        assert_eq!(verdict_of(400, None, r#"{"error":{"code":"model_decommissioned","message":"m"}}"#), Verdict::Misconfigured);
    }

    #[test]
    fn an_absurd_message_is_cut() {
        assert_eq!(shortened(&"é".repeat(5000)).map(|message| message.len()), Some(MOST_MESSAGE_BYTES));
        assert_eq!(shortened(" "), None);
    }
}
