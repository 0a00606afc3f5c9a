//! What models cost that the policy does not price itself.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a helper that panics fails its test")]

use tradewind_policies::spec::{NanoUsd, Origin, PriceTable, Pricing};
use tradewind_policies::{Day, Policy, SourceFile};
use tradewind_protocol::Usage;

fn parse(texts: &[&str]) -> Policy {
    let files: Vec<_> = texts.iter().map(|text| SourceFile::new("policy.toml", *text)).collect();
    Policy::parse(&files).unwrap_or_else(|errors| panic!("{errors}"))
}

/// A backend of this provider with one model.
fn backend(provider: &str, model: &str) -> String {
    format!("version = 1\n[backend.a]\nprovider = {provider}\nmodels.chat = {{ {model} }}\n")
}

fn pricing(texts: &[&str]) -> Pricing {
    parse(texts).backends().iter().flat_map(|backend| &backend.models).map(|model| model.price.clone()).next().unwrap()
}

/// What a million tokens of input cost, by the table.
fn input(texts: &[&str]) -> u64 {
    match pricing(texts) {
        Pricing::Known { price, origin: Origin::Table } => price.rates.input.per_million().0,
        other => panic!("{other:?}"),
    }
}

const OWN: &str = "version = 1\n[prices]\ndate = 2026-11-01\nsource = \"contracts\"\n\
                   [prices.openai]\ngpt-4o = { in = 2, out = 8 }\n[prices.bedrock]\n\"openai.gpt\" = { in = 3, out = 3 }";

#[test]
fn a_model_without_a_price_costs_what_the_built_in_table_says() {
    let gpt = backend("\"openai\"", "name = \"gpt-4o\"");
    assert_eq!(input(&[&gpt]), 2_500_000_000);
    let price = pricing(&[&gpt]).known().unwrap().clone();
    assert_eq!(
        price.of(Usage { cached_tokens: 500, ..Usage::new(1000, 100) }),
        NanoUsd(500 * 2_500 + 500 * 1_250 + 100 * 10_000)
    );
    let sonnet = "name = \"eu.anthropic.claude-sonnet-4-5-20250929-v1:0\"";
    let long = pricing(&[&backend("\"bedrock\"\nregion = \"eu-central-1\"", sonnet)]).known().unwrap().clone();
    assert_eq!(long.of(Usage::new(200_001, 0)), NanoUsd(200_001 * 6_600), "long prompts cost more");
    assert!(parse(&[&gpt]).prices().unwrap().is_built_in);
}

#[test]
fn the_policy_says_it_first() {
    let own = pricing(&[&backend("\"openai\"", "name = \"gpt-4o\", price = { in = 1, out = 1 }")]);
    assert!(matches!(own, Pricing::Known { origin: Origin::Policy, .. }), "{own:?}");
    let off = backend("\"openai\"", "name = \"gpt-4o\", price = false");
    assert_eq!(pricing(&[&off]), Pricing::Off);
    assert!(parse(&[&off]).prices().is_none(), "of a table that nobody uses, nothing is to be said");
    assert_eq!(pricing(&[&backend("\"openai\"", "name = \"of-our-own\"")]), Pricing::Unknown);
}

#[test]
fn a_deployment_may_have_the_price_of_a_model() {
    let azure = backend("\"azure-openai\"\nresource = \"company\"", "name = \"prod-7\", price = \"gpt-4o\"");
    assert_eq!(input(&[&azure]), 2_500_000_000);
}

#[test]
fn a_table_of_the_policy_takes_the_place_of_the_built_in_one() {
    let gpt = backend("\"openai\"", "name = \"gpt-4o\"");
    assert_eq!(input(&[&gpt, OWN]), 2_000_000_000);
    assert_eq!(pricing(&[&backend("\"openai\"", "name = \"gpt-4o-mini\""), OWN]), Pricing::Unknown);
    let mantle = backend("\"bedrock-openai\"\nregion = \"eu-central-1\"", "name = \"openai.gpt\"");
    assert_eq!(input(&[&mantle, OWN]), 3_000_000_000, "two words for one provider");
    let policy = parse(&[&gpt, OWN]);
    let table = policy.prices().unwrap();
    assert_eq!((table.len(), table.is_built_in, table.source.as_deref()), (2, false, Some("contracts")));
}

#[test]
fn a_server_of_ones_own_is_not_looked_up() {
    let own = "version = 1\n[backend.a]\nprovider = \"ollama\"\nmodels.gpt-4o = {}\n";
    assert_eq!(pricing(&[own]), Pricing::Unknown);
}

#[test]
fn an_old_table_is_warned_of() {
    let policy = parse(&[&backend("\"openai\"", "name = \"gpt-4o\""), OWN]);
    let table: &PriceTable = policy.prices().unwrap();
    let day = |month, day| Day::new(2027, month, day).unwrap();
    assert_eq!(table.stale(day(1, 30)), None);
    let stale = table.stale(day(1, 31)).unwrap().to_string();
    assert!(stale.starts_with("the policy's `[prices]` is 91 days old (of 2026-11-01)"), "{stale}");
}
