//! Reads which requests a route is for, and whose a token is.

use http::HeaderName;

use super::cursor::{Located, Value, shortened};
use crate::fault::{Report, accepted};
use crate::name::ModelId;
use crate::operation::Operations;
use crate::pattern::Pattern;
use crate::spec::{Conditions, Expression, Wanted};
use tradewind_protocol::Operation;

/// Headers that hold credentials: no route may look at them.
pub(crate) const CREDENTIALS: [&str; 5] = ["api-key", "authorization", "cookie", "proxy-authorization", "x-api-key"];

/// The value of `match`.
#[derive(Default)]
pub(super) struct Matcher {
    pub(super) models: Vec<Located<ModelId>>,
    pub(super) tenants: Option<Vec<Located<Pattern>>>,
    /// `None` if part of them could not be read.
    pub(super) conditions: Option<Conditions>,
}

/// What could be read of it.
pub(super) fn read(value: Value<'_>, report: &mut Report<'_>) -> Matcher {
    let Some(mut table) = value.table(report) else { return Matcher::default() };
    let models = table.require("model", report).map(|value| models(value, report)).unwrap_or_default();
    let tenants = table.take("tenant").map(|value| {
        let none = "the route would match no tenant; leave `tenant` out to match all of them";
        some(value, none, report)
    });
    let claims = table.optional("claims", report, wanted);
    let headers = table.optional("headers", report, headers);
    let operations = table.optional("operation", report, operations);
    let when: Option<Option<Located<Expression>>> = table.optional("when", report, Value::parsed);
    table.finish(report);
    let conditions = || {
        let when = when?.map(|when| when.value);
        Some(Conditions {
            claims: claims?.unwrap_or_default(),
            headers: headers?.unwrap_or_default(),
            operations: operations?,
            when,
        })
    };
    let conditions = conditions();
    Matcher { models, tenants, conditions }
}

/// One model, or a list of them.
fn models(value: Value<'_>, report: &mut Report<'_>) -> Vec<Located<ModelId>> {
    if value.is_string() {
        return value.parsed(report).into_iter().collect();
    }
    some(value, "the route would match no model; name one", report)
}

/// A list that is not empty.
fn some<T>(value: Value<'_>, empty: &str, report: &mut Report<'_>) -> Vec<Located<T>>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    let (at, key) = (value.at, value.key.clone());
    let elements = value.parsed_list(report);
    if elements.as_ref().is_some_and(Vec::is_empty) {
        report.fault(at, key, empty);
    }
    elements.unwrap_or_default()
}

/// Names with patterns, one or a list.
pub(super) fn wanted(value: Value<'_>, report: &mut Report<'_>) -> Option<Wanted> {
    let entries = value.table(report)?.into_entries();
    let read = |entry: Value<'_>| {
        let name = entry.name.into();
        let patterns = match entry.is_string() {
            true => entry.parsed(report).into_iter().collect(),
            false => some(entry, "nothing would fit; accepted: patterns such as `[\"eng-*\"]`", report),
        };
        (name, patterns.into_iter().map(|pattern: Located<Pattern>| pattern.value).collect())
    };
    Some(Wanted(entries.into_iter().map(read).collect()))
}

/// The same of headers, by their names in lower case.
fn headers(value: Value<'_>, report: &mut Report<'_>) -> Option<Wanted> {
    let (at, key) = (value.at, value.key.clone());
    let named = wanted(value, report)?;
    for (name, _) in &named.0 {
        if !name.parse::<HeaderName>().is_ok_and(|parsed| parsed.as_str() == &**name) {
            let message = format!("`{}` is no header; accepted: a name in lower case such as `x-team`", shortened(name));
            report.fault(at, key.as_str(), message);
        } else if CREDENTIALS.contains(&&**name) {
            report.fault(at, key.as_str(), format!("`{name}` holds a credential, which no route may look at; use `claims`"));
        }
    }
    Some(named)
}

fn operations(value: Value<'_>, report: &mut Report<'_>) -> Option<Operations> {
    let words = Operation::ALL.map(|operation| (operation.as_str(), operation));
    let (at, key) = (value.at, value.key.clone());
    let elements = value.list(report)?;
    if elements.is_empty() {
        report.fault(at, key, format!("the list is empty{}", accepted(words.iter().map(|(word, _)| *word))));
        return None;
    }
    let operations: Vec<_> = elements.into_iter().map(|element| element.choice(&words, report)).collect();
    operations.into_iter().collect()
}
