//! What Cohere's errors mean for the request and for the backend.

use serde::Deserialize;

use crate::{Judgement, Refusal, RequestFault, Verdict, retry_after};

/// How Cohere words that a conversation does not fit the model: as a 400 like any other.
const TOO_LONG: [&str; 3] = ["too many tokens", "exceeds the maximum context", "maximum context length"];

/// How it words that a key's calls for the month are spent: a wait of seconds would not help.
const SPENT: [&str; 3] = ["/ month", "per month", "monthly"];

/// How it words that its safety mode does not allow a conversation.
const FILTERED: [&str; 2] = ["safety mode", "blocked"];

#[derive(Deserialize)]
struct Body {
    message: Option<String>,
}

/// Judges a refusal of Cohere's API.
#[must_use]
pub fn judge(refusal: &Refusal<'_>) -> Judgement {
    let message = serde_json::from_slice::<Body>(refusal.body).ok().and_then(|body| body.message);
    let verdict = verdict(refusal, &message.as_deref().unwrap_or_default().to_ascii_lowercase());
    Judgement { verdict, message: message.filter(|message| !message.is_empty()) }
}

fn verdict(refusal: &Refusal<'_>, message: &str) -> Verdict {
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    let wait = || retry_after(refusal.headers, refusal.now);
    match refusal.status.as_u16() {
        400 | 422 if says(&TOO_LONG) => Verdict::RequestFault(RequestFault::ContextLength),
        400 | 422 if says(&FILTERED) => Verdict::RequestFault(RequestFault::ContentFilter),
        401 => Verdict::Unauthenticated,
        402..=407 | 411 | 415 | 421 | 501 => Verdict::Misconfigured,
        408 | 409 | 499 => Verdict::Failed(wait()),
        413 => Verdict::RequestFault(RequestFault::TooLarge),
        429 if says(&SPENT) => Verdict::Misconfigured,
        429 => Verdict::RateLimited(wait()),
        // A token of the request or of the answer stands on a list of forbidden ones.
        498 => Verdict::RequestFault(RequestFault::ContentFilter),
        400..=499 => Verdict::RequestFault(RequestFault::Invalid),
        _ => Verdict::Failed(wait()),
    }
}
