//! Makes a table of prices of LiteLLM's `model_prices_and_context_window.json`.
//!
//! Of its entries, those are taken that say what tokens or requests of a text, embedding or reranking model cost at a provider that policies can name,
//! and that were not retired before the table's date.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write as _,
    io::{self, Write},
};

use serde_json::value::RawValue;
use tradewind_policies::Day;

use super::{figure, source::catalogued};

/// From dollars a token to billionths of a dollar a million tokens.
const PER_MILLION: i32 = 15;
/// From dollars to billionths.
const BILLIONTHS: i32 = 9;
/// More dollars a million tokens than any model costs, in billionths: a slip.
const ABSURD: u64 = 10_000 * 1_000_000_000;
/// The kinds of models that are taken.
const MODES: [&str; 5] = ["\"chat\"", "\"completion\"", "\"responses\"", "\"embedding\"", "\"rerank\""];

/// A table in the making.
#[derive(Debug)]
pub(super) struct Imported {
    date: Day,
    catalogues: BTreeMap<&'static str, BTreeMap<String, String>>,
    left_out: usize,
}

/// What the file of that text lists.
pub(super) fn read(text: &str, date: Day) -> Result<Imported, String> {
    let entries: BTreeMap<String, HashMap<&str, &RawValue>> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let mut imported = Imported { date, catalogues: BTreeMap::new(), left_out: 0 };
    let today = date.to_string();
    for (key, fields) in &entries {
        let entry = Entry(fields);
        let place = entry.text("litellm_provider").and_then(|provider| catalogued(provider, key));
        match place.filter(|_| entry.is_taken(&today)).zip(entry.price()) {
            Some(((catalogue, name), price)) => {
                imported.catalogues.entry(catalogue).or_default().insert(name.to_owned(), price);
            }
            None => imported.left_out += 1,
        }
    }
    if imported.catalogues.is_empty() {
        Err("it lists no model of a provider that policies can name".into())
    } else {
        Ok(imported)
    }
}

impl Imported {
    /// How many models it lists.
    pub(super) fn models(&self) -> usize {
        self.catalogues.values().map(BTreeMap::len).sum()
    }

    /// How many entries are about others.
    pub(super) const fn left_out(&self) -> usize {
        self.left_out
    }

    /// Writes the table, a policy file of its own.
    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "# What models cost, in US dollars; written by `tradewind policy prices --import`.\nversion = 1\n")?;
        writeln!(out, "[prices]\ndate = {}\nsource = \"LiteLLM's model_prices_and_context_window.json\"", self.date)?;
        for (catalogue, models) in &self.catalogues {
            writeln!(out, "\n[prices.{catalogue}]")?;
            for (name, price) in models {
                // What JSON escapes in a string, TOML escapes alike.
                writeln!(out, "{} = {{ {price} }}", serde_json::Value::from(name.as_str()))?;
            }
        }
        Ok(())
    }
}

/// What is said of one model.
struct Entry<'f>(&'f HashMap<&'f str, &'f RawValue>);

/// What a million tokens of each kind cost, in billionths of a dollar.
#[derive(Clone, Copy)]
struct Rates {
    input: u64,
    output: u64,
    cached_input: Option<u64>,
    cache_write: Option<u64>,
    reasoning: Option<u64>,
}

impl Entry<'_> {
    fn raw(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|raw| raw.get())
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.raw(name)?.strip_prefix('"')?.strip_suffix('"')
    }

    fn figure(&self, name: &str, places: i32) -> Option<u64> {
        figure::scaled(self.raw(name)?, places)
    }

    /// Whether it is of a kind that is served, and not retired by `today`.
    fn is_taken(&self, today: &str) -> bool {
        let is_served = self.raw("mode").is_some_and(|mode| MODES.contains(&mode));
        is_served && self.text("deprecation_date").is_none_or(|retired| retired >= today)
    }

    /// Its price, as the keys of an inline table; none if it says nothing of one that could be true.
    fn price(&self) -> Option<String> {
        let rates = self.rates("", None);
        let per_request =
            self.figure("input_cost_per_query", BILLIONTHS).or_else(|| self.figure("input_cost_per_request", BILLIONTHS));
        let per_request = per_request.filter(|amount| *amount > 0);
        // What is free to everybody is unknown to the list.
        let is_paid = rates.is_some_and(|rates| rates.input > 0 || rates.output > 0) || per_request.is_some();
        let rates = rates.unwrap_or(Rates { input: 0, output: 0, cached_input: None, cache_write: None, reasoning: None });
        if !is_paid || !rates.is_sane() {
            return None;
        }
        let mut text = rates.to_string();
        let above: Vec<_> = self.lengths().into_iter().filter_map(|length| self.above(length, rates)).collect();
        if !above.is_empty() {
            let _infallible = write!(text, ", above = [{}]", above.join(", "));
        }
        if let Some(amount) = per_request {
            let _infallible = write!(text, ", per_request = {}", figure::decimal(amount));
        }
        if let Some(percent) = self.batch_discount(rates) {
            let _infallible = write!(text, ", batch_discount = \"{percent}%\"");
        }
        Some(text)
    }

    /// The rates of names with this ending, where tokens of input have one; what is not said, is as in `base`.
    fn rates(&self, ending: &str, base: Option<Rates>) -> Option<Rates> {
        let rate = |name: &str| self.figure(&format!("{name}{ending}"), PER_MILLION);
        let input = rate("input_cost_per_token")?;
        let or = |own: Option<u64>, usual: fn(Rates) -> Option<u64>| own.or_else(|| base.and_then(usual));
        let output = or(rate("output_cost_per_token"), |base| Some(base.output)).unwrap_or(0);
        let cached = rate("cache_read_input_token_cost").or_else(|| rate("input_cost_per_token_cache_hit"));
        let written = rate("cache_creation_input_token_cost");
        // A rate of nothing is how the list says that there is no such rate.
        let positive = |rate: Option<u64>| rate.filter(|rate| *rate > 0);
        Some(Rates {
            input,
            output,
            cached_input: positive(or(cached, |base| base.cached_input)).filter(|cached| *cached <= input),
            cache_write: positive(or(written, |base| base.cache_write)).filter(|written| *written != input),
            reasoning: positive(rate("output_cost_per_reasoning_token")).filter(|thought| *thought != output),
        })
    }

    /// The lengths of prompts above which it has other rates, in thousands of tokens.
    fn lengths(&self) -> Vec<u64> {
        let length = |name: &&str| name.strip_prefix("input_cost_per_token_above_")?.strip_suffix("k_tokens")?.parse().ok();
        let mut lengths: Vec<u64> = self.0.keys().filter_map(length).filter(|length| *length > 0).collect();
        lengths.sort_unstable();
        lengths
    }

    fn above(&self, thousands: u64, base: Rates) -> Option<String> {
        let rates = self.rates(&format!("_above_{thousands}k_tokens"), Some(base)).filter(|rates| rates.is_sane())?;
        Some(format!("{{ prompt = {}, {rates} }}", thousands.checked_mul(1000)?))
    }

    /// By how many per cent batches are cheaper, if they are by as much for input as for output.
    fn batch_discount(&self, usual: Rates) -> Option<u64> {
        let batch = self.rates("_batches", Some(usual))?;
        let off = |usual: u64, batch: u64| {
            let hundred_times = usual.checked_sub(batch)?.checked_mul(100)?;
            (usual > 0 && hundred_times % usual == 0).then(|| hundred_times / usual)
        };
        let discount = off(usual.input, batch.input).filter(|percent| *percent > 0)?;
        (usual.output == 0 || off(usual.output, batch.output) == Some(discount)).then_some(discount)
    }
}

impl Rates {
    fn is_sane(&self) -> bool {
        let rates = [Some(self.input), Some(self.output), self.cached_input, self.cache_write, self.reasoning];
        rates.into_iter().flatten().all(|rate| rate <= ABSURD)
    }
}

impl std::fmt::Display for Rates {
    /// As keys of an inline table.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "in = {}, out = {}", figure::decimal(self.input), figure::decimal(self.output))?;
        for (key, rate) in [("cached_in", self.cached_input), ("cache_write", self.cache_write), ("reasoning", self.reasoning)] {
            if let Some(rate) = rate {
                write!(f, ", {key} = {}", figure::decimal(rate))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tradewind_policies::{Policy, SourceFile};

    use super::*;

    fn day() -> Day {
        "2026-10-20".parse().unwrap()
    }

    fn imported(text: &str) -> String {
        let mut out = Vec::new();
        read(text, day()).unwrap().write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// The lines of models.
    fn models(text: &str) -> Vec<String> {
        imported(text).lines().filter(|line| line.starts_with('"')).map(str::to_owned).collect()
    }

    #[test]
    fn a_model_costs_a_million_times_what_a_token_does() {
        let text = r#"{
            "sample_spec": {"litellm_provider": "one of the providers", "mode": "one of: chat, embedding"},
            "m": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 1.25e-06, "output_cost_per_token": 1e-05,
                "cache_read_input_token_cost": 1.25e-07, "cache_creation_input_token_cost": 1.25e-06,
                "output_cost_per_reasoning_token": 2e-05, "input_cost_per_token_above_200k_tokens": 2.5e-06,
                "output_cost_per_token_above_200k_tokens": 1.5e-05, "input_cost_per_token_batches": 6.25e-07,
                "output_cost_per_token_batches": 5e-06, "input_cost_per_token_above_200k_tokens_priority": 9},
            "cohere/r": {"litellm_provider": "cohere", "mode": "rerank", "input_cost_per_token": 0.0, "input_cost_per_query": 0.002}
        }"#;
        assert_eq!(
            models(text),
            [
                r#""r" = { in = 0, out = 0, per_request = 0.002 }"#,
                r#""m" = { in = 1.25, out = 10, cached_in = 0.125, reasoning = 20, above = [{ prompt = 200000, in = 2.5, out = 15, cached_in = 0.125 }], batch_discount = "50%" }"#,
            ]
        );
    }

    #[test]
    fn what_nobody_could_ask_for_is_left_out() {
        let text = r#"{
            "m": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 1e-06},
            "picture": {"litellm_provider": "openai", "mode": "image_generation", "input_cost_per_token": 1e-06},
            "retired": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 1e-06, "deprecation_date": "2026-10-19"},
            "free": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 0, "output_cost_per_token": 0},
            "slip": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 1.25},
            "untold": {"litellm_provider": "openai", "mode": "chat"},
            "other": {"litellm_provider": "perplexity", "mode": "chat", "input_cost_per_token": 1e-06}
        }"#;
        assert_eq!(models(text), [r#""m" = { in = 1, out = 0 }"#]);
        assert_eq!(read(text, day()).unwrap().left_out(), 6);
    }

    #[test]
    fn the_table_is_a_policy_file() {
        let text = r#"{"a.b/c:1": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 1e-06}}"#;
        let policy = "version = 1\n[backend.a]\nprovider = \"openai\"\nmodels.m = { name = \"a.b/c:1\" }";
        let files = [SourceFile::new("policy.toml", policy), SourceFile::new("prices.toml", imported(text))];
        let policy = Policy::parse(&files).unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(policy.prices().unwrap().date, day());
    }

    #[test]
    fn what_is_no_table_is_told() {
        for (text, part) in [("", "EOF"), ("[]", "expected a map"), ("{}", "no model"), (r#"{"m": 1}"#, "expected a map")] {
            let error = read(text, day()).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
