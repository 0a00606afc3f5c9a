//! What it costs to be served by a model: by the tokens, the request, the time, the bytes.
//!
//! Whatever is priced is summed up exactly, in whole parts of a billionth of a dollar, and only the sum is rounded, up.

use std::time::Duration;

use tradewind_protocol::Usage;

use super::{NanoUsd, Share};

/// What a million tokens cost, in billionths of a US dollar: the finest price in use, 0.0375 dollars, is exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate(u64);

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

    /// What a million tokens cost.
    pub const fn per_million(self) -> NanoUsd {
        NanoUsd(self.0)
    }

    /// What `tokens` cost, in millionths of a billionth of a dollar.
    fn of(self, tokens: u64) -> u128 {
        u128::from(self.0) * u128::from(tokens)
    }
}

/// What the tokens of each kind cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// Input that no cache has to do with.
    pub input: Rate,
    /// Output; that spent on thinking aside.
    pub output: Rate,
    /// Input that is read from a prompt cache.
    pub cached_input: Rate,
    /// Input that is written to a prompt cache.
    pub cache_write: Rate,
    /// Output that was spent on thinking.
    pub reasoning: Rate,
}

impl Rates {
    /// What the tokens of `usage` cost, in millionths of a billionth of a dollar.
    fn of(&self, usage: Usage) -> u128 {
        let cached = usage.cached_tokens.min(usage.prompt_tokens);
        let written = usage.cache_write_tokens.min(usage.prompt_tokens - cached);
        let fresh = usage.prompt_tokens - cached - written;
        let thought = usage.reasoning_tokens.min(usage.completion_tokens);
        let said = usage.completion_tokens - thought;
        let kinds = [
            self.input.of(fresh),
            self.cached_input.of(cached),
            self.cache_write.of(written),
            self.output.of(said),
            self.reasoning.of(thought),
        ];
        kinds.into_iter().fold(0, u128::saturating_add)
    }
}

/// Other rates for long prompts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Above {
    /// They hold for prompts of more tokens than this, and for all tokens of such a request.
    pub prompt_tokens: u64,
    /// The rates.
    pub rates: Rates,
}

/// What a model costs, and the server that runs it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Price {
    /// What tokens cost.
    pub rates: Rates,
    /// What they cost where prompts are long; by rising length.
    pub above: Vec<Above>,
    /// What each request costs besides.
    pub per_request: NanoUsd,
    /// What each second costs that a request takes.
    pub per_second: NanoUsd,
    /// What an hour of the server costs, of which each request pays its share.
    pub per_hour: NanoUsd,
    /// What 10⁹ bytes of answers cost on their way out of the provider's network.
    pub egress_per_gb: NanoUsd,
    /// How much less tokens cost where the provider may take its time.
    pub batch_discount: Option<Share>,
}

/// How soon an answer is wanted, as providers bill it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Haste {
    /// At once.
    #[default]
    Usual,
    /// Whenever the provider has nothing better to do: batches, and OpenAI's service tier `flex`, which is billed alike.
    Batch,
}

/// What a request has used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Consumption {
    /// Its tokens.
    pub usage: Usage,
    /// How long it took.
    pub took: Duration,
    /// Its [share](crate::Occupancy) of the server's time.
    pub share: Duration,
    /// The bytes of its answer.
    pub answer_bytes: u64,
    /// How soon the answer was wanted.
    pub haste: Haste,
}

impl From<Usage> for Consumption {
    /// Tokens, and nothing else.
    fn from(usage: Usage) -> Self {
        Self { usage, ..Self::default() }
    }
}

/// The least common denominator of all that is priced, as a part of a billionth of a dollar: hours in nanoseconds, times hundredths of a percent.
const PARTS: u128 = 3_600_000_000_000 * WHOLE;
/// All of a price, in hundredths of a percent.
const WHOLE: u128 = 10_000;

impl Price {
    /// What it costs, rounded up to the next billionth of a dollar.
    pub fn of(&self, used: impl Into<Consumption>) -> NanoUsd {
        let Consumption { usage, took, share, answer_bytes, haste } = used.into();
        let discount = match haste {
            Haste::Usual => 0,
            Haste::Batch => self.batch_discount.map_or(0, |share| u128::from(share.hundredths())),
        };
        let times =
            |amount: NanoUsd, quantity: u128, parts: u128| u128::from(amount.0).saturating_mul(quantity).saturating_mul(parts);
        let parts = [
            self.rates_for(usage.prompt_tokens).of(usage).saturating_mul((WHOLE - discount) * (PARTS / WHOLE / 1_000_000)),
            times(self.per_request, 1, PARTS),
            times(self.per_second, took.as_nanos(), PARTS / 1_000_000_000),
            times(self.per_hour, share.as_nanos(), PARTS / 3_600_000_000_000),
            times(self.egress_per_gb, u128::from(answer_bytes), PARTS / 1_000_000_000),
        ];
        let sum = parts.into_iter().fold(0, u128::saturating_add);
        NanoUsd(u64::try_from(sum.div_ceil(PARTS)).unwrap_or(u64::MAX))
    }

    /// Whether nothing is ever paid.
    pub(crate) fn is_free(&self) -> bool {
        let are_free = |rates: &Rates| {
            let Rates { input, output, cached_input, cache_write, reasoning } = *rates;
            [input, output, cached_input, cache_write, reasoning].iter().all(|rate| *rate == Rate::default())
        };
        are_free(&self.rates)
            && self.above.iter().all(|above| are_free(&above.rates))
            && [self.per_request, self.per_second, self.per_hour, self.egress_per_gb]
                .iter()
                .all(|amount| *amount == NanoUsd::ZERO)
    }

    /// Whether tokens and request cost no more than `ceiling`. Without a division: it is asked of every target before each choice.
    pub(crate) fn is_within(&self, ceiling: NanoUsd, usage: Usage) -> bool {
        let millionths = |amount: NanoUsd| u128::from(amount.0) * 1_000_000;
        let tokens = self.rates_for(usage.prompt_tokens).of(usage);
        tokens.saturating_add(millionths(self.per_request)) <= millionths(ceiling)
    }

    /// Whether it depends on how long a request takes.
    pub fn is_timed(&self) -> bool {
        self.per_second != NanoUsd::ZERO || self.per_hour != NanoUsd::ZERO
    }

    /// The rates for a prompt of so many tokens.
    fn rates_for(&self, prompt_tokens: u64) -> &Rates {
        let above = self.above.iter().rev().find(|above| prompt_tokens > above.prompt_tokens);
        above.map_or(&self.rates, |above| &above.rates)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dollars(nano_usd: u64) -> Rate {
        Rate::new(nano_usd).unwrap()
    }

    fn rates(input: u64, output: u64) -> Rates {
        let [input, output] = [input, output].map(dollars);
        Rates { input, output, cached_input: input, cache_write: input, reasoning: output }
    }

    fn of_rates(rates: Rates) -> Price {
        Price { rates, ..Price::default() }
    }

    #[test]
    fn cached_input_has_its_own_price_and_nothing_is_lost_to_rounding() {
        let rates = Rates { cached_input: dollars(125_000_000), ..rates(1_250_000_000, 10_000_000_000) };
        let usage = Usage { cached_tokens: 400, ..Usage::new(1000, 20) };
        // 600 at 1250, 400 at 125 and 20 at 10000 billionths a token.
        assert_eq!(of_rates(rates).of(usage), NanoUsd(750_000 + 50_000 + 200_000));
        let fine = of_rates(self::rates(37_500_000, 0));
        assert_eq!(fine.of(Usage::new(2, 0)), NanoUsd(75));
        assert_eq!(fine.of(Usage::new(1, 0)), NanoUsd(38), "half a billionth is rounded up");
    }

    #[test]
    fn each_kind_of_token_is_counted_once() {
        let rates = Rates {
            input: dollars(1_000_000),
            output: dollars(10_000_000),
            cached_input: dollars(100_000_000),
            cache_write: dollars(1_000_000_000),
            reasoning: dollars(10_000_000_000),
        };
        let usage = Usage { cached_tokens: 2, cache_write_tokens: 3, reasoning_tokens: 5, ..Usage::new(9, 11) };
        // In billionths of a dollar: 4 fresh at 1, 6 said at 10, 2 read at 100, 3 written at 1000, 5 thought at 10000.
        assert_eq!(of_rates(rates).of(usage), NanoUsd(4 + 60 + 200 + 3_000 + 50_000));
        let odd = Usage { cached_tokens: 20, cache_write_tokens: 20, reasoning_tokens: 20, ..Usage::new(9, 11) };
        assert_eq!(of_rates(rates).of(odd), NanoUsd(900 + 110_000), "parts beyond the whole are the whole");
    }

    #[test]
    fn a_long_prompt_has_other_rates_for_all_of_its_request() {
        let above = |prompt_tokens, input| Above { prompt_tokens, rates: rates(input, 4_000_000) };
        let price = Price { above: vec![above(100, 2_000_000), above(200, 3_000_000)], ..of_rates(rates(1_000_000, 1_000_000)) };
        for (prompt, cost) in [(100, 100 + 1), (101, 202 + 4), (200, 400 + 4), (201, 603 + 4)] {
            assert_eq!(price.of(Usage::new(prompt, 1)), NanoUsd(cost), "{prompt}");
        }
    }

    #[test]
    fn a_batch_pays_less_for_its_tokens_alone() {
        let price = Price { batch_discount: Some(Share::percent(50)), per_request: NanoUsd(7), ..of_rates(rates(3_000_000, 0)) };
        let usual = Consumption::from(Usage::new(1, 0));
        assert_eq!(price.of(usual), NanoUsd(10));
        assert_eq!(
            price.of(Consumption { haste: Haste::Batch, ..usual }),
            NanoUsd(9),
            "one and a half, rounded up with the rest"
        );
    }

    #[test]
    fn time_and_bytes_are_billed_to_the_last_part() {
        let price = Price {
            per_second: NanoUsd(1_000),
            per_hour: NanoUsd(2_100_000_000),
            egress_per_gb: NanoUsd(90_000_000),
            ..Price::default()
        };
        let used = Consumption {
            took: Duration::from_millis(1500),
            share: Duration::from_secs(12),
            answer_bytes: 100,
            ..Consumption::default()
        };
        // A second and a half; a three-hundredth of an hour; ten millionths of what ten kilobytes cost.
        assert_eq!(price.of(used), NanoUsd(1_500 + 7_000_000 + 9));
        assert!(price.is_timed() && !Price { egress_per_gb: NanoUsd(1), ..Price::default() }.is_timed());
    }

    #[test]
    fn usage_beyond_belief_costs_the_most_there_is() {
        let most = Rate::MOST * 1_000_000_000;
        let usage = Usage { cached_tokens: u64::MAX, ..Usage::new(u64::MAX, u64::MAX) };
        assert_eq!(of_rates(rates(most, most)).of(usage), NanoUsd(u64::MAX));
        let endless = Consumption { took: Duration::MAX, share: Duration::MAX, answer_bytes: u64::MAX, ..Consumption::default() };
        let most = NanoUsd(u64::MAX);
        let price = Price { per_second: most, per_hour: most, egress_per_gb: most, ..Price::default() };
        assert_eq!(price.of(endless), most);
    }
}
