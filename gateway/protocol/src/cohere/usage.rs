//! Token counts.

use serde::Deserialize;

use crate::Usage;

/// `usage`: what is billed, and what the model read and wrote, which includes the prompt that Cohere puts around.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(default)]
pub(super) struct UsageBody {
    billed_units: Option<Counts>,
    tokens: Option<Counts>,
    cached_tokens: Option<f64>,
}

/// Whole numbers, which Cohere writes with a fraction at times.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(default)]
pub(super) struct Counts {
    pub(super) input_tokens: Option<f64>,
    pub(super) output_tokens: Option<f64>,
    pub(super) search_units: Option<f64>,
}

impl UsageBody {
    /// The counts that are billed, or those of the model where no bill is told.
    pub(super) fn usage(self) -> Option<Usage> {
        let is_told = |counts: &Counts| counts.input_tokens.is_some() || counts.output_tokens.is_some();
        let counts = self.billed_units.filter(is_told).or(self.tokens.filter(is_told))?;
        let prompt = whole(counts.input_tokens);
        // The cache holds Cohere's own prompt as well, so it may hold more than is billed.
        let cached_tokens = whole(self.cached_tokens).min(prompt);
        Some(Usage { cached_tokens, ..Usage::new(prompt, whole(counts.output_tokens)) })
    }
}

/// The count as a whole number; 0 without one.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count; the cast saturates")]
pub(super) fn whole(count: Option<f64>) -> u64 {
    count.unwrap_or(0.0) as u64
}
