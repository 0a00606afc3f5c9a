//! What an error of this API means for the request and for the backend.

use tradewind_protocol::anthropic::read_error;

use super::rate_limit;
use crate::{Judgement, Refusal, RequestFault, Verdict, retry_after};

/// How Anthropic words that a conversation does not fit the model: as a 400 like any other.
const TOO_LONG: [&str; 3] = ["prompt is too long", "exceed context limit", "exceeds the maximum context"];

/// How it words that the account has nothing left to spend.
const SPENT: [&str; 4] = ["credit balance is too low", "usage limits", "spend limit", "spending limit"];

/// How it words that its filter withheld the answer.
const FILTERED: [&str; 2] = ["content filtering policy", "content management policy"];

/// Judges an answer whose status is no success.
#[must_use]
pub fn judge(refusal: &Refusal<'_>) -> Judgement {
    let error = read_error(refusal.body);
    let message = error.map(|error| error.message).filter(|message| !message.is_empty());
    let verdict = verdict(refusal, &message.as_deref().unwrap_or_default().to_ascii_lowercase());
    Judgement { verdict, message }
}

fn verdict(refusal: &Refusal<'_>, message: &str) -> Verdict {
    let says = |words: &[&str]| words.iter().any(|words| message.contains(words));
    let wait = || retry_after(refusal.headers, refusal.now);
    let must_not_retry = refusal.headers.get("x-should-retry").is_some_and(|value| value == "false");
    match refusal.status.as_u16() {
        400 if says(&TOO_LONG) => Verdict::RequestFault(RequestFault::ContextLength),
        400 if says(&FILTERED) => Verdict::RequestFault(RequestFault::ContentFilter),
        // A spent budget comes as 400, or as 429 without a time at which it would help to come back.
        400 if says(&SPENT) => Verdict::Misconfigured,
        429 if says(&SPENT) && wait().is_none() => Verdict::Misconfigured,
        429 => Verdict::RateLimited(wait().or_else(|| rate_limit::reset(refusal.headers, refusal.now))),
        401 => Verdict::Unauthenticated,
        402..=407 | 411 | 415 | 421 => Verdict::Misconfigured,
        408 | 409 if !must_not_retry => Verdict::Failed(wait()),
        413 => Verdict::RequestFault(RequestFault::TooLarge),
        400..=499 => Verdict::RequestFault(RequestFault::Invalid),
        _ => Verdict::Failed(wait()),
    }
}
