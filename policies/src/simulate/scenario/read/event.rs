//! Reads one `[[event]]` and gives it to the backends that it strikes.

use super::backend::{failing, limit, price, stall};
use super::quantity::{positive, seconds, share, whole};
use super::{Located, interval, optional};
use crate::fault::{Report, did_you_mean};
use crate::read::{Table, Value};
use crate::simulate::scenario::{Backend, Change, Event, Slowdown};

pub(super) fn read(mut table: Table<'_>, backends: &mut [Located<Backend>], report: &mut Report<'_>) {
    let (from, to) = interval(&mut table, report);
    let names = table.take("backends").and_then(|value| value.list(report));
    let domain = table.take("failure_domain").and_then(|value| value.string(report));
    let changes = changes(&mut table, report);
    if changes.is_empty() {
        let message =
            "nothing happens; accepted: `slow`, `fail`, `stall`, `breaks`, `down`, `blackhole`, `cut`, `limit`, `slots`, `price`";
        report.fault(table.at, table.key.as_str(), message);
    }
    if names.is_none() == domain.is_none() {
        report.fault(table.at, table.key.as_str(), "whom does it strike? accepted: either `backends` or `failure_domain`");
    }
    table.finish(report);
    let event = Event { from, to, changes };
    for name in names.unwrap_or_default() {
        strike_one(name, &event, backends, report);
    }
    if let Some(domain) = domain {
        strike_domain(&domain, &event, backends, report);
    }
}

fn strike_one(name: Value<'_>, event: &Event, backends: &mut [Located<Backend>], report: &mut Report<'_>) {
    let Some(Located { value: name, at, key }) = name.string(report) else { return };
    match backends.iter_mut().find(|backend| backend.value.name == name) {
        Some(backend) => backend.value.events.push(event.clone()),
        None => {
            let hint = did_you_mean(name, backends.iter().map(|backend| backend.value.name.as_str()));
            report.fault(at, key, format!("no backend `{name}`{hint}"));
        }
    }
}

fn strike_domain(domain: &Located<&str>, event: &Event, backends: &mut [Located<Backend>], report: &mut Report<'_>) {
    let domain_of = |backend: &Located<Backend>| backend.value.failure_domain.clone();
    if !backends.iter().any(|backend| domain_of(backend).as_deref() == Some(domain.value)) {
        let domains: Vec<_> = backends.iter().filter_map(domain_of).collect();
        let hint = did_you_mean(domain.value, domains.iter().map(String::as_str));
        report.fault(domain.at, domain.key.as_str(), format!("no backend is in `{}`{hint}", domain.value));
    }
    for backend in backends.iter_mut().filter(|backend| domain_of(backend).as_deref() == Some(domain.value)) {
        backend.value.events.push(event.clone());
    }
}

fn changes(table: &mut Table<'_>, report: &mut Report<'_>) -> Vec<Change> {
    let mut happens = |name| optional(table, name, false, report, |value, report| value.boolean(report));
    let strikes = [("down", Change::Down), ("blackhole", Change::Blackhole), ("cut", Change::Cut)];
    let mut changes: Vec<_> = strikes.into_iter().filter_map(|(name, change)| happens(name).then_some(change)).collect();
    changes.extend(table.optional("slow", report, slow).flatten().map(Change::Slow));
    changes.extend(table.optional("fail", report, failing).flatten().map(Change::Fail));
    changes.extend(table.optional("stall", report, stall).flatten().map(Change::Stall));
    changes.extend(table.optional("breaks", report, share).flatten().map(Change::Break));
    changes.extend(table.optional("limit", report, limit).flatten().map(Change::Limit));
    changes.extend(table.optional("slots", report, whole(1)).flatten().map(Change::Slots));
    changes.extend(table.optional("price", report, price).flatten().map(Change::Price));
    changes
}

fn slow(value: Value<'_>, report: &mut Report<'_>) -> Option<Slowdown> {
    if value.is_number() {
        return positive(value, report).map(|factor| Slowdown { first_token: factor, per_token: factor, ramp: 0.0 });
    }
    let mut table = value.table(report)?;
    let slowdown = Slowdown {
        first_token: optional(&mut table, "ttft", 1.0, report, positive),
        per_token: optional(&mut table, "tpot", 1.0, report, positive),
        ramp: optional(&mut table, "ramp", 0.0, report, seconds),
    };
    table.finish(report);
    Some(slowdown)
}
