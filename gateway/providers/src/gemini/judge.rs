//! What Google's errors mean for the request and for the backend.

use std::time::Duration;

use tradewind_protocol::gemini::GoogleError;

use crate::{Judgement, Refusal, RequestFault, Verdict, retry_after};

/// Nobody waits longer than this, whatever an answer says.
const LONGEST: Duration = Duration::from_secs(300);

/// How Google words that a key is not accepted: as a 400, and with a reason that not every answer carries.
const BAD_KEY: [&str; 3] = ["api key not valid", "api key expired", "api_key_invalid"];

/// How it words that a conversation does not fit the model: as a 400 like any other.
const TOO_LONG: [&str; 4] =
    ["exceeds the maximum number of tokens", "input token count", "maximum context length", "prompt is too long"];

/// How it words that a body has too many bytes.
const TOO_LARGE: [&str; 2] = ["payload size exceeds", "request size limit"];

/// How it words that an operator has to act: the account may not be used from here, or pays for nothing.
const NOT_SET_UP: [&str; 3] = ["location is not supported", "billing", "has not been used in project"];

/// Judges a refusal of Google AI Studio or of Vertex AI.
#[must_use]
pub fn judge(refusal: &Refusal<'_>) -> Judgement {
    let error = GoogleError::read(refusal.body).unwrap_or_default();
    let verdict = verdict(refusal, &error);
    Judgement { verdict, message: Some(error.message).filter(|message| !message.is_empty()) }
}

fn verdict(refusal: &Refusal<'_>, error: &GoogleError) -> Verdict {
    let message = error.message.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    let has_reason = |reason: &str| error.reasons.iter().any(|known| known.eq_ignore_ascii_case(reason));
    let wait = || error.retry_delay.map(|delay| delay.min(LONGEST)).or_else(|| retry_after(refusal.headers, refusal.now));
    match refusal.status.as_u16() {
        400 if has_reason("API_KEY_INVALID") || says(&BAD_KEY) => Verdict::Unauthenticated,
        400 if says(&TOO_LONG) => Verdict::RequestFault(RequestFault::ContextLength),
        400 if says(&TOO_LARGE) => Verdict::RequestFault(RequestFault::TooLarge),
        400 if error.status == "FAILED_PRECONDITION" && says(&NOT_SET_UP) => Verdict::Misconfigured,
        401 => Verdict::Unauthenticated,
        402..=407 | 411 | 415 | 421 | 501 => Verdict::Misconfigured,
        // 499 is an upstream that was cancelled; by whom, it does not say.
        408 | 409 | 499 => Verdict::Failed(wait()),
        413 => Verdict::RequestFault(RequestFault::TooLarge),
        429 if is_daily(error) => Verdict::Misconfigured,
        429 => Verdict::RateLimited(wait()),
        400..=499 => Verdict::RequestFault(RequestFault::Invalid),
        _ => Verdict::Failed(wait()),
    }
}

/// Whether a quota of a day is spent: Google says to come back in seconds, and refuses until midnight.
fn is_daily(error: &GoogleError) -> bool {
    error.quotas.iter().any(|quota| {
        let quota = quota.to_ascii_lowercase();
        quota.contains("perday") || quota.contains("per_day")
    })
}
