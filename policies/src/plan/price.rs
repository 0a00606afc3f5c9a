//! A price as a policy says it.

use crate::spec::{NanoUsd, Price, Pricing, Rates};

/// The price, or the word for none.
pub(super) fn written(pricing: &Pricing) -> String {
    match pricing {
        Pricing::Unknown => "unknown".to_owned(),
        Pricing::Off => "false".to_owned(),
        Pricing::Known { price, .. } => format!("{{ {} }}", of(price).join(", ")),
    }
}

fn of(price: &Price) -> Vec<String> {
    let Price { rates, above, per_request, per_second, per_hour, egress_per_gb, batch_discount } = price;
    let mut parts = of_rates(rates);
    for above in above {
        parts.push(format!("above {} tokens: {}", above.prompt_tokens, of_rates(&above.rates).join(", ")));
    }
    let amounts =
        [("per_request", per_request), ("per_second", per_second), ("per_hour", per_hour), ("egress_per_gb", egress_per_gb)];
    let amounts = amounts.into_iter().filter(|(_, amount)| **amount != NanoUsd::ZERO);
    parts.extend(amounts.map(|(key, amount)| format!("{key} = {amount}")));
    parts.extend(batch_discount.map(|share| format!("batch_discount = {share}")));
    parts
}

/// What differs from the rates that it follows is told.
fn of_rates(rates: &Rates) -> Vec<String> {
    let Rates { input, output, cached_input, cache_write, reasoning } = *rates;
    let all = [("in", input, None), ("out", output, None), ("cached_in", cached_input, Some(input))];
    let all = all.into_iter().chain([("cache_write", cache_write, Some(input)), ("reasoning", reasoning, Some(output))]);
    let told = all.filter(|(_, rate, usual)| *usual != Some(*rate));
    told.map(|(key, rate, _)| format!("{key} = {}", rate.per_million())).collect()
}
