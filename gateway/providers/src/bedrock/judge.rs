//! What an error of Bedrock means for the request and for the backend.

use crate::{
    Judgement, Refusal, RequestFault, Verdict,
    aws::{error_message, error_type, is_throttled, is_unauthenticated},
    retry_after,
};

/// How Bedrock and the models behind it word that a conversation does not fit.
const TOO_LONG: [&str; 6] = [
    "input is too long",
    "prompt is too long",
    "too many input tokens",
    "too many tokens",
    "exceeds the maximum",
    "exceed context limit",
];

/// How it words that a model can be invoked here only in another way: through an inference profile, or not at all.
const NOT_HERE: [&str; 3] = ["on-demand throughput", "model identifier is invalid", "is not supported in this region"];

/// How it words that its filter withheld the answer.
const FILTERED: [&str; 2] = ["blocked by content filtering", "content filtering policy"];

/// Judges an answer whose status is no success.
#[must_use]
pub(super) fn judge(refusal: &Refusal<'_>) -> Judgement {
    let message = error_message(refusal.body);
    let name = error_type(refusal.headers, refusal.body).unwrap_or_default();
    let verdict = verdict(refusal, &name, &message.as_deref().unwrap_or_default().to_ascii_lowercase());
    Judgement { verdict, message }
}

fn verdict(refusal: &Refusal<'_>, name: &str, message: &str) -> Verdict {
    let says = |words: &[&str]| words.iter().any(|words| message.contains(words));
    let wait = || retry_after(refusal.headers, refusal.now);
    match (name, refusal.status.as_u16()) {
        (_, 401) => Verdict::Unauthenticated,
        _ if is_unauthenticated(name) => Verdict::Unauthenticated,
        _ if is_throttled(name) => Verdict::RateLimited(wait()),
        // A model that is still being loaded has no rate to be waited for.
        ("ModelNotReadyException", _) => Verdict::Failed(wait()),
        ("ServiceQuotaExceededException", _) => Verdict::Misconfigured,
        (_, 400) if says(&TOO_LONG) => Verdict::RequestFault(RequestFault::ContextLength),
        (_, 400) if says(&FILTERED) => Verdict::RequestFault(RequestFault::ContentFilter),
        (_, 400) if says(&NOT_HERE) => Verdict::Misconfigured,
        (_, 402..=407 | 411 | 415 | 421) => Verdict::Misconfigured,
        (_, 413) => Verdict::RequestFault(RequestFault::TooLarge),
        (_, 429) => Verdict::RateLimited(wait()),
        // 424: the model failed, not the request.
        (_, 408 | 424) => Verdict::Failed(wait()),
        (_, 400..=499) => Verdict::RequestFault(RequestFault::Invalid),
        _ => Verdict::Failed(wait()),
    }
}
