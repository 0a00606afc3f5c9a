//! What the tokens of a model cost.

use tradewind_protocol::Usage;

/// An amount of money, in billionths of a US dollar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NanoUsd(pub u64);

impl NanoUsd {
    /// In US dollars, for what is weighed rather than billed.
    #[expect(clippy::cast_precision_loss, reason = "an amount that is compared with others may lose its last digits")]
    pub fn dollars(self) -> f64 {
        self.0 as f64 * 1e-9
    }
}

/// What a million tokens cost, in billionths of a US dollar: the finest price in use, 0.0375 dollars, is exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rate(u64);

impl Rate {
    /// The digits that a price in dollars may have after its point.
    pub(crate) const PLACES: usize = 9;
    /// The most dollars that a million tokens may cost: more than ten times what any model has been sold for; beyond it, somebody has written the
    /// price of a billion, or cents.
    pub(crate) const MOST: u64 = 10_000;

    /// So many billionths of a dollar, if that is no absurd price.
    pub(crate) fn new(nano_usd: u64) -> Option<Self> {
        (nano_usd <= Self::MOST * 10_u64.pow(9)).then_some(Self(nano_usd))
    }

    /// What `tokens` cost, in millionths of a billionth of a dollar.
    fn of(self, tokens: u64) -> u128 {
        u128::from(self.0) * u128::from(tokens)
    }
}

/// What the tokens of a model cost. Tokens written to a prompt cache count as any others of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    pub(crate) input: Rate,
    pub(crate) output: Rate,
    /// Input that is read from a prompt cache.
    pub(crate) cached_input: Rate,
}

impl Price {
    /// What an answer with this usage costs, rounded up to the next billionth of a dollar.
    pub fn of(&self, usage: Usage) -> NanoUsd {
        let cached = usage.cached_tokens.min(usage.prompt_tokens);
        let fresh = usage.prompt_tokens - cached;
        let cost = self.input.of(fresh) + self.cached_input.of(cached) + self.output.of(usage.completion_tokens);
        NanoUsd(u64::try_from(cost.div_ceil(1_000_000)).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dollars(nano_usd: u64) -> Rate {
        Rate::new(nano_usd).unwrap()
    }

    #[test]
    fn cached_input_has_its_own_price_and_nothing_is_lost_to_rounding() {
        let price = Price { input: dollars(1_250_000_000), output: dollars(10_000_000_000), cached_input: dollars(125_000_000) };
        let usage = Usage { cached_tokens: 400, ..Usage::new(1000, 20) };
        // 600 at 1250, 400 at 125 and 20 at 10000 billionths a token.
        assert_eq!(price.of(usage), NanoUsd(750_000 + 50_000 + 200_000));
        let fine = Price { input: dollars(37_500_000), output: dollars(0), cached_input: dollars(37_500_000) };
        assert_eq!(fine.of(Usage::new(2, 0)), NanoUsd(75));
        assert_eq!(fine.of(Usage::new(1, 0)), NanoUsd(38), "half a billionth is rounded up");
    }

    #[test]
    fn usage_beyond_belief_costs_the_most_there_is() {
        let most = dollars(Rate::MOST * 1_000_000_000);
        let price = Price { input: most, output: most, cached_input: most };
        let usage = Usage { cached_tokens: u64::MAX, ..Usage::new(u64::MAX, u64::MAX) };
        assert_eq!(price.of(usage), NanoUsd(u64::MAX));
    }
}
