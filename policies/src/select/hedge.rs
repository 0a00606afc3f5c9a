//! When a slow first token is answered with a second request elsewhere.

use std::time::Duration;

use super::choose::Candidate;
use super::outlook::{Outlook, Removed};

/// How many standard deviations of the logarithm lie below the ninety-fifth percentile.
const P95: f64 = 1.645;
/// A slow target must not put off its own hedge: no longer than so many times what the quickest of the others takes.
const OTHERS: f64 = 2.5;
/// The quickest of the others counts as no quicker than this, in seconds.
const QUICKEST: f64 = 0.25;
/// No sooner than this, in seconds.
const SOONEST: f64 = 0.15;
/// Longer prompts are not sent twice: they cost too much, and are slow for their own reasons.
const LONGEST_PROMPT: f64 = 8_000.0;
/// If more than this share of the targets is stuck or held back, everybody is slow, and more requests make it worse.
const OVERLOADED: f64 = 0.5;

/// How long to wait for the first token of a target before another is asked as well; `None` where that would do no good. `others` are the candidates
/// that could be asked.
pub fn hedge_after<T>(outlook: &Outlook, prompt_tokens: f64, others: &[Candidate<T>]) -> Option<Duration> {
    if prompt_tokens > LONGEST_PROMPT || is_overloaded(others) {
        return None;
    }
    let usable = || others.iter().filter(|other| other.outlook.removed.is_none());
    usable().next()?;
    let deviation = outlook.first_token_variance.sqrt();
    let mean = outlook.first_token.seconds();
    let p95 = mean * (P95 * deviation - outlook.first_token_variance / 2.0).exp();
    let proven = usable().filter(|other| other.outlook.heard.is_some() || other.outlook.is_told);
    let quickest = proven.map(|other| other.outlook.first_token.seconds()).fold(f64::INFINITY, f64::min);
    Some(Duration::from_secs_f64(p95.min(OTHERS * quickest.max(QUICKEST)).max(SOONEST)))
}

/// Whether most targets are stuck or held back.
pub fn is_overloaded<T>(candidates: &[Candidate<T>]) -> bool {
    let is_in_trouble = |outlook: &Outlook| {
        outlook.is_stuck || matches!(outlook.removed, Some(Removed::CoolingDown { .. } | Removed::Paced { .. } | Removed::Full))
    };
    let troubled = candidates.iter().filter(|candidate| is_in_trouble(&candidate.outlook)).count();
    troubled as f64 > OVERLOADED * candidates.len() as f64
}
