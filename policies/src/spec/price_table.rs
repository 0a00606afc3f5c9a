//! What the well-known models cost, as of a day.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::Price;
use crate::calendar::Day;

/// What the models of the clouds cost, as of a day.
#[derive(Clone, Debug)]
pub struct PriceTable {
    /// When these were the prices.
    pub date: Day,
    /// Where they were found.
    pub source: Option<String>,
    /// Whether it came with the gateway.
    pub is_built_in: bool,
    /// The prices.
    pub(crate) catalogues: Arc<Catalogues>,
}

/// Prices, by the name of a catalogue and what it calls the model.
pub(crate) type Catalogues = BTreeMap<String, BTreeMap<String, Arc<Price>>>;

impl PriceTable {
    /// After so many days it is likely that some price has changed: providers come out with models and prices every quarter.
    pub const FRESH_DAYS: u64 = 90;

    /// Under which name the models of a provider are listed. Two words for one provider, who sells the same models through two of its APIs, share one.
    pub fn catalogue_of(provider: &str) -> &str {
        match provider {
            "bedrock-openai" => "bedrock",
            "databricks-anthropic" => "databricks",
            "snowflake-anthropic" => "snowflake",
            "vertex-openai" => "vertex",
            other => other,
        }
    }

    /// What `model` costs at `provider`, both by the words of a policy.
    pub(crate) fn price(&self, provider: &str, model: &str) -> Option<&Arc<Price>> {
        self.catalogues.get(Self::catalogue_of(provider))?.get(model)
    }

    /// The names of the models of a provider.
    pub(crate) fn models(&self, provider: &str) -> impl Iterator<Item = &str> {
        self.catalogues.get(Self::catalogue_of(provider)).into_iter().flatten().map(|(name, _)| name.as_str())
    }

    /// How many models it lists.
    pub fn len(&self) -> usize {
        self.catalogues.values().map(BTreeMap::len).sum()
    }

    /// Whether it lists none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// That it is too old to be trusted, if it is.
    pub fn stale(&self, today: Day) -> Option<StalePrices> {
        let days = today.days_since(self.date);
        (days > Self::FRESH_DAYS).then_some(StalePrices { date: self.date, days, is_built_in: self.is_built_in })
    }
}

/// A table of prices is so old that some of them are likely to be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StalePrices {
    /// When they were right.
    pub date: Day,
    /// How many days ago that was.
    pub days: u64,
    is_built_in: bool,
}

impl fmt::Display for StalePrices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { date, days, is_built_in } = self;
        let which = if *is_built_in { "the built-in table of prices" } else { "the policy's `[prices]`" };
        write!(f, "{which} is {days} days old (of {date}): write a new one with `tradewind policy prices --import FILE`")
    }
}
