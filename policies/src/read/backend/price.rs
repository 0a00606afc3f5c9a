//! Reads what the tokens of a model cost.

use super::super::cursor::{Located, Table, Value};
use crate::fault::Report;
use crate::spec::{Price, Rate};

/// A price in US dollars for a million tokens of each kind.
pub(super) fn read(value: Value<'_>, report: &mut Report<'_>) -> Option<Price> {
    let mut table: Table<'_> = value.table(report)?;
    let input = table.required("in", report, rate);
    let output = table.required("out", report, rate);
    let cached_input = table.optional("cached_in", report, rate);
    table.finish(report);
    let (input, output) = (input?.value, output?.value);
    let Some(Located { value: cached_input, at, key }) = cached_input? else {
        return Some(Price { input, output, cached_input: input });
    };
    if cached_input > input {
        report.fault(at, key, "input from a cache costs more than other input; accepted: at most what `in` says");
        return None;
    }
    Some(Price { input, output, cached_input })
}

/// Dollars for a million tokens.
fn rate(value: Value<'_>, report: &mut Report<'_>) -> Option<Located<Rate>> {
    let accepted = format!("US dollars for a million tokens, such as `1.25`, from 0 to {}", Rate::MOST);
    value.decimal(Rate::PLACES, &accepted, Rate::new, report)
}
