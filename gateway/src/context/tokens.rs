//! The tokens of one request.

use tradewind_policies::spec::NanoUsd;
use tradewind_protocol::{BrokenOff, Usage};

/// The tokens that an answer took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenCount {
    /// How many.
    pub usage: Usage,
    /// Whether the gateway counted, because nobody told: a stream that was called off or broke off does not come to its counts.
    pub is_estimate: bool,
}

/// What is known of them so far.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    /// Of the last attempt that told any.
    pub(super) told: Option<Usage>,
    /// What went before, where that attempt went on with an answer that another had begun.
    broken_off: Option<BrokenOff>,
    /// Of all attempts that did not tell.
    estimated: Option<Usage>,
    /// What the answer cost, as far as that is known.
    pub(super) cost: Option<NanoUsd>,
    /// What attempts cost beside it, for nothing.
    pub(super) waste: Option<NanoUsd>,
}

/// More money than before.
pub(super) fn add(sum: &mut Option<NanoUsd>, cost: NanoUsd) {
    *sum = Some(sum.unwrap_or_default().and(cost));
}

impl Tokens {
    pub(super) fn estimate(&mut self, usage: Usage) {
        let before = self.estimated.unwrap_or(Usage::new(0, 0));
        let sum = |one: u64, other: u64| one.saturating_add(other);
        self.estimated = Some(Usage::new(
            sum(before.prompt_tokens, usage.prompt_tokens),
            sum(before.completion_tokens, usage.completion_tokens),
        ));
    }

    pub(super) fn break_off(&mut self, broken_off: BrokenOff) {
        if self.broken_off.is_none() {
            self.broken_off = Some(broken_off);
            self.told = None;
        }
    }

    pub(super) fn count(&self) -> Option<TokenCount> {
        let told = match (self.broken_off, self.told) {
            (Some(broken_off), Some(rest)) => Some(broken_off.and(rest)),
            (Some(broken_off), None) => broken_off.told,
            (None, told) => told,
        };
        let estimated = || self.estimated.map(|usage| TokenCount { usage, is_estimate: true });
        told.map(|usage| TokenCount { usage, is_estimate: false }).or_else(estimated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_goes_above_what_is_estimated() {
        let mut tokens = Tokens::default();
        assert_eq!(tokens.count(), None);
        tokens.estimate(Usage::new(5, 2));
        tokens.estimate(Usage::new(5, 1));
        assert_eq!(tokens.count(), Some(TokenCount { usage: Usage::new(10, 3), is_estimate: true }));
        tokens.told = Some(Usage::new(6, 4));
        assert_eq!(tokens.count(), Some(TokenCount { usage: Usage::new(6, 4), is_estimate: false }));
    }
}
