//! Reads what is required of backends: `require` of routes and `[defaults]`, and the same keys of a tenant.

use super::cursor::{Located, Table, Value};
use crate::fault::Report;
use crate::residency::Jurisdictions;
use crate::spec::Requirement;

/// The value of `require`.
pub(super) fn read(value: Value<'_>, report: &mut Report<'_>) -> Option<Located<Requirement>> {
    let (at, key) = (value.name_at, value.key.clone());
    let mut table = value.table(report)?;
    let jurisdictions = table.optional("jurisdictions", report, jurisdictions);
    let terms = terms(&mut table, report);
    table.finish(report);
    let (zero_retention, no_training) = terms?;
    Some(Located { value: Requirement { jurisdictions: jurisdictions?, zero_retention, no_training }, at, key })
}

/// What a tenant requires wherever its requests go.
pub(super) fn of_tenant(table: &mut Table<'_>, report: &mut Report<'_>) -> Option<Requirement> {
    let jurisdictions = table.optional("residency", report, jurisdictions);
    let (zero_retention, no_training) = terms(table, report)?;
    Some(Requirement { jurisdictions: jurisdictions?, zero_retention, no_training })
}

/// A list of countries and unions of them.
pub(super) fn jurisdictions(value: Value<'_>, report: &mut Report<'_>) -> Option<Jurisdictions> {
    let (at, key) = (value.at, value.key.clone());
    let elements = value.list(report)?;
    if elements.is_empty() {
        report.fault(at, key, "the list is empty; accepted: countries such as `DE`, `EU` and `EEA`");
        return None;
    }
    let sets: Vec<Option<Located<Jurisdictions>>> = elements.into_iter().map(|element| element.parsed(report)).collect();
    sets.into_iter().map(|set| set.map(|located| located.value)).collect()
}

fn terms(table: &mut Table<'_>, report: &mut Report<'_>) -> Option<(bool, bool)> {
    let zero_retention = table.optional("zero_retention", report, required);
    let no_training = table.optional("no_training", report, required);
    Some((zero_retention?.is_some(), no_training?.is_some()))
}

/// `true`. Requirements add up, so `false` would look as if it took one back.
fn required(value: Value<'_>, report: &mut Report<'_>) -> Option<()> {
    let (at, key) = (value.at, value.key.clone());
    if value.boolean(report)? {
        return Some(());
    }
    report.fault(at, key, "`false` takes back nothing that is required elsewhere; leave the key out, or write `true`");
    None
}
