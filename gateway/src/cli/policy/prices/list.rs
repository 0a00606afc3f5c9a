//! What each model of each backend costs, and who says so.

use std::io::{self, Write};

use serde_json::{Value, json};
use tradewind_policies::{
    Day, Policy,
    spec::{BackendSpec, NanoUsd, Origin, Price, Pricing, Rates, ServedModel},
};

/// For people.
pub(super) fn text(policy: &Policy, today: Day, out: &mut impl Write) -> io::Result<()> {
    let rows: Vec<_> = models(policy)
        .map(|(backend, model)| {
            [
                backend.name.to_string(),
                model.id.to_string(),
                model.upstream.to_string(),
                said(&model.price),
                origin(&model.price).to_owned(),
            ]
        })
        .collect();
    let head = ["BACKEND", "MODEL", "THERE", "DOLLARS", "SAYS"].map(str::to_owned);
    let width = |column: usize| {
        let cells = std::iter::once(&head).chain(&rows).filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let (a, b, c, d) = (width(0), width(1), width(2), width(3));
    for [backend, model, there, price, says] in std::iter::once(&head).chain(&rows) {
        writeln!(out, "{backend:a$}  {model:b$}  {there:c$}  {price:d$}  {says}")?;
    }
    let Some(table) = policy.prices() else { return Ok(()) };
    let source = table.source.as_deref().map(|source| format!(", from {source}")).unwrap_or_default();
    let which = if table.is_built_in { "built in" } else { "the policy's" };
    writeln!(out, "\nThe table of prices ({which}) is of {}{source}.", table.date)?;
    if let Some(stale) = table.stale(today) {
        writeln!(out, "warning: {stale}")?;
    }
    Ok(())
}

/// For programs: the same, amounts in billionths of a dollar.
pub(super) fn json(policy: &Policy, out: &mut impl Write) -> io::Result<()> {
    let model = |(backend, model): (&BackendSpec, &ServedModel)| {
        json!({
            "backend": backend.name.as_str(),
            "model": model.id.as_str(),
            "name": model.upstream.as_str(),
            "origin": origin(&model.price),
            "price": model.price.known().map(|price| parts(price)),
        })
    };
    let table = policy.prices().map(|table| {
        json!({ "date": table.date.to_string(), "source": table.source, "built_in": table.is_built_in, "models": table.len() })
    });
    let all = json!({ "table": table, "models": models(policy).map(model).collect::<Vec<_>>() });
    writeln!(out, "{all:#}")
}

fn models(policy: &Policy) -> impl Iterator<Item = (&BackendSpec, &ServedModel)> {
    policy.backends().iter().flat_map(|backend| backend.models.iter().map(move |model| (backend, model)))
}

/// Who says what a model costs, in a word.
const fn origin(pricing: &Pricing) -> &'static str {
    match pricing {
        Pricing::Unknown => "nobody",
        Pricing::Off => "price = false",
        Pricing::Known { origin: Origin::Policy, .. } => "policy",
        Pricing::Known { origin: Origin::Table, .. } => "table",
        Pricing::Known { origin: Origin::Server, .. } => "cost",
    }
}

/// A price for people to read: what is nothing, or as usual, is left out.
fn said(pricing: &Pricing) -> String {
    let Some(price) = pricing.known() else { return "unknown".into() };
    let mut parts = Vec::new();
    if price.rates != Rates::default() {
        parts.push(rates(&price.rates));
    }
    parts.extend(price.above.iter().map(|above| format!("above {} tokens {}", above.prompt_tokens, rates(&above.rates))));
    let amounts = [
        ("a request", price.per_request),
        ("a second", price.per_second),
        ("an hour of the server", price.per_hour),
        ("a GB out", price.egress_per_gb),
    ];
    let paid = amounts.into_iter().filter(|(_, amount)| *amount != NanoUsd::ZERO);
    parts.extend(paid.map(|(of, amount)| format!("{amount} {of}")));
    parts.extend(price.batch_discount.map(|discount| format!("batches {discount} less")));
    if parts.is_empty() { "nothing".into() } else { parts.join("; ") }
}

/// Of a million tokens of each kind.
fn rates(rates: &Rates) -> String {
    let Rates { input, output, cached_input, cache_write, reasoning } = rates;
    let mut text = format!("{} in, {} out", input.per_million(), output.per_million());
    for (kind, rate, usual) in
        [("cached", cached_input, input), ("to the cache", cache_write, input), ("thought", reasoning, output)]
    {
        if rate != usual {
            text += &format!(", {} {kind}", rate.per_million());
        }
    }
    text
}

/// A price for programs.
fn parts(price: &Price) -> Value {
    json!({
        "per_million_tokens_nano_usd": tokens(&price.rates),
        "above": price.above.iter().map(|above| json!({ "prompt_tokens": above.prompt_tokens, "per_million_tokens_nano_usd": tokens(&above.rates) })).collect::<Vec<_>>(),
        "per_request_nano_usd": price.per_request.0,
        "per_second_nano_usd": price.per_second.0,
        "per_hour_nano_usd": price.per_hour.0,
        "egress_per_gb_nano_usd": price.egress_per_gb.0,
        "batch_discount": price.batch_discount.map(|share| share.get()),
    })
}

fn tokens(rates: &Rates) -> Value {
    let Rates { input, output, cached_input, cache_write, reasoning } = *rates;
    let [input, output, cached_input, cache_write, reasoning] =
        [input, output, cached_input, cache_write, reasoning].map(|rate| rate.per_million().0);
    json!({ "in": input, "out": output, "cached_in": cached_input, "cache_write": cache_write, "reasoning": reasoning })
}
