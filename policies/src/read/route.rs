//! Reads a `[[route]]`.

use super::cursor::{Located, Table, Value};
use super::draft::RawRoute;
use super::{require, routing, timeouts};
use crate::fault::Report;
use crate::name::BackendName;

/// The route, as far as it can be read.
pub(super) fn read(value: Value<'_>, report: &mut Report<'_>) -> Option<RawRoute> {
    let place = report.place(value.at);
    let mut table = value.table(report)?;
    let name = table.require("name", report).and_then(|value| value.parsed(report));
    let (model, tenants) = match table.require("match", report).and_then(|value| value.table(report)) {
        None => (None, None),
        Some(mut matcher) => {
            let model = matcher.require("model", report).and_then(|value| value.parsed(report));
            let tenants = matcher.take("tenant").map(|value| tenants(value, report));
            matcher.finish(report);
            (model, tenants)
        }
    };
    let tiers = tiers(&mut table, report);
    let routing = routing::read(&mut table, report);
    let require = table.take("require").and_then(|value| require::read(value, report));
    let timeouts = table.take("timeouts").map(|value| timeouts::read(value, timeouts::Scope::Route, report)).unwrap_or_default();
    table.finish(report);
    Some(RawRoute { place, name, model, tenants, tiers, require, routing, timeouts })
}

fn tenants<T>(value: Value<'_>, report: &mut Report<'_>) -> Vec<Located<T>>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    let (at, key) = (value.at, value.key.clone());
    let tenants = value.parsed_list(report);
    if tenants.as_ref().is_some_and(Vec::is_empty) {
        report.fault(at, key, "the route would match no tenant; leave `tenant` out to match all of them");
    }
    tenants.unwrap_or_default()
}

fn tiers(table: &mut Table<'_>, report: &mut Report<'_>) -> Vec<Located<Vec<Located<BackendName>>>> {
    let Some(value) = table.require("tiers", report) else {
        return Vec::new();
    };
    let (at, key) = (value.at, value.key.clone());
    let Some(tiers) = value.list(report) else {
        return Vec::new();
    };
    if tiers.is_empty() {
        report.fault(at, key, "the route has no tier; accepted: lists of backends such as `[[\"a\", \"b\"], [\"c\"]]`");
    }
    tiers.into_iter().filter_map(|tier| self::tier(tier, report)).collect()
}

fn tier(value: Value<'_>, report: &mut Report<'_>) -> Option<Located<Vec<Located<BackendName>>>> {
    let (at, key) = (value.at, value.key.clone());
    let elements = value.list(report)?;
    if elements.is_empty() {
        report.fault(at, key.as_str(), "the tier is empty; name a backend or remove it");
    }
    let value = elements.into_iter().filter_map(|element| element.parsed(report)).collect();
    Some(Located { value, at, key })
}
