//! Reads a `[[route]]`.

use super::cursor::{Located, Table, Value};
use super::draft::RawRoute;
use super::matcher::{self, Matcher};
use super::{require, routing, shadow, timeouts};
use crate::fault::Report;
use crate::name::BackendName;

/// The route, as far as it can be read: once for each model that it is for.
pub(super) fn read(value: Value<'_>, report: &mut Report<'_>) -> Vec<RawRoute> {
    let place = report.place(value.at);
    let Some(mut table) = value.table(report) else { return Vec::new() };
    let name = table.require("name", report).and_then(|value| value.parsed(report));
    let Matcher { models, tenants, conditions } =
        table.require("match", report).map(|value| matcher::read(value, report)).unwrap_or_default();
    let tiers = tiers(&mut table, report);
    let shadow = table.take("shadow").and_then(|value| shadow::read(value, report));
    let routing = routing::read(&mut table, report);
    let require = table.take("require").and_then(|value| require::read(value, report));
    let timeouts = table.take("timeouts").map(|value| timeouts::read(value, timeouts::Scope::Route, report)).unwrap_or_default();
    table.finish(report);
    let route = RawRoute { place, name, model: None, tenants, conditions, tiers, shadow, require, routing, timeouts };
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
