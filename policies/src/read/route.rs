//! Reads a `[[route]]`.

use super::cursor::{Located, Table, Value};
use super::draft::{RawRoute, RawSplit};
use super::matcher::{self, Matcher};
use super::{canary, require, routing, shadow, timeouts};
use crate::fault::Report;
use crate::name::BackendName;
use crate::spec::MOST_WEIGHT;

/// The route, as far as it can be read: once for each model that it is for.
pub(super) fn read(value: Value<'_>, report: &mut Report<'_>) -> Vec<RawRoute> {
    let place = report.place(value.at);
    let Some(mut table) = value.table(report) else { return Vec::new() };
    let name = table.require("name", report).and_then(|value| value.parsed(report));
    let Matcher { models, tenants, conditions } =
        table.require("match", report).map(|value| matcher::read(value, report)).unwrap_or_default();
    let tiers = tiers(&mut table, report);
    let shadow = table.take("shadow").and_then(|value| shadow::read(value, report));
    let larger = table.take("larger").and_then(|value| value.parsed(report));
    let routing = routing::read(&mut table, report);
    let split = table.take("split").and_then(|value| split(value, report));
    let canary = table.take("canary").and_then(|value| canary::read(value, report));
    let require = table.take("require").and_then(|value| require::read(value, report));
    let timeouts = table.take("timeouts").map(|value| timeouts::read(value, timeouts::Scope::Route, report)).unwrap_or_default();
    table.finish(report);
    let route = RawRoute {
        place,
        name,
        model: None,
        tenants,
        conditions,
        tiers,
        shadow,
        larger,
        require,
        routing,
        split,
        canary,
        timeouts,
    };
    match models.is_empty() {
        true => vec![route],
        false => models.into_iter().map(|model| RawRoute { model: Some(model), ..route.clone() }).collect(),
    }
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

fn split(value: Value<'_>, report: &mut Report<'_>) -> Option<Located<RawSplit>> {
    let (at, key) = (value.at, value.key.clone());
    let entries = value.table(report)?.into_entries();
    let count = entries.len();
    let value: RawSplit = entries.into_iter().filter_map(|entry| weight(entry, report)).collect();
    if value.len() == count && value.iter().all(|(_, weight)| *weight == 0) {
        let message = "no backend weighs anything; accepted: backends with their weights, such as `{ a = 90, b = 10 }`";
        report.fault(at, key.as_str(), message);
    }
    Some(Located { value, at, key })
}

/// A backend and what it weighs.
fn weight(entry: Value<'_>, report: &mut Report<'_>) -> Option<(Located<BackendName>, u32)> {
    let (name, at, key) = (entry.name.parse::<BackendName>(), entry.name_at, entry.key.clone());
    let accept = |weight: i64| u32::try_from(weight).ok().filter(|weight| *weight <= MOST_WEIGHT);
    let weight = entry.integer("0 to 1000000", accept, report);
    match name {
        Ok(value) => Some((Located { value, at, key }, weight?.value)),
        Err(error) => {
            report.fault(at, key, error.to_string());
            None
        }
    }
}
