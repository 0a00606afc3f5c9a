//! Reads one file: the keys at its top, and the merge with the files before it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::str::FromStr;

use toml::de::DeTable;

use super::cursor::{Located, Table, Value};
use super::draft::{Draft, RawRouting};
use super::{backend, prices, require, route, routing, tenant, test, timeouts};
use crate::fault::{At, Report};
use crate::name::InvalidName;

/// The version of the policy language that this crate reads.
const VERSION: i64 = 1;

/// How many slips of syntax are shown of one file: one bracket too few is told again on each line after it.
const MOST_SLIPS: usize = 5;

/// The file is not TOML; the report says where.
pub(super) struct NotToml;

/// Adds what file number `file` says to the draft.
///
/// A file that is not TOML says nothing at all. Its tree could be mended by a guess, but then keys slip into other tables and values
/// into other lists: the faults found there would be false, and a message about a word could repeat a secret.
pub(super) fn read(file: usize, text: &str, draft: &mut Draft, report: &mut Report<'_>) -> Result<(), NotToml> {
    let (tree, errors) = DeTable::parse_recoverable(text);
    for error in errors.iter().take(MOST_SLIPS) {
        let at = At::new(file, error.span().unwrap_or(0..0));
        let remedy = if error.message() == "duplicate key" { ", which a file may define once; keep one of them" } else { "" };
        report.fault(at, "", format!("not TOML: {}{remedy}", error.message().replace('\n', "; ")));
    }
    if !errors.is_empty() {
        conceal_values(file, text, report);
        return Err(NotToml);
    }
    let mut top = Table::new(String::new(), At::top_of(file), tree.get_ref());
    version(&mut top, report);
    if let Some(table) = top.take("defaults").and_then(|value| value.table(report)) {
        defaults(table, draft, report);
    }
    for (entry, place) in named(top.take("backend"), report) {
        let (at, key) = (entry.name_at, entry.key.clone());
        let value = backend::read(entry, report);
        insert(&mut draft.backends, place, Located { value, at, key }, report);
    }
    for (entry, alias) in named(top.take("alias"), report) {
        let (at, key) = (entry.name_at, entry.key.clone());
        let value = entry.parsed(report);
        insert(&mut draft.aliases, alias, Located { value, at, key }, report);
    }
    for (entry, id) in named(top.take("tenant"), report) {
        let (at, key) = (entry.name_at, entry.key.clone());
        let value = tenant::read(entry, report);
        insert(&mut draft.tenants, id, Located { value, at, key }, report);
    }
    let prices = top.take("prices").and_then(|value| prices::read(value, report));
    set(&mut draft.prices, prices, report);
    let routes = top.take("route").and_then(|value| value.list(report)).unwrap_or_default();
    draft.routes.extend(routes.into_iter().flat_map(|value| route::read(value, report)));
    let tests = top.take("test").and_then(|value| value.list(report)).unwrap_or_default();
    draft.tests.extend(tests.into_iter().filter_map(|value| test::read(value, report)));
    top.finish(report);
    Ok(())
}

/// Every file states the version, so that a file means the same wherever it is put.
fn version(top: &mut Table<'_>, report: &mut Report<'_>) {
    let Some(value) = top.take("version") else {
        return report.fault(top.at, "", format!("missing key `version`; start the file with `version = {VERSION}`"));
    };
    value.integer(&format!("{VERSION}"), |version| (version == VERSION).then_some(()), report);
}

fn defaults(mut table: Table<'_>, draft: &mut Draft, report: &mut Report<'_>) {
    merge(&mut draft.routing, routing::read(&mut table, report), report);
    let require = table.take("require").and_then(|value| require::read(value, report));
    set(&mut draft.require, require, report);
    if let Some(value) = table.take("timeouts") {
        let (at, key) = (value.name_at, value.key.clone());
        let value = timeouts::read(value, timeouts::Scope::Backends, report);
        set(&mut draft.timeouts, Some(Located { value, at, key }), report);
    }
    table.finish(report);
}

/// Adds what one file says of choosing to what the files before it said.
fn merge(all: &mut RawRouting, one: RawRouting, report: &mut Report<'_>) {
    let RawRouting { objective, seconds_per_dollar, hedge_budget, max_attempts, retry_budget, midstream, ceiling, slo, spill } =
        one;
    set(&mut all.objective, objective, report);
    set(&mut all.seconds_per_dollar, seconds_per_dollar, report);
    set(&mut all.hedge_budget, hedge_budget, report);
    set(&mut all.max_attempts, max_attempts, report);
    set(&mut all.retry_budget, retry_budget, report);
    set(&mut all.midstream, midstream, report);
    set(&mut all.slo, slo, report);
    set(&mut all.spill, spill, report);
    set(&mut all.ceiling.per_request, ceiling.per_request, report);
    set(&mut all.ceiling.per_tenant_day, ceiling.per_tenant_day, report);
}

/// The entries of a table whose keys are names, each with its name. A key that is no name is reported and left out.
fn named<'t, N>(value: Option<Value<'t>>, report: &mut Report<'_>) -> Vec<(Value<'t>, N)>
where
    N: FromStr<Err = InvalidName>,
{
    let entries = value.and_then(|value| value.table(report)).map(Table::into_entries).unwrap_or_default();
    let parse = |entry: Value<'t>| match entry.name.parse::<N>() {
        Ok(name) => Some((entry, name)),
        Err(error) => {
            report.fault(entry.name_at, entry.key, error.to_string());
            None
        }
    };
    entries.into_iter().filter_map(parse).collect()
}

/// Adds an entry under a name that no file has defined before.
fn insert<N: Ord, T>(map: &mut BTreeMap<N, Located<T>>, name: N, value: Located<T>, report: &mut Report<'_>) {
    match map.entry(name) {
        Entry::Vacant(vacant) => {
            vacant.insert(value);
        }
        Entry::Occupied(first) => twice(first.get().at, &value, report),
    }
}

/// Sets a value, if there is one, that no file has set before.
fn set<T>(slot: &mut Option<Located<T>>, value: Option<Located<T>>, report: &mut Report<'_>) {
    match (&slot, value) {
        (Some(first), Some(value)) => twice(first.at, &value, report),
        (None, value) => *slot = value,
        (Some(_), None) => {}
    }
}

fn twice<T>(first: At, second: &Located<T>, report: &mut Report<'_>) {
    let place = report.mention(first);
    let message = format!("defined twice; it was first defined{place}; keep one");
    report.fault(second.at, second.key.as_str(), message);
}

/// Hides whatever may be a value. A file that is not TOML has no keys to tell a secret by: a slip in the key, or a
/// quote too few, and the secret of one line is the text of another.
fn conceal_values(file: usize, text: &str, report: &mut Report<'_>) {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let end = start + line.len();
        let shown = match line.find('=') {
            Some(equals) => equals + 1,
            None if line.trim_start().starts_with('[') => line.len(),
            None => 0,
        };
        report.conceal(At::new(file, start + shown..end));
        start = end;
    }
}
