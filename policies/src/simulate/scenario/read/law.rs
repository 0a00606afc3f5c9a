//! Reads laws.

use super::optional;
use super::quantity::{not_negative, positive};
use crate::fault::Report;
use crate::read::{Table, Value};
use crate::simulate::law::{Law, Sample, Tokens};

/// How the values of a law are written: as plain numbers, or as durations.
type Quantity = fn(Value<'_>, &mut Report<'_>) -> Option<f64>;

/// The greatest number of tokens, unless the scenario says otherwise.
const MOST_TOKENS: u32 = 1_000_000;

#[derive(Clone, Copy)]
enum Word {
    LogNormal,
    Constant,
    Uniform,
    Exponential,
    Empirical,
}

const WORDS: [(&str, Word); 5] = [
    ("log-normal", Word::LogNormal),
    ("constant", Word::Constant),
    ("uniform", Word::Uniform),
    ("exponential", Word::Exponential),
    ("empirical", Word::Empirical),
];

/// A law and nothing else.
pub(super) fn law(value: Value<'_>, quantity: Quantity, report: &mut Report<'_>) -> Option<Law> {
    let mut table = value.table(report)?;
    let law = parts(&mut table, quantity, report);
    table.finish(report);
    law
}

/// A number of tokens: a law, `min` and `max`.
pub(super) fn tokens(value: Value<'_>, report: &mut Report<'_>) -> Option<Tokens> {
    let mut table = value.table(report)?;
    let law = parts(&mut table, not_negative, report);
    let min = optional(&mut table, "min", 1, report, super::quantity::whole(1));
    let max = optional(&mut table, "max", MOST_TOKENS, report, super::quantity::whole(1));
    if max < min {
        report.fault(
            table.at,
            table.key.as_str(),
            "no number is at least `min` and at most `max`; accepted: a `max` from `min` on",
        );
    }
    table.finish(report);
    law.map(|law| Tokens { law, min, max: max.max(min) })
}

/// The law that the keys of the table tell.
fn parts(table: &mut Table<'_>, quantity: Quantity, report: &mut Report<'_>) -> Option<Law> {
    match table.required("law", report, |value, report| value.choice(&WORDS, report)) {
        Some(Word::LogNormal) => log_normal(table, quantity, report),
        Some(Word::Constant) => table.required("value", report, quantity).map(Law::Constant),
        Some(Word::Uniform) => uniform(table, quantity, report),
        Some(Word::Exponential) => table.required("mean", report, quantity).map(|mean| Law::Exponential { mean }),
        Some(Word::Empirical) => empirical(table, quantity, report),
        None => {
            table.abandon(report);
            None
        }
    }
}

fn log_normal(table: &mut Table<'_>, quantity: Quantity, report: &mut Report<'_>) -> Option<Law> {
    let sigma = table.required("sigma", report, not_negative);
    let mean = table.optional("mean", report, quantity);
    let median = table.optional("median", report, quantity);
    let sigma = sigma?;
    match (median?, mean?) {
        (Some(median), None) => Some(Law::LogNormal { median, sigma }),
        (None, Some(mean)) => Some(Law::LogNormal { median: mean * (-sigma * sigma / 2.0).exp(), sigma }),
        _ => {
            report.fault(table.at, table.key.as_str(), "where does it lie? accepted: either `median` or `mean`");
            None
        }
    }
}

fn uniform(table: &mut Table<'_>, quantity: Quantity, report: &mut Report<'_>) -> Option<Law> {
    let (from, to) = (table.required("from", report, quantity), table.required("to", report, quantity));
    let (from, to) = (from?, to?);
    if to < from {
        report.fault(table.at, table.key.as_str(), "it ends before it begins; accepted: a `to` from `from` on");
    }
    Some(Law::Uniform { from, to })
}

fn empirical(table: &mut Table<'_>, quantity: Quantity, report: &mut Report<'_>) -> Option<Law> {
    let values = table.required("values", report, |value, report| numbers(value, quantity, report));
    let weights = table.optional("weights", report, |value, report| numbers(value, not_negative, report));
    let (values, weights) = (values?, weights?);
    let weights = weights.unwrap_or_else(|| vec![1.0; values.len()]);
    if weights.len() != values.len() {
        let (values, weights) = (values.len(), weights.len());
        report.fault(table.at, table.key.as_str(), format!("{weights} weights for {values} values; accepted: one for each"));
    }
    let weighted: Vec<_> = values.into_iter().zip(weights).collect();
    let sample = Sample::new(&weighted);
    if sample.is_none() {
        report.fault(table.at, table.key.as_str(), "nothing to draw from; accepted: at least one value with a weight above zero");
    }
    sample.map(Law::Empirical)
}

fn numbers(value: Value<'_>, quantity: Quantity, report: &mut Report<'_>) -> Option<Vec<f64>> {
    let elements = value.list(report)?;
    Some(elements.into_iter().filter_map(|element| quantity(element, report)).collect())
}

/// The noise of a phase: `noise = { law … }`, or `sigma` for a log-normal factor with a mean of 1, or none.
pub(super) fn noise(table: &mut Table<'_>, report: &mut Report<'_>) -> Law {
    let sigma = table.optional("sigma", report, not_negative).flatten();
    let noise = table.optional("noise", report, |value, report| law(value, positive, report)).flatten();
    match (sigma, noise) {
        (Some(_), Some(_)) => {
            report.fault(table.at, table.key.as_str(), "two noises; accepted: either `sigma` or `noise`");
            Law::Constant(1.0)
        }
        (Some(sigma), None) => Law::noise(sigma),
        (None, Some(law)) => law,
        (None, None) => Law::Constant(1.0),
    }
}
