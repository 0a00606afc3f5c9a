//! Reads what a model costs.

use super::cursor::{Located, Table, Value};
use crate::fault::Report;
use crate::spec::{Above, NanoUsd, Price, Rate, Rates, Share};

/// The most dollars that a request, a second, an hour or 10⁹ bytes may cost.
const MOST: u64 = 10_000;

/// The price of a model: US dollars for a million tokens of each kind, and for what else is billed.
pub(super) fn read(value: Value<'_>, report: &mut Report<'_>) -> Option<Price> {
    let mut table: Table<'_> = value.table(report)?;
    let rates = rates(&mut table, report);
    let above = table.optional("above", report, above);
    let per_request = table.optional("per_request", report, |value, report| amount(value, "a request", report));
    let per_second = table.optional("per_second", report, |value, report| amount(value, "a second", report));
    let batch_discount = table.optional("batch_discount", report, Value::parsed::<Share>);
    table.finish(report);
    Some(Price {
        rates: rates?,
        above: above?.unwrap_or_default(),
        per_request: per_request?.unwrap_or_default(),
        per_second: per_second?.unwrap_or_default(),
        batch_discount: batch_discount?.map(|share| share.value),
        ..Price::default()
    })
}

/// What a backend's server costs, whatever the model: US dollars for an hour of it, and for what leaves its provider's network.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ServerCost {
    pub(crate) per_hour: NanoUsd,
    pub(crate) egress_per_gb: NanoUsd,
}

/// The cost of a backend's server.
pub(super) fn server(value: Value<'_>, report: &mut Report<'_>) -> Option<ServerCost> {
    let mut table: Table<'_> = value.table(report)?;
    let per_hour = table.optional("per_hour", report, |value, report| amount(value, "an hour", report));
    let egress_per_gb = table.optional("egress_per_gb", report, |value, report| amount(value, "10⁹ bytes", report));
    table.finish(report);
    Some(ServerCost { per_hour: per_hour?.unwrap_or_default(), egress_per_gb: egress_per_gb?.unwrap_or_default() })
}

/// The rates of tokens: those that are left out are as those of the same direction.
fn rates(table: &mut Table<'_>, report: &mut Report<'_>) -> Option<Rates> {
    let input = table.required("in", report, rate);
    let output = table.required("out", report, rate);
    let cached_input = table.optional("cached_in", report, rate);
    let cache_write = table.optional("cache_write", report, rate);
    let reasoning = table.optional("reasoning", report, rate);
    let (input, output) = (input?.value, output?.value);
    let cached_input = match cached_input? {
        Some(Located { value, at, key }) if value > input => {
            report.fault(at, key, "input from a cache costs more than other input; accepted: at most what `in` says");
            return None;
        }
        cached => cached.map_or(input, |cached| cached.value),
    };
    Some(Rates {
        input,
        output,
        cached_input,
        cache_write: cache_write?.map_or(input, |rate| rate.value),
        reasoning: reasoning?.map_or(output, |rate| rate.value),
    })
}

/// The rates of long prompts, which have to rise in length.
fn above(value: Value<'_>, report: &mut Report<'_>) -> Option<Vec<Above>> {
    let elements: Vec<_> = value.list(report)?.into_iter().map(|element| one_above(element, report)).collect();
    let elements = elements.into_iter().collect::<Option<Vec<_>>>()?;
    for (shorter, longer) in elements.iter().zip(elements.iter().skip(1)) {
        if longer.value.prompt_tokens <= shorter.value.prompt_tokens {
            report.fault(longer.at, longer.key.as_str(), "this is not longer than the one before; accepted: lengths that rise");
            return None;
        }
    }
    Some(elements.into_iter().map(|element| element.value).collect())
}

fn one_above(value: Value<'_>, report: &mut Report<'_>) -> Option<Located<Above>> {
    let (at, key) = (value.at, value.key.clone());
    let mut table: Table<'_> = value.table(report)?;
    let prompt_tokens = table.required("prompt", report, |value, report| {
        let accept = |tokens: i64| u64::try_from(tokens).ok().filter(|tokens| (1..=100_000_000).contains(tokens));
        value.integer("1 to 100000000, the tokens of a prompt", accept, report)
    });
    let rates = rates(&mut table, report);
    table.finish(report);
    Some(Located { value: Above { prompt_tokens: prompt_tokens?.value, rates: rates? }, at, key })
}

/// Dollars for a million tokens.
fn rate(value: Value<'_>, report: &mut Report<'_>) -> Option<Located<Rate>> {
    let accepted = format!("US dollars for a million tokens, such as `1.25`, from 0 to {}", Rate::MOST);
    value.decimal(Rate::PLACES, &accepted, Rate::new, report)
}

/// Dollars for something else.
fn amount(value: Value<'_>, of: &str, report: &mut Report<'_>) -> Option<NanoUsd> {
    let accepted = format!("US dollars for {of}, such as `0.5`, from 0 to {MOST}");
    let accept = |nano_usd: u64| (nano_usd <= MOST * 10_u64.pow(9)).then_some(NanoUsd(nano_usd));
    value.decimal(NanoUsd::PLACES, &accepted, accept, report).map(|amount| amount.value)
}
